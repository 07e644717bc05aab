"""Imports over HTTP (API: imports)."""

import uuid
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from accounts.models import Organization, Secret
from albums.imports.models import Import
from albums.models import Album
from images.models import Tag
from sharinpix import fetching
from tests.albums.uploads.sending import ALBUM, nothing_kept
from tests.factories import make_album, make_image
from tests.threads import together

URL = "https://pictures.example/a.jpg?b=<c>&d"
IMPORT8 = ["id", "organization_id", "image_id", "import_type", "album_id", "params", "created_at", "updated_at"]
ADDED = {"controller": "api/v1/imports", "action": "create"}


@pytest.fixture(autouse=True)
def _nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(*args: Any, **options: Any) -> None:
        raise fetching.Failed("The server does not answer.")

    monkeypatch.setattr(fetching, "fetch", fetch)


def send(api: Client, key: str | None = None, **fields: Any) -> Any:
    body = {"import_type": "url", "url": URL, "album_id": ALBUM, **fields}
    headers = {} if key is None else {"Idempotency-Key": key}
    return api.post("/api/v1/imports", body, content_type="application/json", headers=headers)


def ask(api: Client, import_id: Any) -> Any:
    return api.get(f"/api/v1/imports/{import_id}")


def access(album: str = ALBUM, **abilities: Any) -> dict[str, Any]:
    return {"abilities": {album: {"Access": abilities}}}


def test_the_answer_is_there_at_once_with_the_documented_keys_first(api: Client, organization: Organization) -> None:
    answer = send(api).json()
    assert list(answer) == [*IMPORT8, "status", "attempts", "error"]
    assert (answer["organization_id"], answer["album_id"]) == (str(organization.pk), ALBUM)
    assert (answer["image_id"], answer["import_type"]) == (None, "url")
    assert (answer["status"], answer["attempts"], answer["error"]) == ("waiting", 0, None)
    assert ask(api, answer["id"]).json() == answer
    assert not Album.objects.exists()  # it is made with its first image


def test_what_was_sent_is_echoed_in_its_order_with_two_keys_more(api: Client) -> None:
    body = {
        "url": URL,
        "tags": ["a", ""],
        "metadatas": {"z": 1, "a": [None, 1.5]},
        "album_id": ALBUM,
        "attachment_id": "00P",
        "x": True,
    }
    answer = api.post("/api/v1/imports/", body, content_type="application/json").json()
    assert answer["params"] == {**body, **ADDED}
    assert list(answer["params"]) == [*body, *ADDED]
    assert answer["import_type"] is None


def test_a_form_is_echoed_as_strings(api: Client) -> None:
    fields = {
        "album_id": ALBUM,
        "filename": "a.jpg",
        "metadata[a]": "1",
        "url": URL,
        "import_type": "url",
        "headers[Authorization]": "Bearer x",
    }
    answer = api.post("/api/v1/imports", urlencode(fields), content_type="application/x-www-form-urlencoded").json()
    expected = {
        "album_id": ALBUM,
        "filename": "a.jpg",
        "metadata": {"a": "1"},
        "url": URL,
        "import_type": "url",
        "headers": {"Authorization": "Bearer x"},
    }
    assert answer["params"] == {**expected, **ADDED}
    assert list(answer["params"]) == [*expected, *ADDED]
    assert Import.objects.get().params["metadata"] == {"a": "1"}


@pytest.mark.parametrize(
    "fields",
    [
        {"url": None},
        {"url": ""},
        {"url": 1},
        {"url": ["a"]},
        {"album_id": None},
        {"album_id": ""},
        {"album_id": 3},
        {"album_id": "a/b"},
        {"import_type": "salesforce"},
        {"import_type": ["url"]},
        {"metadatas": "text"},
        {"metadatas": [1]},
        {"metadata": 1},
        {"tags": 1},
        {"tags": [1]},
        {"tags": ["x" * 256]},
        {"tags": ["x"] * 101},
        {"headers": ["a"]},
        {"headers": {"a": 1}},
        {"headers": {"a": ["b"]}},
        {"filename": 1},
        {"filename": {"a": "b"}},
    ],
    ids=str,
)
def test_what_cannot_be_an_import_is_400_with_a_sentence_and_makes_no_row(api: Client, fields: Any) -> None:
    with nothing_kept():
        response = send(api, **fields)
    assert response.status_code == 400
    assert response.headers["X-message"].endswith(".")


def test_an_address_that_is_refused_is_400_with_the_reason(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(url: str, headers: dict[str, str]) -> None:
        raise fetching.Refused(f"{url} and {headers} are not for us.")

    monkeypatch.setattr(fetching, "check", refuse)
    with nothing_kept():
        response = send(api, url="file:///etc/passwd", headers={"a": "b"})
    assert response.status_code == 400
    assert response.headers["X-message"] == "file:///etc/passwd and {'a': 'b'} are not for us."


def test_who_may_make_imports(api_of: Any, secret: Secret) -> None:
    statuses = [
        send(api_of(secret, **claims)).status_code
        for claims in (
            {},
            access(image_list=True),
            access(image_upload="true"),
            access("another", image_upload=True),
            access(image_upload=True),
            {"admin": True},
        )
    ]
    assert statuses == [401, 401, 401, 401, 200, 200]
    assert Import.objects.count() == 2


def test_tags_need_the_same_rights_as_with_an_upload(api_of: Any, secret: Secret, organization: Organization) -> None:
    Tag.objects.create(organization=organization, name="known")
    uploads: dict[str, Any] = {"image_upload": True}
    assert send(api_of(secret, **access(**uploads)), tags=["known", "new"]).status_code == 401
    assert send(api_of(secret, **access(**uploads)), tags=["known"]).status_code == 200
    assert send(api_of(secret, **access(**uploads, image_tag=True)), tags=["new"]).status_code == 200


def test_whoever_may_upload_anywhere_may_look_at_the_imports_of_the_organization(
    api: Client, api_of: Any, secret: Secret, other_organization: Organization
) -> None:
    made = send(api).json()["id"]
    stranger = Secret.issue(other_organization, "theirs")[0]
    assert ask(api_of(secret, **access("another", image_upload=True)), made).status_code == 200
    assert ask(api_of(secret), made).status_code == 401
    assert ask(api_of(secret, **access(image_list=True)), made).status_code == 401
    for client, import_id in (
        (api_of(stranger, admin=True), made),
        (api, uuid.uuid4()),
        (api, "junk"),
        (api, made.upper()),
        (api, f"{made}%00"),
    ):
        response = ask(client, import_id)
        assert (response.status_code, response.headers["X-message"]) == (404, "There is no such thing here.")


def test_what_became_of_an_import_is_in_the_answer(api: Client, organization: Organization) -> None:
    image = make_image(make_album(organization))
    job = Import.objects.create(organization=organization, album_name="a", status="done", attempts=2, image=image)
    answer = ask(api, job.pk).json()
    assert (answer["image_id"], answer["status"], answer["attempts"], answer["error"]) == (
        str(image.pk),
        "done",
        2,
        None,
    )
    Import.objects.update(status="failed", error="It is <b>gone</b>.")
    image.delete()
    answer = ask(api, job.pk)
    assert b"\\u003cb\\u003egone" in answer.content
    assert (answer.json()["image_id"], answer.json()["status"]) == (None, "failed")


def test_a_retry_under_the_same_key_is_the_same_import(api: Client) -> None:
    first = send(api, key="abc").json()
    assert send(api, key="abc").json() == first
    assert send(api).json()["id"] != first["id"]
    with nothing_kept():
        response = send(api, key="abc", url="https://another.example/")
    assert (response.status_code, response.json()["error"]["code"]) == (422, "unprocessable")


@pytest.mark.django_db(transaction=True)
def test_the_same_import_sent_at_once_is_made_once(api: Client) -> None:
    answers = together([lambda: send(api, key="abc")] * 10)
    assert [answer.status_code for answer in answers] == [200] * 10
    assert len({answer.json()["id"] for answer in answers}) == Import.objects.count() == 1
    assert Import.objects.get().attempts == 1
