"""Queries and bodies that ask for nothing sensible: none may break the server."""

import json
import uuid
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Organization
from albums.models import Album
from images.models import Image
from tests.factories import make_album, make_image
from tests.fuzzing import examples
from tests.images.resyncs import FORM, URL, found, ids_of


@pytest.fixture
def album(organization: Organization) -> Album:
    return make_album(organization, "album")


@pytest.fixture
def images(album: Album) -> list[Image]:
    return [make_image(album) for _ in range(3)]


@pytest.mark.parametrize(
    "query",
    [
        "format=xml", "ids[0]=x", "ids[][a]=x", "ids[a]=x", "[]=x", "=", "&", "&&&", "%", "%zz", "a" * 100_000, "ids[", "ids]",
        "album_id=%00", "album_id=%ED%A0%80", "album_id=%FF", "album_id=" + "a" * 100_000, "album_id[]=a", "album_id=a&album_id=b",
        "ids%00[]=x", "token=x", "_method=DELETE", "cursor=&ids[]=x&per_page=1", ";", "?", "#", "a[b]=1&a=2",
    ],
    ids=lambda query: query[:24],
)  # fmt: skip
def test_no_query_breaks_the_server(api: Client, images: list[Image], query: str) -> None:
    assert api.generic("GET", URL, QUERY_STRING=query).status_code in {200, 400}
    assert api.generic("POST", URL, query.encode(), content_type=FORM).status_code in {200, 400}


def test_an_album_may_be_named_in_raw_utf8(api: Client, organization: Organization) -> None:
    """Servers hand over the bytes of a query as Latin-1."""
    image = make_image(make_album(organization, "é☃"))
    raw = "album_id=é☃".encode().decode("latin-1")
    assert found(api.generic("GET", URL, QUERY_STRING=raw)) == [str(image.pk)]


def test_null_in_a_body_is_not_given(api: Client, images: list[Image]) -> None:
    body = {"album_id": None, "per_page": None, "cursor": None}
    assert found(api.post(URL, body, content_type="application/json")) == ids_of(*images)


@pytest.mark.parametrize("body", [b'{"album_id":1}', b'{"album_id":[]}', b'{"cursor":{}}', b'{"per_page":true}'])
def test_no_value_of_a_body_breaks_the_server(api: Client, images: list[Image], body: bytes) -> None:
    assert api.post(URL, body, content_type="application/json").status_code in {200, 400}


FUZZED = examples(60)
KEYS = st.sampled_from(["ids[]", "ids", "ids%5B%5D", "album_id", "per_page", "cursor", "x", "a[b]", "a[][c]", ""])
VALUES = st.sampled_from(
    ["", "1", "x", f"1.2.3.{'a' * 32}", "%00", "%FF", "%ED%A0%80", "album", str(uuid.UUID(int=7))]
) | st.text(max_size=20)


@FUZZED
@given(pairs=st.lists(st.tuples(KEYS, VALUES), max_size=8), noise=st.binary(max_size=30))
def test_no_fuzzed_query_breaks_the_server(
    api: Client, images: list[Image], pairs: list[tuple[str, str]], noise: bytes
) -> None:
    query = "&".join(f"{key}={value}" for key, value in pairs).encode() + noise
    assert api.generic("GET", URL, QUERY_STRING=query.decode("latin-1")).status_code in {200, 400}
    assert api.generic("POST", URL, query, content_type=FORM).status_code in {200, 400}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["ids", "album_id", "per_page", "cursor", "\0"]), inner)
    ),
    max_leaves=12,
)


@FUZZED
@given(value=JSON | st.fixed_dictionaries({"ids": st.lists(JSON, max_size=5)}), cut=st.integers(0, 40) | st.none())
def test_no_fuzzed_body_breaks_the_server(api: Client, images: list[Image], value: Any, cut: int | None) -> None:
    body = json.dumps(value).encode()[:cut]
    assert api.post(URL, body, content_type="application/json").status_code in {200, 400}


@FUZZED
@given(
    body=st.binary(max_size=200),
    kind=st.sampled_from(["application/json", FORM, "multipart/form-data; boundary=x", "text/plain"]),
)
def test_no_fuzzed_bytes_break_the_server(api: Client, images: list[Image], body: bytes, kind: str) -> None:
    assert api.post(URL, body, content_type=kind).status_code in {200, 400, 415}
