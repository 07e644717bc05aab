"""Every route while the database is away: 503 with `Retry-After`, in the shape that its clients read."""

import xml.etree.ElementTree as ET
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client

from accounts.models import Organization
from images.uploads.keys import organization_signer
from tests.albums.uploads.sending import announced, picture_file
from tests.factories import jpeg
from tests.images.uploads.sending import send
from tests.outages import away
from tests.principals import World, world
from tests.staff import list_url
from tests.test_access import CASES, Case

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
SENTENCE = "The database does not answer. Please try again."


def assert_told_to_try_again(response: Any) -> None:
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert "X-token" not in response.headers


@pytest.fixture
def made() -> World:
    return world()


@pytest.mark.usefixtures("native_on")
@pytest.mark.parametrize("case", [case for case in CASES if case.may], ids=str)
def test_a_route_of_the_api_or_of_pictures(case: Case, made: World) -> None:
    principal = made.principals[min(case.may & {"admin secret", "person"})]
    path, body = case.path(made, principal), case.send(made, principal)
    with away():
        response = principal.ask(case.method, path, **body)
    transaction.set_rollback(False)  # the test's own, which a failed block inside of it has marked
    assert_told_to_try_again(response)
    if path.startswith("/api/"):
        assert response.headers["X-message"] == SENTENCE
        assert response.json() == {"error": {"code": "unavailable", "message": SENTENCE}}
    else:
        assert (response.headers["Content-Type"], response.content.decode()) == ("text/plain; charset=utf-8", SENTENCE)


def test_the_endpoint_of_upload_forms_answers_as_cloudinary(organization: Organization) -> None:
    signer = organization_signer(organization.pk)
    with away():
        response = send(signer)
    assert_told_to_try_again(response)
    assert response.json() == {"error": {"message": SENTENCE}}


def test_the_form_of_storage_files_answers_as_s3(api: Client) -> None:
    parameters = announced(api, len(jpeg()))["upload_parameters"]
    path = parameters["url"].removeprefix(settings.PUBLIC_URL)
    body = {**parameters["fields"], "file": picture_file(jpeg())}
    with away():
        response = Client().post(path, body)
    assert_told_to_try_again(response)
    error = ET.fromstring(response.content)
    assert (error.findtext("Code"), error.findtext("Message")) == ("ServiceUnavailable", SENTENCE)


def test_the_admin_says_so_in_a_sentence(root: Client, organization: Organization) -> None:
    pages = ["/admin/", list_url(Organization), "/admin/password_change/"]
    for page in pages:
        with away():
            response = root.get(page)
        assert_told_to_try_again(response)
        assert response.content.decode() == SENTENCE
        with away():
            assert_told_to_try_again(root.post(page, {"username": "root@example.com", "password": "a"}))


def test_so_does_its_log_in() -> None:
    with away():
        response = Client().post("/admin/login/", {"username": "root@example.com", "password": "a"})
    assert_told_to_try_again(response)
