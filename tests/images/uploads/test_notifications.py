"""What workers tell the address that an uploader named."""

from typing import Any

import cloudinary
import cloudinary.utils
import orjson
import pytest
from django.conf import settings as django_settings

from accounts.models import Organization
from images import tasks
from images.uploads.keys import Signer, organization_signer
from images.uploads.models import Upload
from sharinpix import fetching
from tests.images.uploads.sending import PICTURE, send, send_part

pytestmark = pytest.mark.django_db(transaction=True)
URL = "https://hooks.example/uploads?a=1&b=2"


@pytest.fixture
def signer(organization: Organization) -> Signer:
    return organization_signer(organization.pk)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the fetcher was asked to post."""
    found: list[Any] = []
    monkeypatch.setattr(fetching, "post", lambda *arguments: found.append(arguments))
    return found


def test_a_notification_tells_the_answer_and_is_signed_as_cloudinarys(signer: Signer, calls: list[Any]) -> None:
    told = send(signer, notification_url=URL, tags="a").json()
    ((url, body, headers),) = calls
    sent = orjson.loads(body)
    assert url == URL
    assert sent == {"notification_type": "upload", "timestamp": headers["X-Cld-Timestamp"], **told}
    assert headers["Content-Type"] == "application/json"
    before = cloudinary.config().api_secret
    cloudinary.config(api_secret=signer.secrets[0])
    try:
        assert cloudinary.utils.verify_notification_signature(
            body.decode(), int(headers["X-Cld-Timestamp"]), headers["X-Cld-Signature"]
        )
    finally:
        cloudinary.config(api_secret=before)


@pytest.mark.parametrize("url", ["", "{}/api/v1/cloudinary/x", "{}", "{}/", "HTTP://TESTSERVER/api", "{}/a?b=http://x"])
def test_an_address_of_ours_is_never_called(signer: Signer, calls: list[Any], url: str) -> None:
    assert send(signer, notification_url=url.format(django_settings.PUBLIC_URL)).status_code == 200
    assert calls == []


def test_an_address_that_only_looks_like_ours_is_not_ours(signer: Signer, calls: list[Any]) -> None:
    for url in (f"{django_settings.PUBLIC_URL}.example/", f"{django_settings.PUBLIC_URL}@evil.example/"):
        send(signer, notification_url=url)
    assert len(calls) == 2


def test_parts_are_told_of_when_the_last_one_has_come(signer: Signer, calls: list[Any]) -> None:
    send_part(signer, "one", PICTURE, 0, 300, notification_url=URL)
    assert calls == []
    told = send_part(signer, "one", PICTURE, 300, len(PICTURE), notification_url=URL).json()
    ((_, body, _),) = calls
    assert orjson.loads(body)["public_id"] == told["public_id"]


@pytest.mark.parametrize("error", [fetching.Refused("No."), fetching.Failed("Down.")])
def test_an_address_that_cannot_be_reached_harms_no_upload(
    error: Exception, signer: Signer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*arguments: Any) -> None:
        raise error

    monkeypatch.setattr(fetching, "post", fails)
    assert send(signer, notification_url=URL).status_code == 200
    assert str(error) in caplog.text


def test_a_refused_upload_is_not_told_of(signer: Signer, calls: list[Any]) -> None:
    assert send(signer, b"no picture", notification_url=URL).status_code == 400
    assert calls == []


def test_what_has_gone_meanwhile_is_not_told_of(signer: Signer, organization: Organization, calls: list[Any]) -> None:
    told = send(signer).json()
    tasks.notify(URL, "unknown", signer.api_key)
    organization.is_active = False
    organization.save()
    tasks.notify(URL, told["public_id"], signer.api_key)
    Upload.objects.all().delete()
    tasks.notify(URL, told["public_id"], signer.api_key)
    assert calls == []
