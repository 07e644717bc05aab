"""Every mode and profile that files come in becomes 8-bit sRGB."""

from io import BytesIO

import pytest
from PIL import Image, ImageCms

from images.delivery.transformations import Transformation
from images.rendering import render
from images.rendering.colours import palette, resizable
from tests.images.samples import corners, file_of, near, profile, quarters

pytestmark = pytest.mark.any_database
CHAINS = ["f_png", "c_fit,w_32/f_png", "a_90/a_-90/f_png", "c_crop,w_63,h_47,x_0/f_jpg", "c_pad,w_64,h_48/f_webp"]


def made(source: bytes, chain: str = "f_png") -> Image.Image:
    content = render(source, Transformation.parse(chain), extension="jpg", webp=False).content
    image = Image.open(BytesIO(content))
    image.load()
    return image


def pixel(source: bytes, chain: str = "f_png") -> tuple[int, ...]:
    found = made(source, chain).convert("RGB").getpixel((2, 2))
    assert isinstance(found, tuple)
    return found


def palette_with_transparency() -> bytes:
    image = quarters().quantize(4)
    return file_of(image, "PNG", transparency=image.getpixel((0, 0)))


COLOURED = {
    "RGB": file_of(quarters()),
    "RGBA": file_of(quarters().convert("RGBA")),
    "P": file_of(quarters().quantize(4)),
    "P in a GIF": file_of(quarters(), "GIF"),
    "P in a BMP": file_of(quarters().quantize(4), "BMP"),
    "YCbCr": file_of(quarters().convert("YCbCr"), "JPEG"),
    "CMYK in a TIFF": file_of(quarters().convert("CMYK"), "TIFF"),
    "CMYK in a JPEG": file_of(quarters().convert("CMYK"), "JPEG"),
    "LAB": file_of(
        ImageCms.profileToProfile(
            quarters(), ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), outputMode="LAB"
        ) or quarters(),
        "TIFF",
    ),
    "a compressed TIFF": file_of(quarters(), "TIFF", compression="tiff_lzw"),
    "an RGBA TIFF": file_of(quarters().convert("RGBA"), "TIFF"),
    "lossless WEBP": file_of(quarters(), "WEBP", lossless=True),
    "AVIF": file_of(quarters(), "AVIF", quality=100, subsampling="4:4:4"),
}  # fmt: skip


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("source", COLOURED.values(), ids=COLOURED)
def test_every_colour_mode_keeps_its_colours(source: bytes, chain: str) -> None:
    assert corners(made_bytes(source, chain)) == ("red", "green", "blue", "yellow")


def made_bytes(source: bytes, chain: str) -> bytes:
    return render(source, Transformation.parse(chain), extension="jpg", webp=False).content


GREYS = {
    "1": Image.new("L", (64, 48), 255).convert("1"),
    "L": Image.new("L", (64, 48), 156),
    "LA": Image.new("LA", (64, 48), (156, 255)),
    "I;16": Image.new("I;16", (64, 48), 40_000),
}


@pytest.mark.parametrize("chain", CHAINS)
@pytest.mark.parametrize("mode", GREYS)
def test_every_grey_mode_is_scaled_and_not_clipped(mode: str, chain: str) -> None:
    wanted = 255 if mode == "1" else 156
    assert near(pixel(file_of(GREYS[mode]), chain), (wanted,) * 3, 3)


def test_big_endian_16_bit_grey_is_scaled() -> None:
    image = Image.frombytes("I;16B", (8, 8), (40_000).to_bytes(2, "big") * 64)
    assert near(pixel(file_of(image, "TIFF")), (156,) * 3, 1)


@pytest.mark.parametrize(("value", "wanted"), [(0, 0), (40_000, 156), (65_535, 255)])
def test_16_bit_black_and_white_are_black_and_white(value: int, wanted: int) -> None:
    assert pixel(file_of(Image.new("I;16", (8, 8), value))) == (wanted,) * 3


@pytest.mark.parametrize(
    ("mode", "value", "white"),
    [("F", 0.5, 1.0), ("F", 128.0, 255.0), ("I", 128, 255), ("I", 1 << 24, 1 << 25), ("F", 1e30, 2e30)],
)
def test_32_bit_grey_is_scaled_to_the_values_it_has(mode: str, value: float, white: float) -> None:
    image = Image.new(mode, (8, 8), value)
    image.putpixel((7, 7), white)
    assert near(pixel(file_of(image, "TIFF")), (128,) * 3, 1)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 0.0, -5.0])
def test_32_bit_grey_without_sense_is_still_a_picture(value: float) -> None:
    assert made(file_of(Image.new("F", (8, 8), value), "TIFF")).size == (8, 8)


@pytest.mark.parametrize("mode", ["PA", "La", "RGBa", "RGBX", "HSV", "I;16B", "I;16L", "YCbCr"])
def test_modes_that_only_some_decoders_yield_can_be_resized_too(mode: str) -> None:
    assert resizable(Image.new(mode, (8, 8))).mode in ("L", "LA", "RGB", "RGBA")


TRANSPARENT = {
    "P": palette_with_transparency(),
    "P in a GIF": file_of(quarters().quantize(4), "GIF", transparency=quarters().quantize(4).getpixel((0, 0))),
    "RGB": file_of(quarters(), "PNG", transparency=(255, 0, 0)),
    "L": file_of(Image.new("L", (64, 48), 77), "PNG", transparency=77),
    "1": file_of(Image.new("1", (64, 48), 0), "PNG", transparency=0),
    "LA": file_of(Image.new("LA", (64, 48), (77, 0))),
    "PA": file_of(Image.new("RGBA", (64, 48), (255, 0, 0, 0)).quantize(4)),
}


@pytest.mark.parametrize("source", TRANSPARENT.values(), ids=TRANSPARENT)
def test_every_kind_of_transparency_is_kept_in_png_and_white_in_jpeg(source: bytes) -> None:
    for chain in ("f_png", "c_fit,w_32/f_png"):
        found = made(source, chain).convert("RGBA").getpixel((2, 2))
        assert isinstance(found, tuple) and found[3] == 0
    assert near(pixel(source, "f_jpg"), (255, 255, 255), 3)


def test_colours_go_through_the_profile() -> None:
    red = Image.new("RGB", (16, 16), (255, 0, 0))
    for format in ("PNG", "JPEG", "TIFF", "WEBP"):
        source = file_of(red, format, icc_profile=profile(swapped=True))
        assert near(pixel(source), (0, 255, 0)), format
        assert near(pixel(source, "c_fit,w_8/f_jpg"), (0, 255, 0)), format


def test_alpha_survives_the_profile() -> None:
    image = Image.new("RGBA", (16, 16), (255, 0, 0, 128))
    found = made(file_of(image, "PNG", icc_profile=profile(swapped=True))).getpixel((2, 2))
    assert isinstance(found, tuple) and near(found[:3], (0, 255, 0)) and found[3] == 128


def test_grey_goes_through_its_profile() -> None:
    # A linear 128 is an sRGB 188.
    source = file_of(Image.new("L", (16, 16), 128), "PNG", icc_profile=profile(b"GRAY"))
    assert near(pixel(source), (188,) * 3, 2)


@pytest.mark.parametrize(
    "broken",
    [b"rubbish", profile(swapped=True)[:200], profile(b"GRAY"), profile(b"CMYK"), b"\0" * 4096],
    ids=["rubbish", "cut short", "grey", "cmyk", "zeros"],
)
def test_a_profile_that_does_not_fit_is_ignored(broken: bytes) -> None:
    red = Image.new("RGB", (16, 16), (255, 0, 0))
    assert near(pixel(file_of(red, "PNG", icc_profile=broken)), (255, 0, 0))
    cmyk = file_of(red.convert("CMYK"), "JPEG", icc_profile=broken)
    assert near(pixel(cmyk), (255, 0, 0))


def test_a_palette_gives_each_colour_its_share_largest_first() -> None:
    image = quarters(100, 100)
    image.paste((255, 255, 255), (0, 0, 100, 40))
    found = palette(image)
    assert found == [("#FFFFFF", 40.0), ("#FFFF00", 25.0), ("#0000FF", 25.0), ("#FF0000", 5.0), ("#00FF00", 5.0)]


def test_a_palette_of_many_colours_has_32_that_make_up_the_picture() -> None:
    image = Image.merge("RGB", [Image.effect_noise((100, 100), 200) for _ in range(3)])
    found = palette(image)
    assert len(found) == 32
    assert [percent for _, percent in found] == sorted((percent for _, percent in found), reverse=True)
    assert sum(percent for _, percent in found) == pytest.approx(100, abs=2)


def test_a_colour_that_next_to_nothing_has_is_not_in_the_palette() -> None:
    image = Image.new("L", (100, 100), 255)
    image.putpixel((5, 5), 0)
    assert palette(image) == [("#FFFFFF", 100.0)]
