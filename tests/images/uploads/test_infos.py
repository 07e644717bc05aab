"""What an uploader says of a picture."""

import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from images.uploads import infos

pytestmark = pytest.mark.any_database
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from([10**400, -(2**63), "1e400"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
NAMES = [
    "width",
    "height",
    "bytes",
    "format",
    "original_filename",
    "color",
    "colors",
    "location",
    "image_metadata",
    "exifs",
    "infos",
]
NUMBERS = [
    (5, 5.0), (0, 0.0), (-1.5, -1.5), ("640", 640.0), ("1e3", 1_000.0), (" 7 ", 7.0), (2**62, float(2**62)),
    (True, None), (None, None), ("", None), ("x", None), ("NaN", None), ("inf", None), ("1e999", None), (math.nan, None),
    (-math.inf, None), (10**5_000, None), ("9" * 5_000, None), ([], None), ({}, None), (["1"], None), (b"1", None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "number"), NUMBERS, ids=lambda value: repr(value)[:20] if not isinstance(value, int) else "int"
)
def test_a_number_may_be_text_and_is_finite(value: object, number: float | None) -> None:
    assert infos.decimal(value) == number


@pytest.mark.parametrize(
    ("value", "side"),
    [
        ("1024", 1024),
        (768, 768),
        ("640.7", 640),
        (1, 1),
        (0, None),
        (-5, None),
        (2**31 - 1, 2**31 - 1),
        (2**31, None),
        ("1e12", None),
        (0.5, None),
        (True, None),
        (None, None),
        ("wide", None),
    ],
)
def test_a_side_is_a_number_of_pixels(value: object, side: int | None) -> None:
    assert infos.side(value) == side


@pytest.mark.parametrize(
    ("place", "found"),
    [
        ({"latitude": 48.85, "longitude": 2.35, "accuracy": 10}, (48.85, 2.35)),
        ({"latitude": "48.85", "longitude": "-2.35"}, (48.85, -2.35)),
        ({"latitude": 0, "longitude": 0}, (0.0, 0.0)),
        ({"latitude": 90, "longitude": -180}, (90.0, -180.0)),
        ({"latitude": 90.1, "longitude": 0}, None),
        ({"latitude": 0, "longitude": 180.1}, None),
        ({"latitude": 1}, None),
        ({"latitude": [1], "longitude": {}}, None),
        ({"latitude": "NaN", "longitude": "NaN"}, None),
        ([1, 2], None),
        ("1,2", None),
        (None, None),
    ],
)
def test_a_location_has_both_degrees_within_the_globe(place: object, found: Any) -> None:
    assert infos.location({"location": place}) == found


@pytest.mark.parametrize(
    ("said", "color"),
    [
        ({"color": "#112233", "colors": [["#445566", 9]]}, "#112233"),
        ({"colors": [["#445566", 9.5], ["#000000", 1]]}, "#445566"),
        ({"colors": ["#445566", "9.5"]}, "#"),
        ({"colors": []}, None),
        ({"colors": [[]]}, None),
        ({"colors": [{}]}, None),
        ({"colors": [[5]]}, None),
        ({"colors": {"a": 1}}, None),
        ({"color": 5}, None),
        ({"color": "x" * 99}, "x" * 32),
        ({}, None),
    ],
)
def test_the_main_colour_is_named_or_the_first_of_them(said: dict[str, Any], color: str | None) -> None:
    assert infos.color(said) == color


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"image_metadata": {"Make": "Nikon"}, "exifs": {"Make": "Canon"}}, {"Make": "Nikon"}),
        ({"image_metadata": {}, "exifs": {"Make": "Canon"}}, {"Make": "Canon"}),
        ({"exifs": [1]}, {}),
        ({"image_metadata": "Make"}, {}),
        ({}, {}),
    ],
)
def test_metadata_are_those_of_an_answer_or_of_a_storage_file(said: dict[str, Any], found: Any) -> None:
    assert infos.exifs(said) == found


def test_the_cameras_clock_is_read_as_utc() -> None:
    said: dict[str, Any] = {"image_metadata": {"DateTimeOriginal": "2015:09:25 13:32:55"}}
    assert infos.moment_in_infos(said) == datetime(2015, 9, 25, 13, 32, 55, tzinfo=UTC)
    for odd in ("0000:00:00 00:00:00", "yesterday", "", 5, None, ["2015:09:25 13:32:55"]):
        assert infos.moment_in_infos({"image_metadata": {"DateTimeOriginal": odd}}) is None


def test_the_strings_of_a_form_become_the_columns_of_an_image() -> None:
    said = {
        "width": "1024", "height": "768", "bytes": "120253", "format": "jpg", "original_filename": "x/My photo",
        "location": {"latitude": "1.5", "longitude": "2.5"}, "illustration_score": "0.0",
    }  # fmt: skip
    assert infos.columns(said) == {
        "width": 1024, "height": 768, "original_width": 1024, "original_height": 768, "filename": "My photo",
        "format": "jpg", "size": 120253, "exifs": {}, "taken_at": None, "gps_html_lat": 1.5, "gps_html_lng": 2.5,
    }  # fmt: skip


def test_one_side_without_the_other_says_nothing() -> None:
    assert {"width", "original_height"}.isdisjoint(infos.columns({"width": 5}))


@given(said=st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, JSON)))
def test_whatever_is_said_the_columns_fit_the_database(said: dict[str, Any]) -> None:
    found = infos.columns(said)
    assert all(1 <= found.get(name, 1) < 2**31 for name in ("width", "height", "original_width", "original_height"))
    assert found["size"] is None or 0 <= found["size"] < 2**63
    assert len(found["filename"]) <= 255
    assert max(len(found["format"]), len(found.get("color", ""))) <= 32
    assert isinstance(found["exifs"], dict)
    lat, lng = found["gps_html_lat"], found["gps_html_lng"]
    assert (lat is None) == (lng is None)
    assert lat is None or (abs(lat) <= 90 and abs(lng) <= 180)


@given(latitude=JSON, longitude=JSON, color=JSON, moment=JSON)
def test_whatever_stands_inside_is_read_with_care(latitude: Any, longitude: Any, color: Any, moment: Any) -> None:
    infos.columns(
        {
            "location": {"latitude": latitude, "longitude": longitude},
            "colors": [color, color],
            "image_metadata": {"DateTimeOriginal": moment},
        }
    )
