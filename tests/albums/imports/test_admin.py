"""Imports in the admin: what became of each, and another try."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.models import Organization
from albums.imports.models import Import
from images.models import Image
from sharinpix import fetching
from tests.factories import jpeg, make_album, make_image, make_stored_image
from tests.staff import EVIL, list_url, logged_in, queries, rows_on, staff_of, text, url_of


def make(organization: Organization, url: str = "https://a.example/a.jpg", **columns: Any) -> Import:
    params = {"url": url, **columns.pop("params", {})}
    return Import.objects.create(organization=organization, album_name="a001", params=params, **columns)


def again(client: Client, *jobs: Import) -> Any:
    sent = {"action": "try_again", "_selected_action": [str(job.pk) for job in jobs]}
    return client.post(list_url(Import), sent, follow=True)


def test_the_list_asks_as_often_for_50_imports_as_for_1(root: Client, organization: Organization) -> None:
    make(organization, image=make_image(make_album(organization)))
    once = queries(root, list_url(Import))
    for number in range(50):
        other = Organization.objects.create(name=f"O{number}")
        make(other, image=make_image(make_album(other)))
    assert queries(root, list_url(Import)) == once


def test_the_list_tells_what_became_of_each(staff: Client, organization: Organization) -> None:
    image = make_stored_image(make_album(organization), jpeg(), filename="the picture")
    done = make(organization, status="done", attempts=1, image=image)
    failed = make(organization, "https://b.example/", status="failed", attempts=3, error="The server answered 404.")
    page = text(staff.get(list_url(Import)))
    for shown in (
        "https://a.example/a.jpg",
        "https://b.example/",
        "done",
        "failed",
        "The server answered 404.",
        'alt="the picture"',
    ):
        assert shown in page
    assert rows_on(staff.get(list_url(Import), {"status__exact": "failed"})) == [failed]
    assert rows_on(staff.get(list_url(Import), {"q": "404"})) == [failed]
    assert set(rows_on(staff.get(list_url(Import), {"q": "a001"}))) == {done, failed}
    assert url_of(image) in text(staff.get(url_of(done)))


def test_headers_are_neither_shown_nor_found(root: Client, organization: Organization) -> None:
    job = make(organization, params={"headers": {"Authorization": "Bearer s3cret"}})
    page = text(root.get(url_of(job)))
    assert "not shown" in page and "s3cret" not in page and "s3cret" not in text(root.get(list_url(Import)))
    assert rows_on(root.get(list_url(Import), {"q": "s3cret"})) == []


def test_what_a_client_sent_is_shown_as_text(root: Client, organization: Organization) -> None:
    job = make(organization, EVIL, status="failed", error=EVIL, params={"tags": [EVIL], EVIL: EVIL})
    for url in (list_url(Import), url_of(job)):
        page = text(root.get(url))
        assert "<script>alert" not in page and "&lt;script&gt;alert(1)" in page


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The addresses that are fetched; all of them fail."""
    made: list[str] = []

    def fetch(url: str, *args: Any, **options: Any) -> None:
        made.append(url)
        raise fetching.Refused("It is gone.")

    monkeypatch.setattr(fetching, "fetch", fetch)
    return made


@pytest.mark.django_db(transaction=True)
def test_what_failed_is_tried_again_and_nothing_else(
    staff: Client, organization: Organization, other_organization: Organization, tries: list[str]
) -> None:
    failed = make(organization, status="failed", attempts=3, error="The server answered 404.")
    done, waiting = make(organization, status="done"), make(organization, status="fetching")
    theirs = make(other_organization, status="failed")
    response = again(staff, failed, done, waiting, theirs)
    assert "Trying 1 import again." in text(response)
    assert tries == ["https://a.example/a.jpg"]
    failed.refresh_from_db()
    assert (failed.status, failed.attempts, failed.error) == ("failed", 1, "It is gone.")
    assert set(Import.objects.exclude(pk=failed.pk).values_list("status", flat=True)) == {"done", "fetching", "failed"}


@pytest.mark.django_db(transaction=True)
def test_who_may_only_look_cannot_try_again(organization: Organization, tries: list[str]) -> None:
    person = staff_of(organization)
    person.user_permissions.set(Permission.objects.filter(codename="view_import"))
    again(logged_in(person), make(organization, status="failed"))
    assert tries == []
    assert Import.objects.get().status == "failed"


def test_an_import_is_made_changed_and_deleted_by_nobody_here(root: Client, organization: Organization) -> None:
    job = make(organization, image=make_image(make_album(organization)))
    root.post(url_of(job), {"status": "done", "album_name": "b"})
    root.post(url_of(job, "delete"), {"post": "yes"})
    assert root.get(f"{list_url(Import)}add/").status_code == 403
    job.refresh_from_db()
    assert (job.album_name, job.status, Image.objects.count()) == ("a001", "waiting", 1)
