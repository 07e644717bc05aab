import json
import math
import struct
import warnings
from datetime import UTC, datetime
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageFile
from PIL.ExifTags import GPS, Base
from PIL.TiffImagePlugin import IFDRational

from images.rendering.exif import exif_tags, gps, orientation, read_exif, taken_at
from tests.images.samples import chunk, exif_of, file_of, written

pytestmark = pytest.mark.any_database
PARIS: dict[int, object] = {
    GPS.GPSLatitudeRef: "N",
    GPS.GPSLatitude: (48.0, 51.0, 30.0),
    GPS.GPSLongitudeRef: "E",
    GPS.GPSLongitude: (2.0, 17.0, 42.0),
}


def place(**changes: object) -> dict[int, object]:
    return PARIS | {GPS[name]: value for name, value in changes.items()}


def test_a_photo_says_when_where_and_which_way_up_it_was_taken() -> None:
    exif = written(
        exif_of(
            {Base.Make: "Canon", Base.Model: "EOS 5D", Base.Orientation: 6},
            {Base.DateTimeOriginal: "2018:01:01 08:00:00"},
            PARIS,
        )
    )
    assert taken_at(exif) == datetime(2018, 1, 1, 8, 0, 0, tzinfo=UTC)
    assert gps(exif) == pytest.approx((48.858333, 2.295))
    assert orientation(exif) == 6


def test_tags_of_all_three_directories_are_named() -> None:
    exif = written(
        exif_of(
            {Base.Make: "Canon", Base.XResolution: IFDRational(72, 1)},
            {
                Base.FNumber: IFDRational(28, 10),
                Base.ISOSpeedRatings: 100,
                Base.LensSpecification: (1.5, 2.0, 3.0, 4.0),
            },
            PARIS,
        )
    )
    tags = exif_tags(exif)
    assert tags["Make"] == "Canon"
    assert tags["XResolution"] == 72.0
    assert tags["FNumber"] == 2.8
    assert tags["ISOSpeedRatings"] == 100
    assert tags["LensSpecification"] == [1.5, 2.0, 3.0, 4.0]
    assert tags["GPSLatitude"] == [48.0, 51.0, 30.0]
    assert tags["GPSLatitudeRef"] == "N"
    assert "GPSInfo" not in tags and "ExifOffset" not in tags


def test_an_image_may_be_given_in_place_of_its_exif() -> None:
    file = BytesIO()
    Image.new("RGB", (2, 2)).save(file, "PNG", exif=exif_of({Base.Make: "Canon"}))
    with Image.open(file) as image:
        assert exif_tags(image) == {"Make": "Canon"}


def test_the_exif_of_a_png_is_found_behind_its_pixels_without_decoding_them(monkeypatch: pytest.MonkeyPatch) -> None:
    source = file_of(Image.new("RGB", (2, 2)), "PNG")
    late = (
        source[:-12] + chunk(b"eXIf", exif_of({Base.Make: "Canon", Base.Orientation: 6}).tobytes()[6:]) + source[-12:]
    )
    with monkeypatch.context() as patch:
        patch.delattr(ImageFile.ImageFile, "load")
        with Image.open(BytesIO(late)) as image:
            assert image.fp is not None
            place = image.fp.tell()
            assert (orientation(read_exif(image)), image.fp.tell()) == (6, place)
        with Image.open(BytesIO(source)) as image:
            assert exif_tags(image) == {}


def test_a_picture_without_exif_says_nothing() -> None:
    exif = read_exif(Image.new("RGB", (2, 2)))
    assert (exif_tags(exif), taken_at(exif), gps(exif), orientation(exif)) == ({}, None, None, 1)


def test_text_has_neither_nul_nor_surrogates() -> None:
    tags = exif_tags(exif_of({Base.Make: "Can\0on\0\0", Base.Model: "a\ud800b", Base.Artist: "\0"}))
    assert tags == {"Make": "Canon", "Model": "ab"}


def test_utf_8_in_text_tags_is_read_as_utf_8() -> None:
    assert exif_tags(exif_of({Base.Artist: "Zoë".encode().decode("latin-1")})) == {"Artist": "Zoë"}
    assert exif_tags(exif_of({Base.Artist: "Zoë"})) == {"Artist": "Zoë"}


def test_bytes_are_kept_only_where_they_are_text() -> None:
    comment = b"ASCII\0\0\0Hello\0"
    tags = exif_tags(
        exif_of(
            {Base.XPTitle: "Zoë\0".encode("utf-16-le")},
            {Base.UserComment: comment, Base.ExifVersion: b"0232", Base.FileSource: b"\x03", Base.MakerNote: b"abc"},
        )
    )
    assert tags == {"XPTitle": "Zoë", "UserComment": "Hello", "ExifVersion": "0232"}


def test_numbers_that_json_lacks_become_null() -> None:
    tags = exif_tags(
        exif_of(
            {Base.XResolution: IFDRational(1, 0), Base.YResolution: math.inf}, {Base.LensSpecification: (math.nan, 1.0)}
        )
    )
    assert tags == {"XResolution": None, "YResolution": None, "LensSpecification": [None, 1.0]}


def test_tags_take_at_most_64_kb_and_the_largest_go_first() -> None:
    tags = exif_tags(
        exif_of({Base.Make: "Canon", Base.Artist: "a" * 40_000, Base.Copyright: "é" * 10_000, Base.Model: "m" * 5_000})
    )
    assert set(tags) == {"Make", "Copyright", "Model"} or set(tags) == {"Make", "Artist", "Model"}
    assert len(json.dumps(tags)) <= 65_536
    assert "Copyright" not in tags, "escaped, it is the larger one"


def test_a_user_comment_of_64_kb_is_dropped_and_the_rest_stays() -> None:
    tags = exif_tags(exif_of({Base.Make: "Canon"}, {Base.UserComment: b"ASCII\0\0\0" + b"a" * 65_536}))
    assert tags == {"Make": "Canon"}


def test_south_and_west_are_negative_and_lower_case_is_fine() -> None:
    assert gps(exif_of(place=place(GPSLatitudeRef="s", GPSLongitudeRef="W\0"))) == pytest.approx((-48.858333, -2.295))


@pytest.mark.parametrize(
    "changes",
    [
        {"GPSLatitude": (48.0, 51.0)},
        {"GPSLatitude": ()},
        {"GPSLatitude": None},
        {"GPSLatitude": 48.0},
        {"GPSLatitude": "48 51 30"},
        {"GPSLatitude": (48.0, "51", 30.0)},
        {"GPSLatitude": (IFDRational(48, 0), IFDRational(51, 1), IFDRational(30, 1))},
        {"GPSLatitude": (48.0, IFDRational(0, 0), 0.0)},
        {"GPSLatitude": (math.nan, 0.0, 0.0)},
        {"GPSLatitude": (0.0, 0.0, math.inf)},
        {"GPSLatitude": (10**400, 0, 0)},
        {"GPSLatitude": (-48.0, 51.0, 30.0)},
        {"GPSLatitude": (90.0, 0.0, 1.0)},
        {"GPSLongitude": (180.0, 0.0, 1.0)},
        {"GPSLongitude": {1: 2}},
        {"GPSLatitudeRef": None},
        {"GPSLatitudeRef": ""},
        {"GPSLatitudeRef": "E"},
        {"GPSLatitudeRef": "NS"},
        {"GPSLongitudeRef": b"\xff"},
        {"GPSLongitudeRef": 5},
    ],
    ids=str,
)
def test_a_malformed_place_is_null(changes: dict[str, object]) -> None:
    assert gps(exif_of(place=place(**changes))) is None


def test_the_poles_and_the_date_line_are_places() -> None:
    edge = place(GPSLatitude=(90, 0, 0), GPSLongitude=(180, 0, 0), GPSLongitudeRef="W")
    assert gps(exif_of(place=edge)) == (90.0, -180.0)


@pytest.mark.parametrize("value", [0, 9, -1, 65_535, "6", (6, 6), None, b"\x06", 6.5])
def test_an_orientation_outside_1_to_8_is_upright(value: object) -> None:
    assert orientation(exif_of({Base.Orientation: value})) == 1


def tiff(entries: list[tuple[int, int, int, bytes]], tail: bytes = b"") -> bytes:
    packed = b"".join(struct.pack("<HHI4s", *entry) for entry in entries)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + packed + b"\0\0\0\0" + tail


def facts(data: bytes) -> tuple[object, ...]:
    image = Image.new("RGB", (2, 2))
    image.info["exif"] = data
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exif = read_exif(image)
        found = exif_tags(exif), taken_at(exif), gps(exif), orientation(exif)
    json.dumps(found[0], allow_nan=False).encode()
    return found


HOSTILE = {
    "no bytes": b"",
    "no header": b"Exif\0\0",
    "half a header": b"Exif\0\0II*",
    "no directory": b"II*\0\xff\xff\xff\xff",
    "a directory cut short": b"II*\0\x08\0\0\0\xff\xff" + b"\0" * 5,
    "a directory that is itself": tiff([(0x8769, 4, 1, b"\x08\0\0\0"), (0x8825, 4, 1, b"\x08\0\0\0")]),
    "offsets beyond the end": tiff([(0x8769, 4, 1, b"\xff\xff\xff\xff"), (0x8825, 4, 1, b"\xff\xff\xff\xff")]),
    "offsets that are text": tiff([(0x8769, 2, 4, b"abc\0"), (0x8825, 12, 1, b"\0\0\0\0")]),
    "offsets in a list": tiff([(0x8769, 3, 2, b"\1\0\2\0"), (0x8825, 3, 2, b"\1\0\2\0")]),
    "four thousand million values": tiff([(0x010F, 2, 0xFFFFFFFF, b"\x08\0\0\0")]),
    "unknown types": tiff([(0x010F, 99, 1, b"abcd"), (0x0112, 0, 1, b"\6\0\0\0")]),
    "rationals without denominators": tiff([(0x011A, 5, 1, b"\x1a\0\0\0")], b"\1\0\0\0\0\0\0\0"),
    "a float that is no number": tiff([(0x011A, 11, 1, b"\0\0\xc0\x7f")]),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_hostile_exif_raises_nothing(data: bytes) -> None:
    facts(data)


def test_warnings_that_are_set_to_raise_do_not_get_out() -> None:
    image = Image.new("RGB", (2, 2))
    image.info["exif"] = HOSTILE["four thousand million values"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        exif = read_exif(image)
        assert (exif_tags(exif), taken_at(exif), gps(exif)) == ({}, None, None)


SOUND = written(
    exif_of(
        {Base.Make: "Canon"},
        {Base.DateTimeOriginal: "2018:01:01 08:00:00", Base.OffsetTimeOriginal: "+02:00"},
        PARIS,
    )
).tobytes()


@given(st.dictionaries(st.integers(0, len(SOUND) - 1), st.integers(0, 255), max_size=12), st.integers(0, len(SOUND)))
def test_sound_exif_with_any_bytes_changed_raises_nothing(changes: dict[int, int], end: int) -> None:
    data = bytearray(SOUND)
    for position, value in changes.items():
        data[position] = value
    facts(bytes(data[:end]))


@given(st.binary(max_size=200))
def test_any_bytes_as_exif_raise_nothing(data: bytes) -> None:
    facts(b"Exif\0\0II*\0\x08\0\0\0" + data)
