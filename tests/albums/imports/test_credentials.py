"""The headers of an import are secrets: told once, kept encrypted, and only as long as they are needed."""

import json
from importlib import import_module
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.test import Client

from accounts.models import Organization, Secret
from albums.imports import jobs
from albums.imports.models import Import
from sharinpix import fetching
from tests.albums.imports.test_jobs import Internet, run_when_due
from tests.albums.uploads.sending import ALBUM
from tests.staff import list_url, text, url_of

URL = "https://pictures.example/a.jpg"
HEADERS = {"Authorization": "Bearer s3cret", "X-Key": "s3cret too"}
HIDDEN = {"Authorization": "not shown", "X-Key": "not shown"}
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def internet(monkeypatch: pytest.MonkeyPatch) -> Internet:
    made = Internet()
    monkeypatch.setattr(fetching, "fetch", made)
    return made


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs wait, as with a broker."""
    monkeypatch.setattr("sharinpix.queue.later", lambda *args: None)


def send(api: Client, key: str = "once", **fields: Any) -> Any:
    body = {"url": URL, "album_id": ALBUM, "headers": HEADERS, "tags": "a", **fields}
    return api.post("/api/v1/imports", body, content_type="application/json", headers={"Idempotency-Key": key})


def rows() -> str:
    """Every column of every import, as the database has it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM albums_import")
        return str(cursor.fetchall())


def test_the_creating_answer_alone_has_the_values(api: Client, later: None) -> None:
    sent = send(api).json()
    assert sent["params"]["headers"] == HEADERS
    asked = api.get(f"/api/v1/imports/{sent['id']}").json()
    assert asked["params"] == {**sent["params"], "headers": HIDDEN}
    assert list(asked["params"]) == list(sent["params"])
    assert {**asked, "params": None} == {**sent, "params": None}


def test_an_uploader_of_another_album_may_look_and_sees_no_value(
    api: Client, api_of: Any, secret: Secret, later: None
) -> None:
    import_id = send(api).json()["id"]
    elsewhere = api_of(secret, abilities={"elsewhere": {"Access": {"image_upload": True}}})
    response = elsewhere.get(f"/api/v1/imports/{import_id}")
    assert response.status_code == 200
    assert b"s3cret" not in response.content


def test_waiting_headers_are_encrypted_and_sent_when_the_turn_comes(
    api: Client, later: None, internet: Internet
) -> None:
    import_id = send(api).json()["id"]
    assert "s3cret" not in rows()
    jobs.run(import_id)
    assert internet.asked == [(URL, HEADERS)]


def test_headers_go_when_the_import_has_succeeded(api: Client, internet: Internet) -> None:
    answer = send(api).json()
    assert (answer["status"], answer["params"]["headers"]) == ("done", HEADERS)
    job = Import.objects.get()
    assert (job.sealed_headers, job.headers(), job.params["headers"]) == (None, {}, HIDDEN)


def test_headers_stay_between_attempts_and_go_with_the_last(api: Client, later: None, internet: Internet) -> None:
    internet.content = fetching.Failed("The server does not answer.")
    job = Import.objects.get(pk=send(api).json()["id"])
    jobs.run(job.pk)
    for _ in range(2):
        job.refresh_from_db()
        assert job.headers() == HEADERS
        run_when_due(job)
    job.refresh_from_db()
    assert (job.status, job.sealed_headers) == ("failed", None)
    assert [headers for _, headers in internet.asked] == [HEADERS] * 3


def test_headers_go_when_the_import_is_refused(api: Client, internet: Internet) -> None:
    internet.content = fetching.Refused("The address is private.")
    assert send(api).json()["status"] == "failed"
    assert Import.objects.get().sealed_headers is None


def test_a_retry_under_the_same_key_is_the_same_import_whatever_its_values(api: Client, later: None) -> None:
    first = send(api).json()
    again = send(api, headers={**HEADERS, "X-Key": "newer"})
    assert (again.status_code, again.json()["id"]) == (200, first["id"])
    assert send(api, headers={"Other": "x"}).status_code == 422
    assert Import.objects.get().headers() == HEADERS


@pytest.mark.parametrize("headers", [None, [], {}])
def test_an_import_without_headers_keeps_nothing(api: Client, later: None, headers: Any) -> None:
    answer = send(api, headers=headers).json()
    assert answer["params"]["headers"] == headers
    job = Import.objects.get()
    assert (job.params["headers"], job.sealed_headers, job.headers()) == (headers, None, {})


def test_headers_outlive_a_new_secret_key_as_long_as_the_old_one_is_kept(
    api: Client, later: None, settings: Any, internet: Internet
) -> None:
    import_id = send(api).json()["id"]
    other = send(api, key="other").json()["id"]
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new", [settings.SECRET_KEY]
    jobs.run(import_id)
    settings.SECRET_KEY_FALLBACKS = []
    jobs.run(other)
    assert internet.asked == [(URL, HEADERS)]
    lost = Import.objects.get(pk=other)
    assert (lost.status, lost.error) == (
        "failed",
        "Its headers cannot be read any more, since SECRET_KEY has changed.",
    )


# The admin


def test_no_page_of_the_admin_shows_a_value(root: Client, api: Client, later: None) -> None:
    job = Import.objects.get(pk=send(api).json()["id"])
    page = text(root.get(url_of(job)))
    assert "not shown" in page and "Authorization" in page
    for shown in (page, text(root.get(list_url(Import)))):
        assert "s3cret" not in shown and str(job.sealed_headers) not in shown


def test_what_failed_is_tried_again_unless_its_headers_are_gone(
    staff: Client, organization: Organization, api: Client, internet: Internet
) -> None:
    internet.content = fetching.Refused("It is gone.")
    ids = [send(api, key).json()["id"] for key in ("a", "b")] + [send(api, "c", headers={}).json()["id"]]
    page = text(staff.post(list_url(Import), {"action": "try_again", "_selected_action": ids}, follow=True))
    assert "Trying 1 import again." in page and "2 left out: the headers" in page
    assert len(internet.asked) == 4


# The migration


def stored_before(organization: Organization, status: str, params: Any) -> Import:
    """A row as the version before made it."""
    job = Import.objects.create(organization=organization, album_name=ALBUM, status=status)
    Import.objects.filter(pk=job.pk).update(params=params)
    return job


def test_headers_of_before_are_encrypted_or_dropped(
    organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    migration = import_module("albums.migrations.0005_import_headers_sealed")
    monkeypatch.setattr(migration, "BATCH", 3)
    params = {"url": URL, "headers": HEADERS, "tags": ["é"], "z": 1.50}
    waiting = [stored_before(organization, status, params) for status in ("waiting", "fetching") * 4]
    ended = [stored_before(organization, status, params) for status in ("done", "failed") * 4]
    odd: list[Any] = [
        {"url": URL},
        {"headers": None},
        {"headers": []},
        {"headers": {}},
        {"a": {"headers": {"b": 1}}},
        ["headers"],
    ]
    untouched = [stored_before(organization, "waiting", value) for value in odd]
    with connection.schema_editor() as editor:
        migration.seal(apps, editor)
    assert "s3cret" not in rows()
    for job in (*waiting, *ended):
        job.refresh_from_db()
        assert json.dumps(job.params) == json.dumps({**params, "headers": HIDDEN})
        assert job.headers() == (HEADERS if job in waiting else {})
    for job, value in zip(untouched, odd, strict=True):
        job.refresh_from_db()
        assert (job.params, job.sealed_headers) == (value, None)
