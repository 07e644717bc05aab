"""What chains make of pictures: sizes, places, turns."""

from io import BytesIO

import pytest
from PIL import Image

from tests.images.samples import corners, file_of, made, near, oriented, quarters

pytestmark = pytest.mark.any_database
UPRIGHT = ("red", "green", "blue", "yellow")


def size(width: int, height: int, chain: str) -> tuple[int, int]:
    rendition = made(file_of(Image.new("L", (width, height))), chain)
    return rendition.width, rendition.height


@pytest.mark.parametrize(
    ("original", "chain", "wanted"),
    [
        ((401, 301), "c_fit,w_200,h_200", (200, 150)),
        ((301, 401), "c_fit,w_200,h_200", (150, 200)),
        ((10, 20), "c_fit,w_300", (300, 600)),
        ((10, 20), "c_fit,h_5", (3, 5)),  # 2.5, rounded up
        ((3, 2), "c_fit,w_5,h_100", (5, 3)),  # 3.33, rounded down
        ((1000, 1), "c_fit,w_10,h_10", (10, 1)),
        ((40, 30), "c_fit,w_80,h_80", (80, 60)),
        ((40, 30), "c_limit,w_80,h_80", (40, 30)),
        ((40, 30), "c_limit,w_80", (40, 30)),
        ((40, 30), "c_limit,w_20,h_80", (20, 15)),
        ((41, 31), "c_limit,h_10", (13, 10)),
        ((41, 31), "c_scale,w_7,h_90", (7, 90)),
        ((41, 31), "w_7,h_90", (7, 90)),
        ((41, 31), "w_82", (82, 62)),
        ((41, 31), "h_62", (82, 62)),
        ((41, 31), "c_fill,w_20,h_20", (20, 20)),
        ((41, 31), "c_fill,w_200,h_3", (200, 3)),
        ((41, 31), "c_fill,w_82", (82, 62)),
        ((1000, 1), "c_fill,w_1,h_200", (1, 200)),
        ((41, 31), "c_pad,w_50,h_90", (50, 90)),
        ((41, 31), "c_pad,h_62", (82, 62)),
        ((41, 31), "c_crop,w_7,h_9", (7, 9)),
        ((41, 31), "c_crop,w_7", (7, 31)),
        ((41, 31), "c_crop,h_9,x_1", (40, 9)),
        ((41, 31), "c_crop,w_90,h_90", (41, 31)),
        ((41, 31), "c_crop,w_10,h_10,x_38,y_28", (3, 3)),
        ((41, 31), "c_crop,w_10,h_10,x_41,y_99999", (1, 1)),
        ((41, 31), "c_crop,w_10,h_10,g_east,x_40", (1, 10)),
        ((41, 31), "a_90", (31, 41)),
        ((41, 31), "a_-180", (41, 31)),
        ((41, 31), "a_-90", (31, 41)),
        ((41, 31), "a_360", (41, 31)),
        ((41, 31), "a_90,w_82,h_31", (31, 82)),  # a step resizes first
        ((41, 31), "c_fit,w_41,dpr_2", (82, 62)),
        ((41, 31), "c_fit,w_41,dpr_auto", (41, 31)),
        ((41, 31), "dpr_3", (41, 31)),
    ],
    ids=str,
)
def test_sizes_are_those_of_cloudinary(original: tuple[int, int], chain: str, wanted: tuple[int, int]) -> None:
    assert size(*original, chain) == wanted


@pytest.mark.parametrize(
    ("original", "chain", "wanted"),
    [
        ((10, 100), "c_fit,w_4096", (410, 4096)),
        ((100, 10), "h_4096", (4096, 410)),
        ((10, 100), "c_fill,w_1000", (410, 4096)),
        ((10, 100), "c_pad,w_500,dpr_2", (410, 4096)),
        ((10, 8192), "c_limit,w_10", (5, 4096)),
    ],
    ids=str,
)
def test_no_resize_makes_a_side_over_4096_pixels(
    original: tuple[int, int], chain: str, wanted: tuple[int, int]
) -> None:
    assert size(*original, chain) == wanted


def test_a_crop_alone_may_keep_more_than_4096_pixels() -> None:
    assert size(5000, 3, "c_crop,w_4500,h_2") == (4500, 2)


def test_steps_are_taken_in_order() -> None:
    assert size(100, 60, "c_crop,w_50,h_20,x_0,y_0/a_90/c_fit,w_10/c_fill,w_8,h_8/a_90/c_pad,w_20,h_10") == (20, 10)
    assert size(100, 60, "c_fit,w_50/c_crop,w_40,h_40/a_90/c_fit,h_20") == (15, 20)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_comes_first(orientation: int, format: str) -> None:
    rendition = made(oriented(orientation, format=format))
    assert (rendition.width, rendition.height) == (64, 48)
    assert corners(rendition.content) == UPRIGHT


@pytest.mark.parametrize("orientation", range(1, 9))
def test_coordinates_are_pixels_of_the_upright_original(orientation: int) -> None:
    source = oriented(orientation, 640, 480)
    # Ten pixels of green and as many of yellow, shrunk by more than a JPEG decoder does by itself.
    cropped = made(source, "c_crop,w_300,h_200,x_330,y_140/c_fit,w_30")
    assert (cropped.width, cropped.height) == (30, 20)
    assert corners(cropped.content, inset=0) == ("green", "green", "yellow", "yellow")
    turned = made(source, "c_crop,w_320,h_480,x_320,y_0/a_90/c_fit,w_60")
    assert (turned.width, turned.height) == (60, 40)
    assert corners(turned.content) == ("yellow", "green", "yellow", "green")


@pytest.mark.parametrize(
    ("turns", "wanted"),
    [
        ("a_90", ("blue", "red", "blue", "red")),
        ("a_180", ("blue", "blue", "red", "red")),
        ("a_90/a_90", ("blue", "blue", "red", "red")),
        ("a_90/a_90/a_90", ("red", "blue", "red", "blue")),
        ("a_270/a_180/a_-90", ("red", "red", "blue", "blue")),
    ],
)
def test_a_region_that_is_turned_before_it_is_shrunk_stays_the_region(turns: str, wanted: tuple[str, ...]) -> None:
    source = file_of(quarters(80, 40))
    assert corners(made(source, f"c_crop,w_30,h_20,x_5,y_10/{turns}/c_fit,w_10").content, inset=1) == wanted


@pytest.mark.parametrize(
    ("angle", "wanted"),
    [
        (90, ("blue", "red", "yellow", "green")),
        (180, ("yellow", "blue", "green", "red")),
        (270, ("green", "yellow", "red", "blue")),
        (-90, ("green", "yellow", "red", "blue")),
        (0, UPRIGHT),
    ],
)
def test_angles_turn_clockwise(angle: int, wanted: tuple[str, ...]) -> None:
    source = file_of(quarters())
    assert corners(made(source, f"a_{angle}").content) == wanted
    assert corners(made(source, f"c_fit,w_32/a_{angle}").content) == wanted
    assert corners(made(source, f"a_{angle}/c_fit,w_32").content) == wanted


@pytest.mark.parametrize(
    ("gravity", "wanted"),
    [
        ("north_west", ("red", "red", "red", "red")),
        ("north", ("red", "green", "red", "green")),
        ("north_east", ("green", "green", "green", "green")),
        ("west", ("red", "red", "blue", "blue")),
        ("center", UPRIGHT),
        ("east", ("green", "green", "yellow", "yellow")),
        ("south_west", ("blue", "blue", "blue", "blue")),
        ("south", ("blue", "yellow", "blue", "yellow")),
        ("south_east", ("yellow", "yellow", "yellow", "yellow")),
    ],
)
def test_crops_lie_where_their_gravity_says(gravity: str, wanted: tuple[str, ...]) -> None:
    assert corners(made(file_of(quarters()), f"c_crop,w_20,h_20,g_{gravity}").content) == wanted


def test_crops_are_central_unless_they_have_an_offset() -> None:
    source = file_of(quarters())
    assert corners(made(source, "c_crop,w_20,h_20").content) == UPRIGHT
    assert corners(made(source, "c_crop,w_20,h_20,x_0").content) == ("red", "red", "red", "red")
    assert corners(made(source, "c_crop,w_20,h_20,x_22,y_14").content) == UPRIGHT


def test_offsets_lead_inwards_from_the_gravity() -> None:
    source = file_of(quarters())
    assert corners(made(source, "c_crop,w_20,h_20,g_south_east,x_44,y_28").content) == ("red", "red", "red", "red")
    assert corners(made(source, "c_crop,w_20,h_20,g_center,x_10,y_10").content, 0) == ("yellow",) * 4


def test_a_region_outside_the_picture_is_its_nearest_pixel() -> None:
    assert corners(made(file_of(quarters()), "c_crop,w_5,h_5,x_9999,y_0").content, 0) == ("green",) * 4


@pytest.mark.parametrize(
    ("gravity", "wanted"),
    [("", UPRIGHT), (",g_north", ("red", "green", "red", "green")), (",g_south_east", ("blue", "yellow") * 2)],
)
def test_a_fill_keeps_the_side_that_its_gravity_names(gravity: str, wanted: tuple[str, ...]) -> None:
    # 64x48 covers 60x12 as 60x45, of which the middle, the top or the bottom stays.
    rendition = made(file_of(quarters()), f"c_fill,w_60,h_12{gravity}")
    assert corners(rendition.content, inset=1) == wanted


def test_a_pad_is_transparent_or_white_and_lies_by_gravity() -> None:
    source = file_of(quarters())
    image = Image.open(BytesIO(made(source, "c_pad,w_64,h_98").content))
    assert image.getpixel((5, 5)) == (255, 255, 255, 0)
    assert image.getpixel((5, 30)) == (255, 0, 0, 255)
    assert corners(made(source, "c_pad,w_64,h_98,f_jpg").content) == ("white",) * 4
    assert corners(made(source, "c_pad,w_64,h_98,g_north,f_jpg").content) == ("red", "green", "white", "white")
    assert corners(made(source, "c_pad,w_98,h_48,g_east,f_jpg").content) == ("white", "green", "white", "yellow")


def test_what_was_cropped_away_does_not_shine_through() -> None:
    rendition = made(file_of(quarters(640, 480)), "c_crop,w_320,h_240,x_0,y_0/c_fit,w_20")
    assert set(Image.open(BytesIO(rendition.content)).get_flattened_data()) == {(255, 0, 0)}


@pytest.mark.parametrize(
    "chain", ["c_fit,w_50", "c_fit,w_50,h_50", "c_fill,w_50,h_50", "c_crop,w_400,h_300,x_201,y_101/c_fit,w_40"]
)
@pytest.mark.parametrize("size", [(801, 603), (803, 97)], ids=str)
def test_shrinking_while_decoding_shows_the_same_part_of_the_picture(chain: str, size: tuple[int, int]) -> None:
    source = file_of(Image.linear_gradient("L").resize(size).convert("RGB"), "JPEG")
    from_jpeg = Image.open(BytesIO(made(source, chain).content))
    from_png = Image.open(BytesIO(made(file_of(Image.open(BytesIO(source))), chain).content))
    assert from_jpeg.size == from_png.size
    pairs = zip(from_jpeg.get_flattened_data(), from_png.get_flattened_data(), strict=True)
    assert all(isinstance(wanted, tuple) and near(found, wanted, 6) for found, wanted in pairs)
