"""When a picture was taken: by which tag, by which offset from UTC, and what is no time."""

import math
from datetime import UTC, datetime

import pytest
from PIL.ExifTags import Base

from images.rendering.exif import taken_at
from tests.images.samples import exif_of, written

pytestmark = pytest.mark.any_database


def test_the_time_of_digitizing_and_of_the_file_stand_in_for_the_original() -> None:
    exif = exif_of({Base.DateTime: "2003:03:03 03:03:03"}, {Base.DateTimeDigitized: "2002:02:02 02:02:02"})
    assert taken_at(exif) == datetime(2002, 2, 2, 2, 2, 2, tzinfo=UTC)
    assert taken_at(exif_of({Base.DateTime: "2003:03:03 03:03:03"})) == datetime(2003, 3, 3, 3, 3, 3, tzinfo=UTC)
    rubbish_first = exif_of({Base.DateTime: "2003:03:03 03:03:03"}, {Base.DateTimeOriginal: "0000:00:00 00:00:00"})
    assert taken_at(rubbish_first) == datetime(2003, 3, 3, 3, 3, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("offset", "hour", "minute"),
    [("+02:00", 6, 0), ("-05:30", 13, 30), ("Z", 8, 0), ("+00:00", 8, 0), ("-00:00", 8, 0), ("+05:45\0", 2, 15), (b"+02:00", 6, 0)],
    ids=ascii,
)  # fmt: skip
def test_an_offset_makes_the_moment_true_utc(offset: object, hour: int, minute: int) -> None:
    exif = exif_of(photo={Base.DateTimeOriginal: "2018:01:01 08:00:00", Base.OffsetTimeOriginal: offset})
    assert taken_at(exif) == datetime(2018, 1, 1, hour, minute, tzinfo=UTC)


def test_an_offset_survives_the_file_and_may_change_the_day() -> None:
    photo: dict[int, object] = {Base.DateTimeOriginal: "2018:01:01 08:00:00", Base.OffsetTimeOriginal: "+14:00"}
    assert taken_at(written(exif_of(photo=photo))) == datetime(2017, 12, 31, 18, tzinfo=UTC)


def test_each_time_has_an_offset_of_its_own() -> None:
    offsets: dict[int, object] = {
        Base.OffsetTimeOriginal: "+01:00",
        Base.OffsetTimeDigitized: "+02:00",
        Base.OffsetTime: "+03:00",
    }
    noon = "2018:01:01 12:00:00"
    for exif, hour in (
        (exif_of(photo=offsets | {Base.DateTimeOriginal: noon}), 11),
        (exif_of(photo=offsets | {Base.DateTimeDigitized: noon}), 10),
        (exif_of({Base.DateTime: noon}, offsets), 9),
    ):
        assert taken_at(exif) == datetime(2018, 1, 1, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    "offset",
    ["", "   :  ", "+2:00", "+0200", "+02:60", "+14:01", "-99:00", "02:00", "+02:00:00", "UTC", "+\u0660\u0662:00",
     b"\xff", 2, (2, 0), None, math.nan, "+" * 5000],
    ids=ascii,
)  # fmt: skip
def test_an_offset_that_no_clock_has_is_ignored(offset: object) -> None:
    exif = exif_of(photo={Base.DateTimeOriginal: "2018:01:01 08:00:00", Base.OffsetTimeOriginal: offset})
    assert taken_at(exif) == datetime(2018, 1, 1, 8, tzinfo=UTC)


@pytest.mark.parametrize("offset", ["+14:00", "-14:00"])
@pytest.mark.parametrize("text", ["9999:12:31 23:59:59", "0001:01:01 00:00:00"])
def test_an_offset_beyond_the_calendar_raises_nothing(text: str, offset: str) -> None:
    found = taken_at(exif_of(photo={Base.DateTimeOriginal: text, Base.OffsetTimeOriginal: offset}))
    assert (found is None) == text.startswith("0001")


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
