"""Our own end of an upload form."""

import time
from typing import Any

import orjson
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from accounts.models import Organization
from images.storage import storage
from images.uploads.keys import Signer, organization_signer
from images.uploads.models import Upload
from sharinpix import fetching
from tests.images.samples import file_of, quarters
from tests.images.uploads.sending import (
    PICTURE,
    path,
    refused,
    send,
    signed_fields,
)

pytestmark = pytest.mark.django_db
HOUR, DAY = 3_600, 86_400


@pytest.mark.parametrize("kind", ["auto", "image", "raw", "video"])
def test_the_file_is_stored_byte_for_byte(signer: Signer, organization: Organization, kind: str) -> None:
    told = send(signer, kind=kind).json()
    upload = Upload.objects.get()
    assert (upload.public_id, upload.version, upload.organization_id) == (
        told["public_id"],
        told["version"],
        organization.pk,
    )
    assert storage.read(upload.original) == PICTURE
    assert (upload.width, upload.height, upload.format, upload.bytes) == (64, 48, "jpg", len(PICTURE))
    assert (upload.claim_due, upload.image and upload.image.album.public_id) == (True, "uploads")


def test_what_a_file_is_decides_not_what_it_is_called(signer: Signer) -> None:
    assert send(signer, file_of(quarters(), "PNG"), name="a.jpg").json()["format"] == "png"


@pytest.mark.parametrize("content", [b"", b"x", b"<svg onload=alert(1)>", b"%PDF-1.4", b"\xff\xd8\xff", b"GIF89a/*"])
def test_what_is_no_picture_is_refused(signer: Signer, content: bytes) -> None:
    assert refused(send(signer, content), 400)


@pytest.mark.parametrize("kind", ["authenticated", "private", "upload"])
def test_the_type_is_one_of_three(signer: Signer, kind: str) -> None:
    assert send(signer, type=kind).json()["type"] == kind
    assert Upload.objects.get().type == kind


def test_another_type_is_refused(signer: Signer) -> None:
    assert "type" in refused(send(signer, type="fetch"), 400)


def test_without_a_type_it_is_upload_as_at_cloudinary(signer: Signer) -> None:
    assert send(signer, type="").json()["type"] == "upload"


def test_a_client_cannot_choose_the_public_id(signer: Signer) -> None:
    assert "public_id" in refused(send(signer, public_id="../../etc/passwd"), 400)


def test_another_cloud_is_not_here(signer: Signer) -> None:
    answer = Client().post(
        "/v1_1/elsewhere/auto/upload", {**signed_fields(signer), "file": SimpleUploadedFile("a", PICTURE)}
    )
    refused(answer, 400)


def test_reading_the_address_is_answered_in_the_same_shape() -> None:
    assert "GET" in refused(Client().get(path()), 405)


@pytest.mark.parametrize(
    ("offset", "status"), [(-HOUR + 30, 200), (-HOUR - 30, 401), (7 * DAY, 200), (7 * DAY + 120, 401), (0, 200)]
)
def test_a_timestamp_is_good_from_an_hour_ago_to_in_a_week(signer: Signer, offset: int, status: int) -> None:
    assert send(signer, timestamp=int(time.time()) + offset).status_code == status


@pytest.mark.parametrize(("offset", "status"), [(30 * DAY, 200), (30 * DAY + 120, 401), (-HOUR - 30, 401)])
@pytest.mark.usefixtures("native_on")
def test_a_native_form_is_good_for_a_month(offset: int, status: int, db: None) -> None:
    assert send(organization_signer(None), timestamp=int(time.time()) + offset).status_code == status


@pytest.mark.parametrize("timestamp", ["", "now", "NaN", "inf", "1e400", "-1", "9" * 400, "0x10"])
def test_a_timestamp_that_is_no_moment_is_refused(signer: Signer, timestamp: str) -> None:
    refused(send(signer, timestamp=timestamp), 401)


@pytest.mark.usefixtures("native_on")
def test_a_native_upload_belongs_to_nobody_yet(db: None) -> None:
    assert send(organization_signer(None)).status_code == 200
    assert Upload.objects.get().organization is None


def test_native_uploads_are_refused_unless_they_are_switched_on(signer: Signer) -> None:
    refused(send(organization_signer(None)), 401)
    assert send(signer).status_code == 200


def post(fields: dict[str, Any]) -> Any:
    return Client().post(path(), {**fields, "file": SimpleUploadedFile("a.jpg", PICTURE)})


def mutations(fields: dict[str, Any], foreign: Signer) -> dict[str, dict[str, Any]]:
    """Every single change of a signed form that must not pass, by name."""
    signature = fields["signature"]
    without = {f"without {name}": {k: v for k, v in fields.items() if k != name} for name in fields}
    changed = {f"another {name}": {**fields, name: f"{value}0"} for name, value in fields.items()}
    digits = {
        f"digit {place}": {
            **fields,
            "signature": signature[:place] + ("0" if signature[place] != "0" else "1") + signature[place + 1 :],
        }
        for place in range(len(signature))
    }
    others = {
        "one more parameter": {**fields, "overwrite": "1"},
        "a foreign key": {**fields, "api_key": foreign.api_key},
        "the native key": {**fields, "api_key": "0"},
        "an upper case signature": {**fields, "signature": signature.upper()},
        "a signature with space": {**fields, "signature": f"{signature} "},
        "a signature beyond ASCII": {**fields, "signature": "é" * 40},
        "two signatures": {**fields, "signature[]": signature, "signature": ""},
    }
    return without | changed | digits | others


def test_every_change_of_a_signed_form_is_refused(signer: Signer, foreign: Signer) -> None:
    fields = signed_fields(signer, tags="a", colors=1, notification_url="http://testserver/a")
    assert post(fields).status_code == 200
    Upload.objects.all().delete()
    for name, changed in mutations(fields, foreign).items():
        status = post(changed).status_code
        assert status in ({400, 401} if name == "two signatures" else {401}), name
    assert not Upload.objects.exists()


def test_an_ampersand_cannot_pretend_to_be_a_parameter(signer: Signer) -> None:
    form = signed_fields(signer, notification_url="http://a.example/?x=1&tags=b")
    assert post({**form, "notification_url": "http://a.example/?x=1", "tags": "b"}).status_code == 401
    assert post(form).status_code == 200


@pytest.mark.parametrize("name", ["colors", "tags", "faces", "notification_url", "type", "timestamp", "phash"])
def test_a_parameter_may_come_as_a_list(signer: Signer, name: str) -> None:
    """The signature of a list is that of its members joined by commas: a client may send one for the other."""
    fields = signed_fields(signer, colors=1, tags="a", faces=1, phash=1, notification_url="http://testserver/x")
    fields[f"{name}[]"] = fields.pop(name)
    assert post(fields).status_code == 200


def test_a_parameter_that_is_an_object_is_refused(signer: Signer) -> None:
    refused(post({**signed_fields(signer), "context[a]": "b"}), 400)


def test_a_file_cannot_stand_for_a_parameter(signer: Signer) -> None:
    fields = signed_fields(signer, tags="b.jpg")
    del fields["tags"]
    assert post({**fields, "tags": SimpleUploadedFile("b.jpg", PICTURE)}).status_code in {400, 401}
    assert not Upload.objects.exists()


def test_a_body_in_json_is_read_too(signer: Signer) -> None:
    fields: dict[str, Any] = {**signed_fields(signer, tags="5", faces="true"), "file": "http://127.0.0.1/"}
    fields |= {"tags": 5, "faces": True}
    answer = Client().post(path(), orjson.dumps(fields), content_type="application/json")
    assert answer.status_code == 400  # signed well: the file is the trouble
    assert Client().post(path(), b'["a"]', content_type="application/json").status_code == 400


def test_a_parameter_that_is_null_counts_as_absent(signer: Signer) -> None:
    fields = {**signed_fields(signer), "tags": None, "file": "http://127.0.0.1/"}
    assert Client().post(path(), orjson.dumps(fields), content_type="application/json").status_code == 400


@pytest.mark.parametrize("url", ["http://127.0.0.1/a.jpg", "data:image/png;base64,AAAA", "file:///etc/passwd", "a", ""])
def test_a_file_that_is_named_by_its_address_is_fetched_or_refused(signer: Signer, url: str) -> None:
    refused(Client().post(path(), {**signed_fields(signer), "file": url}), 400)


def test_a_file_that_is_named_by_its_address_is_fetched_by_the_careful_fetcher(
    signer: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Found:
        filename = "Far away.jpg"

    def fetch(url: str, headers: Any, into: Any, *, most: int) -> Any:
        assert (url, headers, most) == ("https://pictures.example/a", {}, 100_000_000)
        into.write(PICTURE)
        return Found()

    monkeypatch.setattr(fetching, "fetch", fetch)
    told = Client().post(path(), {**signed_fields(signer), "file": "https://pictures.example/a"}).json()
    assert (told["bytes"], told["original_filename"]) == (len(PICTURE), "Far away")


def test_nothing_is_kept_when_the_row_cannot_be(signer: Signer, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*args: Any, **kwargs: Any) -> None:
        raise ZeroDivisionError

    written: list[str] = []
    real = storage.write

    def write(key: str, content: Any) -> None:
        written.append(key)
        real(key, content)

    monkeypatch.setattr(storage, "write", write)
    monkeypatch.setattr(Upload, "save", fails)
    assert send(signer).status_code == 500
    assert len(written) == 1
    assert storage.read(written[0]) is None
