"""Which format a rendition has, what is in it, and what is not."""

import gc
import warnings
from contextlib import suppress
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from images.delivery.transformations import Transformation, TransformationError
from images.rendering import PictureError, render
from tests.images.samples import animation, corners, file_of, made, near, profile, quarters

pytestmark = pytest.mark.any_database
HEIC = Path(__file__).parents[1] / "data" / "upright.heic"


def test_an_explicit_format_wins() -> None:
    source = file_of(quarters())
    for format in ("jpg", "png", "webp", "avif"):
        assert made(source, f"f_{format}", extension="heic", webp=True).format == format


def test_auto_is_webp_where_welcome_and_small() -> None:
    small, large = file_of(quarters(1000, 1000)), file_of(quarters(1001, 1000))
    assert made(small, "f_auto", webp=True).format == "webp"
    assert made(large, "f_auto", webp=True).format == "jpg"
    assert made(large, "c_fit,w_99/f_auto", webp=True).format == "webp"
    assert made(small, "f_auto", webp=False).format == "jpg"


def test_without_a_format_the_extension_says_it() -> None:
    source = file_of(quarters())
    found = {name: made(source, extension=name, webp=True).format for name in ("jpg", "jpeg", "png", "webp", "avif")}
    assert found == {"jpg": "jpg", "jpeg": "jpg", "png": "png", "webp": "webp", "avif": "avif"}


@pytest.mark.parametrize("extension", ["gif", "heic", "", "JPG", "html", "\ud800" * 999])
def test_an_extension_that_is_no_format_is_refused_with_a_sentence(extension: str) -> None:
    with pytest.raises(TransformationError) as refusal:
        made(file_of(quarters()), extension=extension)
    assert str(refusal.value).isascii() and len(str(refusal.value)) < 200


def test_content_types_follow_the_format() -> None:
    found = {format: made(file_of(quarters()), f"f_{format}").content_type for format in ("jpg", "png", "webp", "avif")}
    assert found == {"jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "avif": "image/avif"}


@pytest.mark.parametrize("format", ["jpg", "webp", "avif"])
def test_quality_is_as_given_and_auto_is_the_default(format: str) -> None:
    source = file_of(Image.effect_noise((64, 64), 60).convert("RGB"))
    low, auto, default, high = (made(source, f"f_{format}{q}").content for q in (",q_5", ",q_auto", "", ",q_100"))
    assert len(low) < len(auto) < len(high)
    assert auto == default


def test_sides_that_an_encoder_does_not_take_are_shrunk_or_become_jpeg() -> None:
    long = file_of(Image.new("L", (20_000, 8)))
    assert (made(long, "f_webp").width, made(long, "f_webp").height) == (16_383, 7)
    assert (made(long, "f_auto", webp=True).format, made(long, "f_auto", webp=True).width) == ("jpg", 20_000)
    longer = made(file_of(Image.new("L", (70_000, 8))), "f_jpg")
    assert (longer.width, longer.height) == (65_500, 7)


def test_alpha_stays_where_it_can_and_is_white_in_jpeg() -> None:
    image = Image.new("RGBA", (40, 40), (255, 0, 0, 0))
    image.paste((0, 0, 255, 255), (20, 0, 40, 40))
    for format in ("png", "webp", "avif"):
        shown = Image.open(BytesIO(made(file_of(image), f"c_fit,w_20/f_{format}").content))
        assert shown.mode == "RGBA"
        left, right = shown.getpixel((4, 10)), shown.getpixel((16, 10))
        assert isinstance(left, tuple) and left[3] < 8
        assert near(right, (0, 0, 255, 255))
    assert corners(made(file_of(image), "c_fit,w_20/f_jpg").content) == ("white", "blue", "white", "blue")


@pytest.mark.parametrize("format", ["jpg", "png", "webp", "avif"])
@pytest.mark.parametrize("source_format", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("chain", ["", "c_fit,w_20/", "a_90/", "c_crop,w_50,h_40/"])
def test_no_metadata_leaves_with_a_rendition(source_format: str, format: str, chain: str) -> None:
    exif = Image.Exif()
    exif[0x010F] = "SecretMaker"
    xmp = b"<x:xmpmeta>SecretPacket</x:xmpmeta>"
    options: dict[str, object] = {"exif": exif, "icc_profile": profile(), "comment": b"SecretComment", "xmp": xmp}
    content = made(file_of(quarters(), source_format, **options), f"{chain}f_{format}").content
    for trace in (
        b"Secret",
        b"Exif",
        b"EXIF",
        b"eXIf",
        b"ICC_PROFILE",
        b"iCCP",
        b"ICCP",
        b"XMP ",
        b"xmpmeta",
        b"Test",
        b"acsp",
    ):
        assert trace not in content


def test_the_comment_of_a_gif_and_the_text_of_a_png_stay_behind() -> None:
    gif = file_of(quarters(), "GIF", comment=b"SecretComment")
    assert b"SecretComment" in gif
    for extension in ("jpg", "png", "webp", "avif"):
        assert b"SecretComment" not in made(gif, extension=extension).content


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP", "AVIF", "TIFF"])
def test_an_animation_is_rendered_as_its_first_frame(format: str) -> None:
    rendition = made(animation(3, 24, 24, format), "c_fit,w_12")
    assert corners(rendition.content) == ("red",) * 4
    assert getattr(Image.open(BytesIO(rendition.content)), "n_frames", 1) == 1


def test_heic_is_rendered_upright() -> None:
    rendition = made(HEIC.read_bytes(), "c_fit,w_160/f_jpg")
    assert (rendition.width, rendition.height) == (160, 120)
    assert corners(rendition.content) == ("red", "green", "blue", "white")


def test_bytes_paths_and_files_make_the_same_picture(tmp_path: Path) -> None:
    source = file_of(quarters(), "JPEG")
    path = tmp_path / "picture"
    path.write_bytes(source)
    chain = Transformation.parse("c_fit,w_20")
    with path.open("rb") as file:
        file.seek(7)
        found = {render(place, chain, extension="jpg", webp=False).content for place in (source, path, file)}
        assert not file.closed
    assert len(found) == 1


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP", "HEIF", "NONE"])
def test_no_file_is_left_open(tmp_path: Path, format: str) -> None:
    path = tmp_path / "picture"
    path.write_bytes({"HEIF": HEIC.read_bytes(), "NONE": b"none"}.get(format) or file_of(quarters(), format))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with suppress(PictureError):
            render(path, Transformation.parse("c_fit,w_9"), extension="jpg", webp=False)
        gc.collect()
    assert not [warning for warning in caught if issubclass(warning.category, ResourceWarning)]


def test_a_missing_file_is_not_the_pictures_fault(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        render(tmp_path / "none", Transformation(), extension="jpg", webp=False)
