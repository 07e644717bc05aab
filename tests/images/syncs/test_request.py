"""Which ids a resync names: in every form, and in forms that are none."""

import uuid
from io import BytesIO
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from accounts.models import Organization
from albums.models import Album
from images.models import Image
from images.syncs.request import MAX_IDS
from tests.factories import make_album, make_image
from tests.images.resyncs import FORM, URL, found, ids_of, refusal


@pytest.fixture
def album(organization: Organization) -> Album:
    return make_album(organization, "album")


@pytest.fixture
def images(album: Album) -> list[Image]:
    return [make_image(album) for _ in range(3)]


@pytest.mark.parametrize("key", ["ids[]", "ids", "ids%5B%5D", "ids%5b%5d", "%69ds[]"])
def test_ids_may_be_written_in_every_form_in_the_query(api: Client, images: list[Image], key: str) -> None:
    query = "&".join(f"{key}={pk}" for pk in ids_of(*images[1:]))
    assert found(api.get(f"{URL}?{query}")) == ids_of(*images[1:])
    assert found(api.post(f"{URL}?{query}")) == ids_of(*images[1:])


def test_both_names_may_stand_in_one_query(api: Client, images: list[Image]) -> None:
    first, second, _ = ids_of(*images)
    assert found(api.get(f"{URL}?ids[]={first}&&x=y&ids={second}")) == [first, second]


@pytest.mark.parametrize("key", ["ids[]", "ids", "ids%5B%5D"])
def test_ids_may_be_posted_as_a_form(api: Client, images: list[Image], key: str) -> None:
    body = "&".join(f"{key}={pk}" for pk in ids_of(*images[1:]))
    assert found(api.post(URL, body, content_type=FORM)) == ids_of(*images[1:])


@pytest.mark.parametrize("key", ["ids[]", "ids"])
def test_ids_may_be_posted_as_multipart(api: Client, images: list[Image], key: str) -> None:
    assert found(api.post(URL, {key: ids_of(*images[1:])})) == ids_of(*images[1:])


def test_ids_may_be_posted_as_json(api: Client, images: list[Image]) -> None:
    assert found(api.post(URL, {"ids": ids_of(*images[1:])}, content_type="application/json")) == ids_of(*images[1:])


def test_the_ids_of_the_body_come_before_those_of_the_query(api: Client, images: list[Image]) -> None:
    first, second, _ = ids_of(*images)
    assert found(api.post(f"{URL}?ids[]={first}", {"ids": [second]}, content_type="application/json")) == [second]


def test_a_file_beside_the_ids_changes_nothing(api: Client, images: list[Image]) -> None:
    file = BytesIO(b"x")
    file.name = "ids.txt"
    assert found(api.post(URL, {"ids[]": ids_of(*images[1:]), "upload": file})) == ids_of(*images[1:])


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b'{"ids":[]}', "application/json"), (b'{"ids":[""]}', "application/json"), (b"ids[]=", FORM), (b"ids", FORM)],
)
def test_an_empty_list_is_not_everything(api: Client, images: list[Image], body: bytes, content_type: str) -> None:
    assert found(api.post(URL, body, content_type=content_type)) == []


@pytest.mark.parametrize("query", ["ids[]=", "ids[]", "ids=", "ids", "ids%5B%5D=", "ids[]=&ids[]="])
def test_ids_without_a_value_are_not_everything(api: Client, images: list[Image], query: str) -> None:
    assert found(api.get(f"{URL}?{query}")) == []


def test_a_post_without_ids_means_everything(api: Client, images: list[Image]) -> None:
    for response in (
        api.post(URL),
        api.post(URL, b"", content_type=FORM),
        api.post(URL, b"{}", content_type="application/json"),
        api.post(URL, {"album_id": "album"}, content_type="application/json"),
        api.post(URL, {"album_id": "album"}),
    ):
        assert found(response) == ids_of(*images)


NO_IDS: list[Any] = [
    *(
        "x",
        "0",
        "%00",
        "../",
        "' OR 1=1--",
        "é",
        "１２３４５６７８-1234-1234-1234-123456789012",
        "a" * 100_000,
        "null",
        "[]",
    ),
    *("{id:upper}", "{{{id}}}", "urn:uuid:{id}", "{id:hex}", " {id}", "{id} ", "{id}%0A", "{id}%00x", "{id},{id}"),
]


@pytest.mark.parametrize("value", NO_IDS, ids=lambda value: value[:24])
def test_what_is_no_uuid_is_skipped_and_counted(api: Client, images: list[Image], value: str) -> None:
    pk = uuid.UUID("abcdefab-cdef-4abc-8def-abcdefabcdef")
    make_image(images[0].album, id=pk)
    odd = value.replace("{id:upper}", str(pk).upper()).replace("{id:hex}", pk.hex).replace("{{{id}}}", f"{{{pk}}}")
    odd = odd.replace("{id}", str(pk))
    response = api.get(f"{URL}?ids[]={quote(odd, safe='%')}&ids[]={images[0].pk}")
    assert found(response) == ids_of(*images[:1])
    assert response.headers["X-message"] == "1 id was skipped: not a UUID."


def test_an_id_loses_a_nul_like_every_text(api: Client, images: list[Image]) -> None:
    assert found(api.get(f"{URL}?ids[]=%00{images[0].pk}%00")) == ids_of(*images[:1])


def test_members_of_a_json_list_that_are_no_uuids_are_skipped_and_counted(api: Client, images: list[Image]) -> None:
    odd = [None, True, 1, 1.5, [], {}, [str(images[1].pk)], {"id": str(images[1].pk)}, "", "x"] * 120
    response = api.post(URL, {"ids": [*odd, str(images[0].pk)]}, content_type="application/json")
    assert found(response) == ids_of(*images[:1])
    assert response.headers["X-message"] == "1,200 ids were skipped: not a UUID."


def test_without_skipped_ids_there_is_nothing_to_say(api: Client, images: list[Image]) -> None:
    assert "X-message" not in api.get(f"{URL}?ids[]={images[0].pk}").headers
    assert "X-message" not in api.get(URL).headers


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"[]", 'The body must be an object such as {"ids": [...]}.'),
        (b'"ids"', 'The body must be an object such as {"ids": [...]}.'),
        (b"null", 'The body must be an object such as {"ids": [...]}.'),
        (b"1", 'The body must be an object such as {"ids": [...]}.'),
        (b'{"ids":null}', "ids must be a list."),
        (b'{"ids":"x"}', "ids must be a list."),
        (b'{"ids":{"0":"x"}}', "ids must be a list."),
        (b'{"ids":1}', "ids must be a list."),
        (b'{"ids":[NaN]}', "The body is not valid JSON."),
        (b'{"ids":["\\ud800"]}', "The body is not valid JSON."),
        (b'{"ids":' + b"[" * 10_000, "The body is not valid JSON."),
        (b"{", "The body is not valid JSON."),
    ],
    ids=lambda value: repr(value[:20]),
)
def test_a_body_that_makes_no_sense_is_a_400_with_a_sentence(api: Client, body: bytes, sentence: str) -> None:
    assert refusal(api.post(URL, body, content_type="application/json")) == sentence


def many(images: list[Image], count: int) -> list[str]:
    return [str(uuid.uuid4()) for _ in range(count - len(images))] + ids_of(*images)


@pytest.mark.parametrize("how", ["get", "encoded", "json", "form", "multipart"])
def test_ten_thousand_ids_are_answered_and_one_more_is_refused(api: Client, images: list[Image], how: str) -> None:
    def ask(ids: list[str]) -> Any:
        match how:
            case "json":
                return api.post(URL, {"ids": ids}, content_type="application/json")
            case "form":
                return api.post(URL, "&".join(f"ids[]={pk}" for pk in ids), content_type=FORM)
            case "multipart":
                return api.post(URL, {"ids[]": ids})
        key = "ids%5B%5D" if how == "encoded" else "ids[]"
        return api.get(f"{URL}?" + "&".join(f"{key}={pk}" for pk in ids))

    assert found(ask(many(images, MAX_IDS))) == ids_of(*images)
    assert refusal(ask(many(images, MAX_IDS + 1))) == "At most 10,000 ids can be asked for at once."


def test_a_hundred_thousand_fields_are_refused(api: Client) -> None:
    assert refusal(api.get(f"{URL}?{'&'.join(['ids[]=x'] * 100_000)}")) == "At most 10,100 fields can be sent at once."
