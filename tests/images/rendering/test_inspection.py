"""What an upload is known by before it is decoded: the same as afterwards, and no pixel is touched."""

import hashlib
import json
import pickle
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageCms, ImageFile
from PIL.ExifTags import GPS, IFD, Base
from PIL.TiffImagePlugin import IFDRational

from images.rendering import FileFacts, Limits, examine, inspect
from tests.images.samples import animation, facts, file_of, oriented, quarters

pytestmark = pytest.mark.any_database
HEIC = Path(__file__).parents[1] / "data" / "upright.heic"


def photo(format: str = "JPEG", **photo: object) -> bytes:
    exif = Image.Exif()
    exif[Base.Make], exif[Base.Orientation] = "Canon", 6
    exif.get_ifd(IFD.Exif).update({Base[name]: value for name, value in photo.items()})
    return file_of(quarters().transpose(Image.Transpose.ROTATE_90), format, exif=exif)


def lab() -> Image.Image:
    srgb, wanted = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    return ImageCms.profileToProfile(quarters(), srgb, wanted, outputMode="LAB") or quarters()


def looked_at(source: bytes) -> FileFacts:
    """What is known of the file, which decoding changes nothing of."""
    found = inspect(source, limits=Limits())
    examined = examine(source, {})
    assert facts(examined) == facts(found)
    assert len(examined.phash) == 16 and examined.palette
    json.dumps(found.exifs, allow_nan=False).encode()
    return found


def test_the_header_tells_all_that_needs_no_pixel() -> None:
    source = photo(DateTimeOriginal="2018:01:01 08:00:00", OffsetTimeOriginal="+02:00")
    found = looked_at(source)
    assert (found.format, found.width, found.height, found.orientation, found.frames) == ("jpg", 64, 48, 6, 1)
    assert (found.taken_at, found.gps, found.exifs["Make"]) == (datetime(2018, 1, 1, 6, tzinfo=UTC), None, "Canon")
    assert (found.sha256, found.md5) == (hashlib.sha256(source).hexdigest(), hashlib.md5(source).hexdigest())
    assert found.bytes == len(source)
    assert pickle.loads(pickle.dumps(found)) == found


FILES = {
    **{format: file_of(quarters(), format) for format in ("JPEG", "PNG", "WEBP", "AVIF", "GIF", "TIFF", "BMP")},
    "MPO": file_of(quarters(), "MPO", save_all=True, append_images=[quarters()]),
    "HEIC": HEIC.read_bytes(),
    "an interlaced PNG without EXIF": file_of(quarters(), "PNG", interlace=1),
    "an animated PNG": animation(3, format="PNG"),
    "an animated WEBP": animation(3, format="WEBP"),
}


@pytest.mark.parametrize("source", FILES.values(), ids=FILES)
def test_no_pixel_is_decoded(source: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    after = looked_at(source)

    def load(image: Image.Image) -> None:
        raise RuntimeError("It was decoded.")

    for kind in {type(Image.open(BytesIO(source))), ImageFile.ImageFile, Image.Image}:
        monkeypatch.setattr(kind, "load", load)
    assert inspect(source, limits=Limits()) == after


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_width_and_height_are_those_of_the_upright_picture(orientation: int, format: str) -> None:
    found = looked_at(oriented(orientation, format=format))
    assert (found.width, found.height) == (64, 48)


@pytest.mark.parametrize("orientation", [0, 9, 65_535])
def test_an_orientation_that_does_not_exist_turns_nothing(orientation: int) -> None:
    exif = Image.Exif()
    exif[Base.Orientation] = orientation
    found = looked_at(file_of(quarters(), "JPEG", exif=exif))
    assert (found.width, found.height, found.orientation) == (64, 48, 1)


MODES = {
    "CMYK": file_of(quarters().convert("CMYK"), "JPEG"),
    "I;16": file_of(Image.new("I;16", (64, 48), 40_000)),
    "I;16B": file_of(Image.frombytes("I;16B", (64, 48), b"\x9c\x40" * 64 * 48), "TIFF"),
    "LAB": file_of(lab(), "TIFF"),
    "F": file_of(Image.new("F", (64, 48), 0.5), "TIFF"),
    "1": file_of(quarters().convert("1")),
    "P with transparency": file_of(quarters().quantize(4), transparency=0),
    "PA": file_of(Image.new("RGBA", (64, 48), (255, 0, 0, 128)).quantize(4)),
}


@pytest.mark.parametrize("source", MODES.values(), ids=MODES)
def test_every_mode_is_known_and_has_colours(source: bytes) -> None:
    found = looked_at(source)
    assert (found.width, found.height) == (64, 48)


@pytest.mark.parametrize("cut", [0.5, -2])
def test_a_picture_that_is_cut_short_is_known_by_what_is_left(cut: float) -> None:
    source = oriented(6, 640, 480)
    source = source[: int(len(source) * cut) if cut > 0 else int(cut)]
    found = inspect(source, limits=Limits())
    assert (found.format, found.width, found.height, found.bytes) == ("jpg", 640, 480, len(source))


def test_a_png_that_ends_in_its_pixels_is_known() -> None:
    source = file_of(Image.effect_noise((64, 48), 99))[:-200]
    assert inspect(source, limits=Limits()).width == 64


ODD = {
    "no date": {"DateTimeOriginal": "0000:00:00 00:00:00", "OffsetTimeOriginal": "+99:99"},
    "a date padded with NUL": {"DateTimeOriginal": "\0" * 20},
    "a comment of 64 KB": {"UserComment": b"ASCII\0\0\0" + b"a" * 65_536},
    "bytes": {"MakerNote": b"\xff\0\xfe" * 99, "UserComment": b"\xff" * 99, "FileSource": b"\x03"},
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_odd_exif_is_left_out_and_the_rest_is_read(odd: dict[str, object]) -> None:
    found = looked_at(photo("PNG", **odd))
    assert (found.width, found.height, found.orientation, found.taken_at) == (64, 48, 6, None)
    assert found.exifs["Make"] == "Canon"
    assert len(json.dumps(found.exifs)) <= 65_536 and "\0" not in str(found.exifs)


@pytest.mark.parametrize(
    "place",
    [
        {GPS.GPSLatitude: (IFDRational(48, 0), IFDRational(51, 1), IFDRational(30, 1))},
        {GPS.GPSLatitude: (48.0,)},
        {GPS.GPSLatitudeRef: ""},
        {GPS.GPSLatitude: (91.0, 0.0, 0.0)},
    ],
    ids=["divided by zero", "of one number", "without hemisphere", "beyond the pole"],
)
def test_a_malformed_place_is_none(place: dict[int, object]) -> None:
    exif = Image.Exif()
    sound: dict[int, object] = {GPS.GPSLatitudeRef: "n", GPS.GPSLatitude: (48.0, 51.0, 30.0), GPS.GPSLongitudeRef: "e"}
    exif.get_ifd(IFD.GPSInfo).update({**sound, GPS.GPSLongitude: (2.0, 15.0, 0.0)})
    assert looked_at(file_of(quarters(), "JPEG", exif=exif)).gps == (48.858333333333334, 2.25)
    exif.get_ifd(IFD.GPSInfo).update(place)
    assert looked_at(file_of(quarters(), "JPEG", exif=exif)).gps is None
