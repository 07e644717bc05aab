"""Files that would take a decoder minutes are refused by what they are made of; ordinary files all pass."""

import struct
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from images.rendering import Limits, PictureError, inspect
from tests.images import bombs
from tests.images.rendering.test_hostile import FILES
from tests.images.samples import animation, chunk, exif_of, file_of, png_claiming, profile, quarters

pytestmark = pytest.mark.any_database
ROOT = Path(__file__).parents[4]
HEIC = FILES["heic"]


@pytest.fixture
def unopened(monkeypatch: pytest.MonkeyPatch) -> None:
    """No library may open a file."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("It was opened.")

    monkeypatch.setattr(Image, "open", refuse)


BOMBS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "200 scans": ("too_slow", lambda: bombs.jpeg_of_scans(200, 600, 400)),
    "1,500 scans": ("too_slow", lambda: bombs.jpeg_of_scans(1_500, 60, 40)),
    "few scans of many pixels": ("too_slow", lambda: bombs.jpeg_of_flat_scans(30, 9_000, 9_000)),
    "1,500 segments of EXIF": ("too_slow", lambda: bombs.jpeg_of_segments(1_500, 100)),
    "large segments": ("too_large", lambda: bombs.jpeg_of_segments(300, kind=0xED, start=b"Photoshop 3.0\0")),
    "60,000 comments": ("too_slow", lambda: bombs.jpeg_of_segments(60_000, 2, 0xFE, b"a")),
    "texts of a PNG": ("too_slow", lambda: bombs.png_of_texts(200)),
    "profiles of a PNG": ("too_slow", lambda: bombs.png_of_profiles(200)),
    "empty chunks of pixels": ("too_slow", lambda: bombs.png_of_chunks(60_000)),
    "comments of a GIF": ("too_slow", lambda: bombs.gif_of_blocks(600_000)),
    "canvas of a WebP": ("too_large", lambda: bombs.webp_claiming(16_000, 16_000)),
    "strips": ("too_slow", lambda: bombs.tiff_of_pieces(10, 60_000)),
    "tiles": ("too_slow", lambda: bombs.tiff_of_pieces(4_096, 4_096, 16)),
    "compressed tiles": ("too_slow", lambda: bombs.tiff_of_pieces(4_096, 4_096, 16, 5)),
    "directories": ("too_slow", lambda: bombs.tiff_of_directories(100, 1_000)),
    "canvas of an AVIF": ("too_large", lambda: bombs.boxes_claiming(FILES["avif"], 16_384, 16_384)),
    "canvas of a HEIC": ("too_large", lambda: bombs.boxes_claiming(HEIC, 16_384, 16_384)),
    "items of a HEIC": ("too_slow", lambda: bombs.boxes_of_items(3_000)),
    "grid of an AVIF": ("too_slow", lambda: bombs.boxes_of_tiles(3_000)),
    "boxes": ("too_slow", lambda: bombs.boxes_of_nothing(60_000)),
    "runs of a BMP": ("too_large", lambda: bombs.bmp_of_runs(9_999, 9_999, b"\0\0" * 9_999 + b"\0\1")),
}  # fmt: skip


@pytest.mark.usefixtures("unopened")
@pytest.mark.parametrize("kind", BOMBS)
def test_a_bomb_is_refused_before_a_library_opens_it(kind: str) -> None:
    code, make = BOMBS[kind]
    with pytest.raises(PictureError) as error:
        inspect(make(), limits=Limits())
    assert error.value.code == code


def test_files_of_every_format_pass() -> None:
    for format, content in FILES.items():
        assert inspect(content, limits=Limits()).format == format


def test_jpegs_as_programs_write_them_pass() -> None:
    written: list[dict[str, Any]] = [
        {"progressive": True, "subsampling": 0, "quality": 95},
        {"exif": exif_of({0x10F: "x"})},
        {"icc_profile": b"x" * 2_000_000},
        {"comment": b"c" * 60_000},
        {"restart_marker_rows": 1},
    ]
    for options in written:
        assert inspect(file_of(quarters(640, 480), "JPEG", **options), limits=Limits()).width == 640


def test_other_files_as_programs_write_them_pass() -> None:
    picture = quarters(2_000, 1_500)
    for source in (
        file_of(picture, "TIFF", compression="tiff_lzw"),
        file_of(picture, "TIFF", compression="jpeg"),
        file_of(picture, "TIFF", big_tiff=True),
        animation(300, format="TIFF"),
        animation(300, format="WEBP"),
        animation(300, format="GIF"),
        animation(30, format="AVIF"),
        file_of(picture, "PNG", icc_profile=profile()),
        file_of(bombs.noise(4_000, 3_000), "PNG", compress_level=0),
        file_of(picture.convert("P"), "BMP"),
        bombs.bmp_of_runs(200, 2, (b"\xc8\1\0\0") * 2 + b"\0\1"),
    ):
        assert inspect(source, limits=Limits()).bytes == len(source)


def test_the_photographs_of_the_demo_pass() -> None:
    photographs = list((ROOT / "albums" / "demo").rglob("*.jpg"))
    assert photographs
    for path in photographs:
        assert inspect(path, limits=Limits()).format == "jpg"


def test_what_is_malformed_is_left_to_the_decoder() -> None:
    """No walk raises anything but the one error, and none goes in circles."""
    for source in (
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n<html><script>alert(1)</script>",
        bombs.tiff([(256, 4, 2**31, b"\0" * 8)]),
        b"\xff\xd8\xff\xe1\0\0\xff",
        b"II*\0" + struct.pack("<I", 8) + b"\0\0" + struct.pack("<I", 8),
        b"II*\0" + struct.pack("<I", 2**32 - 1),
        b"\0\0\0\x18ftypheic" + b"\0" * 8 + struct.pack(">I4s", 4, b"meta") + b"\0" * 40,
        b"\0\0\0\x18ftypheic" + b"\0" * 8 + struct.pack(">I4sQ", 1, b"meta", 3) + b"\0" * 40,
        b"RIFF\xff\xff\xff\xffWEBPVP8X\xff\xff\xff\xff",
        b"GIF89a\1\0\1\0\0\0\0!\xff",
        b"BM" + b"\0" * 12,
    ):
        with pytest.raises(PictureError, match="not a picture"):
            inspect(source, limits=Limits())


def test_the_limits_are_those_that_are_given() -> None:
    progressive = file_of(quarters(), "JPEG", progressive=True)
    with pytest.raises(PictureError, match="too long"):
        inspect(progressive, limits=Limits(scans=5))
    with pytest.raises(PictureError, match="too long"):
        inspect(FILES["png"], limits=Limits(parts=2))
    with pytest.raises(PictureError, match="too many"):
        inspect(bombs.png_of(chunk(b"teXt", b"a" * 101)), limits=Limits(metadata=100))
    assert inspect(BytesIO(progressive), limits=Limits(scans=10)).format == "jpg"
    with pytest.raises(PictureError, match="too many pixels"):
        inspect(png_claiming(101, 1), limits=Limits(pixels=100))


def test_the_layers_of_photoshop_are_no_metadata() -> None:
    """Tens of megabytes in one tag, which an honest file has."""
    content = file_of(quarters(), "TIFF", tiffinfo={37724: bytes(20_000_000)})
    assert inspect(content, limits=Limits()).format == "tif"
