"""What clients write into the bodies of upload requests: read in each shape, and never an error of ours."""

import json
from typing import Any

import orjson
import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from albums.uploads.models import StorageFile
from albums.uploads.serializers import NativeEntrySerializer
from sharinpix import fetching
from sharinpix.errors import Malformed
from tests.albums.uploads.sending import ALBUM, nothing_kept
from tests.fuzzing import examples


def read(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields as a request serializer validates them."""
    serializer = NativeEntrySerializer(data=fields)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {}),
        ({"metadatas": None}, {}),
        ({"metadatas": []}, {}),
        ({"metadatas": ""}, {}),
        ({"metadatas": {}}, {}),
        ({"metadatas": {"a": 1}}, {"a": 1}),
        ({"metadata": {"a": 1}}, {"a": 1}),
        ({"metadatas": {"a": 1}, "metadata": {"b": 1}}, {"a": 1}),
    ],
)
def test_an_object_is_read_under_its_first_name(fields: Any, expected: Any) -> None:
    assert read(fields)["metadatas"] == expected


@pytest.mark.parametrize("value", [[1], "x", 1, True, 0.5, [[]]])
def test_what_is_no_object_is_malformed(value: Any) -> None:
    with pytest.raises(Malformed, match="metadatas must be an object"):
        read({"metadata": value})


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, []), ("", []), ([""], []), ("a", ["a"]), ("a, b ,,a", ["a", "b"]), ([" a ", "b", "a"], ["a", "b"]), (["a,b"], ["a,b"])],
)  # fmt: skip
def test_words_come_as_a_list_or_with_commas(value: Any, expected: list[str]) -> None:
    assert read({"tags": value})["tags"] == expected


def test_an_empty_text_is_none() -> None:
    assert [read(fields)["title"] for fields in ({"title": ""}, {}, {"title": None})] == [None] * 3
    assert read({"title": " "})["title"] == " "


NAMES = st.sampled_from(
    "album_id name type size metas image_metadatas url import_type filename metadatas metadata tags headers cloudinary "
    "location title description file infos public_id version signature controller action".split()
) | st.text(max_size=8)
TEXTS = st.text(max_size=12) | st.sampled_from(
    [ALBUM, "url", "\0", "a\0b", "\ud800", "http://a.example/", "9" * 400, "1e999", "-1"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
BODIES = st.dictionaries(NAMES, VALUES, max_size=8) | VALUES
ROUTES = [f"albums/{ALBUM}/images", "imports", "storage_files", "storages/default/storage_files", "albums"]
many = examples(60)


@pytest.fixture(autouse=True)
def _nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(*args: Any, **options: Any) -> None:
        raise fetching.Failed("The server does not answer.")

    monkeypatch.setattr(fetching, "fetch", fetch)


def plain(value: Any) -> bytes:
    """JSON as a careless or hostile client writes it: NaN, lone surrogates and endless numbers included."""
    return json.dumps(value).encode()


@pytest.mark.parametrize("route", ROUTES)
@many
@given(body=BODIES, required=st.booleans())
def test_no_json_body_whatever_is_an_error_of_ours(api: Client, route: str, body: Any, required: bool) -> None:
    if required and isinstance(body, dict):
        body = {"album_id": ALBUM, "url": "http://a.example/", "name": "a.jpg", "size": 9, **body}
    response = api.post(f"/api/v1/{route}", plain(body), content_type="application/json")
    assert response.status_code in {200, 400, 401, 413}
    assert response.status_code == 200 or response.headers["X-message"]


@pytest.mark.parametrize("route", ROUTES)
@many
@given(body=st.binary(max_size=60), kind=st.sampled_from(["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "application/xml", ""]))  # fmt: skip
def test_no_bytes_whatever_are_an_error_of_ours(api: Client, route: str, body: bytes, kind: str) -> None:
    response = api.post(f"/api/v1/{route}", body, content_type=kind)
    assert response.status_code in {200, 400, 401, 413, 415}


PARTS = st.lists(st.tuples(st.sampled_from(["file", "title", "tags[]", "metadatas[a]", "location[latitude]", "a[", "]", ""]), st.binary(max_size=20), st.sampled_from([None, "", "a.jpg", "é\n"]), st.sampled_from(["", "Content-Transfer-Encoding: base64", "Content-Type: text/html", "X: \0"])), max_size=5)  # fmt: skip


@many
@given(parts=PARTS, end=st.sampled_from([b"--x--\r\n", b"", b"--x"]))
def test_no_multipart_body_whatever_is_an_error_of_ours(api: Client, parts: Any, end: bytes) -> None:
    body = b""
    for name, content, filename, header in parts:
        named = f'form-data; name="{name}"' + ("" if filename is None else f'; filename="{filename}"')
        body += (
            f"--x\r\nContent-Disposition: {named}\r\n{header + chr(13) + chr(10) if header else ''}\r\n".encode()
            + content
            + b"\r\n"
        )
    response = api.post(f"/api/v1/albums/{ALBUM}/images", body + end, content_type="multipart/form-data; boundary=x")
    assert response.status_code in {400, 413}


@many
@given(body=BODIES)
def test_whatever_the_storage_answered_is_taken(api: Client, body: Any) -> None:
    unknown = "00000000-0000-4000-8000-000000000000"
    response = api.put(f"/api/v1/storage_files/{unknown}", plain(body), content_type="application/json")
    assert response.status_code == 404


def test_a_body_that_is_nested_too_deeply_is_malformed(api: Client) -> None:
    for depth in (200, 1_000, 100_000):
        for opening, closing in (("[", "]"), ('{"a":', "}")):
            deep = opening * depth + "1" * (opening != "[") + closing * depth
            body = f'{{"album_id": "{ALBUM}", "url": "http://a.example/", "name": "a", "size": 9, "metas": {deep}, "metadatas": {deep}}}'
            for route in ROUTES[:3]:
                with nothing_kept():
                    assert (
                        api.post(f"/api/v1/{route}", body.encode(), content_type="application/json").status_code == 400
                    )


def test_what_is_nested_as_deeply_as_can_be_is_kept(api: Client) -> None:
    deep: Any = 1
    for _ in range(190):
        deep = {"a": deep}
    body = orjson.dumps({"album_id": ALBUM, "name": "a.jpg", "size": 9, "metas": deep})
    assert api.post("/api/v1/storage_files", body, content_type="application/json").status_code == 200
    assert StorageFile.objects.get().metas == deep
