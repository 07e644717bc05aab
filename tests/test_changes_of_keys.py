"""Every link that the server ever gave goes on working while its keys change, until its key is retired."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.test import Client

from accounts.models import Organization
from images.uploads.keys import organization_signer
from sharinpix.signing_keys import fingerprint_of, known_keys, usable_keys
from tests.albums.uploads.sending import announced, picture_file, upload_form
from tests.factories import jpeg, make_album, make_stored_image

PICTURE = jpeg(64, 48)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, settings: Any) -> Callable[..., None]:
    """environment(**variables): the server starts again with these variables and the SECRET_KEY of before."""

    def start(**variables: str) -> None:
        for name in ("SIGNING_KEYS", "RETIRED_SIGNING_KEYS"):
            monkeypatch.setenv(name, variables.get(name, ""))
        settings.KNOWN_SIGNING_KEYS = known_keys(django_settings.SECRET_KEY, [])
        settings.SIGNING_KEYS = settings.DELIVERY_KEYS = usable_keys(settings.KNOWN_SIGNING_KEYS)

    start()
    return start


def links_of(api: Client) -> list[str]:
    """Every URL of a resync, with the thumbnail links inside its proxy URLs."""
    found: list[str] = []
    for image in api.get("/api/v1/image_syncs").json():
        urls = [image["original_url"], *image["external_urls"].values(), *image["thumbnails"].values()]
        urls += [url.partition("&url=")[2].removeprefix("testserver") for url in urls if "&url=" in url]
        found += [url.removeprefix("http://testserver") for url in urls]
    return found


def answered(links: list[str]) -> list[tuple[int, bytes]]:
    """What is behind each link: the status and, after redirects, the bytes."""
    found = []
    for link in links:
        response = Client().get(link, follow=True)
        found.append((response.status_code, b"".join(response)))
    return found


def sent(form: dict[str, Any]) -> int:
    """The status of an upload by a form as the API handed it out."""
    path, fields = form["url"].removeprefix("http://testserver"), form.get("params") or form["fields"]
    return int(Client().post(path, {**fields, "file": picture_file(PICTURE)}).status_code)


def test_links_answer_as_before_under_new_keys_and_no_more_once_theirs_is_retired(
    api: Client, organization: Organization, environment: Callable[..., None]
) -> None:
    for number in range(3):
        make_stored_image(make_album(organization, f"album {number}"), jpeg(64, 48 + number))
    of_derived = links_of(api)
    before = answered(of_derived)
    assert len(of_derived) > 30
    assert {status for status, _ in before} == {200}
    derived = django_settings.SIGNING_KEYS[0]

    environment(SIGNING_KEYS="first")
    of_first = links_of(api)
    assert not set(of_first) & set(of_derived)
    assert answered(of_derived) == answered(of_first) == before

    environment(SIGNING_KEYS="second,first")
    assert answered(of_derived) == answered(of_first) == answered(links_of(api)) == before

    environment(SIGNING_KEYS="second,first", RETIRED_SIGNING_KEYS=fingerprint_of(derived))
    assert {status for status, _ in answered(of_derived)} <= {400, 401}
    assert answered(of_first) == before

    environment(SIGNING_KEYS="second", RETIRED_SIGNING_KEYS=fingerprint_of(derived))
    assert {status for status, _ in answered(of_first)} <= {400, 401}
    assert answered(links_of(api)) == before


def test_upload_forms_and_keys_of_before_work_on_until_their_key_is_retired(
    api: Client, organization: Organization, environment: Callable[..., None]
) -> None:
    derived = django_settings.SIGNING_KEYS[0]
    form, files = upload_form(api), [announced(api, len(PICTURE))["upload_parameters"] for _ in range(2)]
    signer = organization_signer(organization.pk)
    body = signer.notification_signature(b"{}", "1")
    environment(SIGNING_KEYS="first")
    assert (sent(form), sent(files[0])) == (200, 201)
    assert organization_signer(organization.pk).verifies_notification(b"{}", "1", body)
    environment(SIGNING_KEYS="first", RETIRED_SIGNING_KEYS=fingerprint_of(derived))
    assert (sent(form), sent(files[1])) == (401, 403)
    assert not organization_signer(organization.pk).verifies_notification(b"{}", "1", body)
