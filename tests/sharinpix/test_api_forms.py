"""Forms with brackets, read as Rack reads them."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sharinpix.errors import Malformed
from sharinpix.forms import MAX_DEPTH, MAX_FIELDS, Form, nested, pairs

pytestmark = pytest.mark.any_database


def read(form: str) -> dict[str, Any]:
    return nested(pairs(form))


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("", {}),
        ("&&&", {}),
        ("a=1", {"a": "1"}),
        ("a", {"a": ""}),
        ("a=", {"a": ""}),
        ("a=1&a=2", {"a": "2"}),
        ("a=1&&b=2&", {"a": "1", "b": "2"}),
        ("b=1&a=2", {"b": "1", "a": "2"}),
        ("a=b=c", {"a": "b=c"}),
        ("a=1+2%2B%C3%A9", {"a": "1 2+é"}),
        ("a%5Bb%5D=1", {"a": {"b": "1"}}),
        ("a[b]=1&a[c]=2", {"a": {"b": "1", "c": "2"}}),
        ("a[b][c]=1", {"a": {"b": {"c": "1"}}}),
        ("a[]=1&a[]=2", {"a": ["1", "2"]}),
        ("a[]=", {"a": [""]}),
        ("a[]", {"a": [""]}),
        ("a[b][]=1&a[b][]=2", {"a": {"b": ["1", "2"]}}),
        ("a[][b]=1&a[][c]=2", {"a": [{"b": "1", "c": "2"}]}),
        ("a[][b]=1&a[][b]=2", {"a": [{"b": "1"}, {"b": "2"}]}),
        ("a[][b]=1&a[][c]=2&a[][b]=3&a[][c]=4", {"a": [{"b": "1", "c": "2"}, {"b": "3", "c": "4"}]}),
        ("a[][b][c]=1&a[][b][d]=2&a[][b][c]=3", {"a": [{"b": {"c": "1", "d": "2"}}, {"b": {"c": "3"}}]}),
        ("a[][b][]=1&a[][b][]=2", {"a": [{"b": ["1", "2"]}]}),
        ("a[][b]=1&a[][c][]=2&a[][c][]=3&a[][b]=4", {"a": [{"b": "1", "c": ["2", "3"]}, {"b": "4"}]}),
        ("[a]=1", {"[a]": "1"}),
        ("a]=1", {"a]": "1"}),
        ("=1", {"": "1"}),
        ("ids[]=x&album_id=y&ids[]=z", {"ids": ["x", "z"], "album_id": "y"}),
    ],
)
def test_a_form_with_brackets_is_read_as_rack_reads_it(form: str, expected: dict[str, Any]) -> None:
    found = read(form)
    assert found == expected
    assert list(found) == list(expected)


def test_values_stay_strings() -> None:
    assert read("a=1&b=true&c=null&d[]=1.5") == {"a": "1", "b": "true", "c": "null", "d": ["1.5"]}


@pytest.mark.parametrize(
    "form",
    [
        "a=1&a[b]=2",
        "a[b]=1&a=2",
        "a=1&a[]=2",
        "a[]=1&a=2",
        "a[]=1&a[b]=2",
        "a[b]=1&a[]=2",
        "a[b]=1&a[b][c]=2",
        "a[][b]=1&a[b]=2",
    ],
)
def test_a_key_that_is_used_in_two_ways_is_malformed(form: str) -> None:
    with pytest.raises(Malformed, match="both as a value and as a container"):
        read(form)


def test_keys_nest_ten_levels_and_no_deeper() -> None:
    value: Any = read("a" + "[b]" * MAX_DEPTH + "=1")
    for key in "a" + "b" * MAX_DEPTH:
        value = value[key]
    assert value == "1"
    for key in ("[b]", "[]", "[][b]"):
        with pytest.raises(Malformed, match="nested 10 levels deep at most"):
            read("a" + key * (MAX_DEPTH + 1) + "=1")


def test_a_form_has_at_most_10_100_fields() -> None:
    assert len(pairs("&".join(["a=1"] * MAX_FIELDS))) == MAX_FIELDS
    with pytest.raises(Malformed, match=r"At most 10,100 fields can be sent at once\."):
        pairs("&".join(["a=1"] * (MAX_FIELDS + 1)))
    with pytest.raises(Malformed):
        pairs("&" * 1_000_000)


def test_a_form_remembers_the_fields_that_it_was_sent_as() -> None:
    form = Form(pairs("ids=a&ids=b&x[y]=1"))
    assert form == {"ids": "b", "x": {"y": "1"}}
    assert form.pairs == [("ids", "a"), ("ids", "b"), ("x[y]", "1")]


@given(st.text(alphabet="ab[]=&%0+\0é", max_size=40))
def test_any_form_is_read_or_malformed(form: str) -> None:
    with suppress(Malformed):
        assert "\\u0000" not in json.dumps(read(form))
