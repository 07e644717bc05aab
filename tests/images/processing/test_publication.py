"""Originals that came to us go on to Cloudinary, where it delivers."""

from typing import Any

import pytest
from cloudinary import exceptions, uploader
from django.test import Client

from images.models import Image
from images.processing import work
from tests.albums.uploads import cloud
from tests.albums.uploads.sending import by_plain_upload
from tests.factories import jpeg

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def at_cloudinary(settings: Any) -> None:
    cloud.use(settings)


@pytest.fixture
def sent_to_cloudinary(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the package's upload_large was asked, where Cloudinary would be; an exception in it is raised."""
    calls: list[Any] = []

    def upload_large(file: Any, **options: Any) -> dict[str, Any]:
        calls.append((file.read(), options))
        return {"version": 1_800_000_000, "public_id": options["public_id"]}

    monkeypatch.setattr(uploader, "upload_large", upload_large)
    return calls


def test_an_original_that_came_to_us_goes_on_to_cloudinary(
    api: Client, at_cloudinary: None, sent_to_cloudinary: list[Any]
) -> None:
    image = by_plain_upload(api, jpeg(640, 480))
    ((content, options),) = sent_to_cloudinary
    assert content == jpeg(640, 480)
    row = Image.objects.get()
    assert options == {
        "public_id": row.delivery_id, "type": "authenticated", "resource_type": "image", "chunk_size": 6_000_000, "timeout": 30, "filename": row.delivery_id,
        "cloud_name": "example", "api_key": "874837483274837", "api_secret": cloud.SECRET,
    }  # fmt: skip
    assert (image["processed"], row.delivery_version) == (True, 1_800_000_000)
    assert f"/v1800000000/{row.delivery_id}." in image["original_url"]


@pytest.mark.parametrize("error", [exceptions.BadRequest, exceptions.NotAllowed, exceptions.AuthorizationRequired])
def test_what_cloudinary_refuses_is_an_error_of_the_picture(
    error: type[Exception], api: Client, at_cloudinary: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*args: Any, **options: Any) -> None:
        raise error("Not this one.")

    monkeypatch.setattr(uploader, "upload_large", refuses)
    image = by_plain_upload(api, jpeg())
    assert (image["processed"], image["processing_error"]) == (True, "publication: Not this one.")


def test_trouble_at_cloudinary_that_may_pass_is_tried_again(
    api: Client, at_cloudinary: None, monkeypatch: pytest.MonkeyPatch, sent_to_cloudinary: list[Any]
) -> None:
    def fails(*args: Any, **options: Any) -> None:
        raise exceptions.GeneralError("503")

    with monkeypatch.context() as down:
        down.setattr(uploader, "upload_large", fails)
        image = by_plain_upload(api, jpeg())
    assert (image["processed"], image["processing_error"]) == (False, None)
    assert work.process(image["id"])
    assert Image.objects.get().processed


@pytest.mark.usefixtures("at_cloudinary", "short_parts")
def test_the_package_sends_the_file_in_parts(api: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real upload_large over a stored file; its requests end before the network."""
    sent: list[Any] = []

    def call_api(
        action: str, params: dict[str, Any], headers: Any, error: Any, unsigned: Any, file: Any, *rest: Any, **more: Any
    ) -> dict[str, Any]:
        sent.append((headers["Content-Range"], len(file[1]), file[0]))
        return {"public_id": params["public_id"], "version": 1_800_000_000}

    monkeypatch.setattr(uploader, "call_api", call_api)
    content = jpeg(64, 48)
    by_plain_upload(api, content)
    total = len(content)
    assert sent[0] == (f"bytes 0-499/{total}", 500, Image.objects.get().delivery_id)
    assert sum(size for _, size, _ in sent) == total
    assert Image.objects.get().delivery_version == 1_800_000_000
