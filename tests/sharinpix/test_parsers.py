"""What JSON bodies cost, whoever sends them."""

import io
import sys
from typing import Any

import orjson
import pytest
from django.test import Client

from sharinpix.errors import Malformed
from sharinpix.parsers import MAX_CONTAINERS, JSONParser

pytestmark = pytest.mark.any_database
MOST = 2_500_000
"""Bytes of the longest body, about."""
BOMBS = {
    "open lists": b"[" * MOST,
    "open objects": b'{"a":' * (MOST // 5),
    "200,000 nested lists": b"[" * 200_000 + b"]" * 200_000,
    "flat lists": b"[" + b"[]," * (MOST // 3) + b"[]]",
    "flat objects": b"[" + b"{}," * (MOST // 3) + b"{}]",
    "lists, 190 deep": b"[" + b",".join([b"[" * 190 + b"]" * 190] * 6_000) + b"]",
    "objects, 190 deep": b"[" + b",".join([b'{"a":' * 190 + b"1" + b"}" * 190] * 1_800) + b"]",
    "lists beside a NUL": b'["\\u0000",' + b"[]," * (MOST // 3) + b"[]]",
    "lists after a text that has no end": b"[" * 100_000 + b'"' + b"\\" * 2_000_000,
    "lists after many texts": b"[" + b'"",' * 700_000 + b"[" * 60_000,
}


def parse(body: bytes) -> Any:
    return JSONParser().parse(io.BytesIO(body))


def steps(body: bytes) -> int:
    """How many calls of functions it takes to read or refuse the body."""
    counted = 0

    def count(*_: Any) -> None:
        nonlocal counted
        counted += 1

    sys.setprofile(count)
    try:
        parse(body)
    except Malformed:
        pass
    finally:
        sys.setprofile(None)
    return counted


@pytest.mark.parametrize("body", BOMBS.values(), ids=BOMBS)
def test_brackets_are_refused_before_any_is_read(body: bytes) -> None:
    with pytest.raises(Malformed, match="not valid JSON"):
        parse(body)
    assert steps(body) < 100


def test_a_body_may_hold_that_many_and_no_more() -> None:
    most = b"[" + b",".join([b"{}"] * (MAX_CONTAINERS - 1)) + b"]"
    assert len(parse(most)) == MAX_CONTAINERS - 1
    assert steps(most) < 12 * MAX_CONTAINERS
    with pytest.raises(Malformed):
        parse(b"[" + most + b"]")


@pytest.mark.parametrize("text", ["[{" * 300_000, '["\\' * 100_000, '\\"[' * 100_000, "]" * 500_000 + "[" * 500_000])
def test_brackets_in_texts_are_no_lists(text: str) -> None:
    value = {"a": [text, {text: 1}]}
    assert parse(orjson.dumps(value)) == value


def test_a_bomb_is_a_400_and_without_a_token_it_is_not_even_read(db: None) -> None:
    for body in BOMBS.values():
        response = Client().post("/api/v1/login", body[:2_400_000], content_type="application/json")
        assert response.status_code == 400
        assert Client().post("/api/v1/imports", body, content_type="application/json").status_code == 401
