import json
import math
import struct
import warnings
from datetime import UTC, datetime
from io import BytesIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.ExifTags import GPS, IFD, Base
from PIL.TiffImagePlugin import IFDRational

from images.metadata import camera, exif_tags, gps, orientation, read_exif, taken_at

PARIS: dict[int, object] = {
    GPS.GPSLatitudeRef: "N",
    GPS.GPSLatitude: (48.0, 51.0, 30.0),
    GPS.GPSLongitudeRef: "E",
    GPS.GPSLongitude: (2.0, 17.0, 42.0),
}


def exif_of(
    main: dict[int, object] | None = None,
    photo: dict[int, object] | None = None,
    place: dict[int, object] | None = None,
) -> Image.Exif:
    exif = Image.Exif()
    exif.update(main or {})
    exif.get_ifd(IFD.Exif).update(photo or {})
    exif.get_ifd(IFD.GPSInfo).update(place or {})
    return exif


def written(exif: Image.Exif) -> Image.Exif:
    """The same after a journey through a file, as Pillow reads it."""
    file = BytesIO()
    Image.new("RGB", (2, 2)).save(file, "JPEG", exif=exif)
    return Image.open(file).getexif()


def place(**changes: object) -> dict[int, object]:
    return PARIS | {GPS[name]: value for name, value in changes.items()}


def test_a_photo_says_when_where_and_with_what_it_was_taken() -> None:
    exif = written(
        exif_of(
            {Base.Make: "Canon", Base.Model: "EOS 5D", Base.Orientation: 6},
            {Base.DateTimeOriginal: "2018:01:01 08:00:00"},
            PARIS,
        )
    )
    assert taken_at(exif) == datetime(2018, 1, 1, 8, 0, 0, tzinfo=UTC)
    assert gps(exif) == pytest.approx((48.858333, 2.295))
    assert camera(exif) == "Canon EOS 5D"
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


def test_a_picture_without_exif_says_nothing() -> None:
    exif = read_exif(Image.new("RGB", (2, 2)))
    assert (exif_tags(exif), taken_at(exif), gps(exif), camera(exif), orientation(exif)) == ({}, None, None, None, 1)


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


def test_the_time_of_digitizing_and_of_the_file_stand_in_for_the_original() -> None:
    exif = exif_of({Base.DateTime: "2003:03:03 03:03:03"}, {Base.DateTimeDigitized: "2002:02:02 02:02:02"})
    assert taken_at(exif) == datetime(2002, 2, 2, 2, 2, 2, tzinfo=UTC)
    assert taken_at(exif_of({Base.DateTime: "2003:03:03 03:03:03"})) == datetime(2003, 3, 3, 3, 3, 3, tzinfo=UTC)
    rubbish_first = exif_of({Base.DateTime: "2003:03:03 03:03:03"}, {Base.DateTimeOriginal: "0000:00:00 00:00:00"})
    assert taken_at(rubbish_first) == datetime(2003, 3, 3, 3, 3, 3, tzinfo=UTC)


def test_the_offset_of_the_camera_is_ignored() -> None:
    exif = exif_of(photo={Base.DateTimeOriginal: "2018:01:01 08:00:00", Base.OffsetTimeOriginal: "+09:00"})
    assert taken_at(exif) == datetime(2018, 1, 1, 8, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["2018:01:01 08:00:00\0", b"2018:01:01 08:00:00\0\0", "2018-01-01T08:00:00.123", " 2018:01:01 08:00:00 "]
)
def test_padded_and_punctuated_times_are_read(text: object) -> None:
    assert taken_at(exif_of(photo={Base.DateTimeOriginal: text})) == datetime(2018, 1, 1, 8, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "rubbish",
    ["0000:00:00 00:00:00", "0001:01:01 00:00:00", "2018:02:30 08:00:00", "2018:01:01 25:00:00", "2018:01:01", "    :  :     :  :  ",
     "\0" * 20, "", "yesterday", b"\xff" * 19, 20180101, (1, 2), None, "\u0662018:01:01 08:00:00", "9" * 5000],
)  # fmt: skip
def test_times_that_are_none_are_null(rubbish: object) -> None:
    assert taken_at(exif_of(photo={Base.DateTimeOriginal: rubbish})) is None


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


def test_a_model_that_begins_with_its_make_is_not_said_twice() -> None:
    assert camera(exif_of({Base.Make: "Canon", Base.Model: "Canon EOS 5D"})) == "Canon EOS 5D"
    assert camera(exif_of({Base.Make: "NIKON", Base.Model: "Nikon D70"})) == "Nikon D70"
    assert camera(exif_of({Base.Model: "Pixel 8"})) == "Pixel 8"
    assert camera(exif_of({Base.Make: "Canon"})) == "Canon"
    assert camera(exif_of({Base.Make: 5, Base.Model: (1, 2)})) is None
    assert len(camera(exif_of({Base.Model: "m" * 9000})) or "") == 255


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
        found = exif_tags(exif), taken_at(exif), gps(exif), camera(exif), orientation(exif)
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
        assert (exif_tags(exif), taken_at(exif), gps(exif), camera(exif)) == ({}, None, None, None)


SOUND = written(exif_of({Base.Make: "Canon"}, {Base.DateTimeOriginal: "2018:01:01 08:00:00"}, PARIS)).tobytes()


@settings(deadline=None)  # machines under load are slow
@given(st.dictionaries(st.integers(0, len(SOUND) - 1), st.integers(0, 255), max_size=12), st.integers(0, len(SOUND)))
def test_sound_exif_with_any_bytes_changed_raises_nothing(changes: dict[int, int], end: int) -> None:
    data = bytearray(SOUND)
    for position, value in changes.items():
        data[position] = value
    facts(bytes(data[:end]))


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_as_exif_raise_nothing(data: bytes) -> None:
    facts(b"Exif\0\0II*\0\x08\0\0\0" + data)
