"""Storage files: a client announces a file, sends it to the storage, then requests its image (API: storage files)."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.conf import settings
from django.core.files.base import File
from django.db import transaction
from django.http import Http404
from django.utils.http import http_date

from accounts.tokens import SharinpixToken
from albums.models import Album
from albums.uploads.models import StorageFile
from images.delivery import signed_urls
from images.models import Image
from images.storage import storage
from images.storage.keys import new_version
from images.uploads import policy
from images.uploads.arrival import columns_of, inspected_upload, storing_original
from images.uploads.claims import SentData, claimed_image
from images.uploads.models import Upload
from sharinpix.errors import Malformed
from sharinpix.key_derivation import derived_key

HOURS = 24
"""How long the parameters of an upload are valid."""
BUCKET = "sharinpix"
CACHED = "public, max-age=2592000"
TEN_YEARS = timedelta(days=3_652)
FORM = (
    "key Content-Disposition Content-Type Cache-Control Expires x-amz-meta-file_id x-amz-meta-organization_id "
    "success_action_status policy x-amz-credential x-amz-algorithm x-amz-date x-amz-signature"
).split()
"""The fields in their published order."""


def announce(token: SharinpixToken, fields: dict[str, Any]) -> StorageFile:
    """Makes a storage file of a NewStorageFileSerializer's fields. Raises ValidationError as check_public_id."""
    Album.check_public_id(fields["album_id"])
    names = ("name", "size", "metas", "image_metadatas")
    return StorageFile.objects.create(
        organization_id=token.organization_id,
        album_name=fields["album_id"],
        uploader=token.user,
        type=fields["type"] or "",
        **{name: fields[name] for name in names},
    )


def upload_parameters(file: StorageFile) -> dict[str, Any]:
    """{method, url, fields} with which a client sends the file; the fields are signed for this key and size."""
    now = datetime.now(UTC)
    fields = {
        "key": file.key,
        "Content-Disposition": disposition(file.name),
        "Content-Type": latin(file.type),
        "Cache-Control": CACHED,
        "Expires": http_date((now + TEN_YEARS).timestamp()),
        "x-amz-meta-file_id": str(file.pk),
        "x-amz-meta-organization_id": str(file.organization_id),
        "success_action_status": "201",
    }
    if settings.S3_BUCKET:
        url, form = storage.presigned_post(file.key, fields, size=file.size, expires=HOURS * 3_600)
    else:
        url = f"{settings.PUBLIC_URL}/storage_files"
        form = policy.signed_form(
            fields, bucket=BUCKET, size=file.size, key_id="sharinpix", secret=secrets()[0], now=now, hours=HOURS
        )
    return {"method": "POST", "url": url, "fields": {name: form[name] for name in FORM if name in form}}


def disposition(name: str) -> str:
    """Content-Disposition for a file name: as a slug, and percent-encoded as `filename*`."""
    stem, dot, extension = name.rpartition(".")
    slug = signed_urls.slug_of(stem or name, "file") + (f".{signed_urls.slug_of(extension, 'bin')}" if dot else "")
    return f"attachment; filename=\"{slug}\"; filename*=UTF-8''{quote(name, safe='')}"


def latin(text: str) -> str:
    """The printable ASCII characters of the text, which a header can hold."""
    return "".join(c for c in text if " " <= c <= "~")


def secrets() -> list[str]:
    """The secrets that sign policies, newest first."""
    return [derived_key(key, "storage_files") for key in settings.SIGNING_KEYS]


def receive_file(fields: Any, content: File[bytes]) -> tuple[StorageFile, Upload]:
    """Stores the file of a form that `upload_parameters` made. The same file sent again changes nothing.

    Raises policy.PolicyViolated, also for another file, and as `storing_original`.
    """
    size = content.size or 0
    signed = policy.allowed(fields, size, bucket=BUCKET, secrets=secrets(), now=datetime.now(UTC))
    file = StorageFile.objects.filter(pk=signed["x-amz-meta-file_id"]).first()
    if file is None:
        raise policy.PolicyViolated("The file is not announced, or no longer.")
    if file.upload is None:
        with suppress(AlreadyStored):
            return file, received(file, content)
        file.refresh_from_db()
    assert file.upload
    return file, same(file.upload, content)


def received(file: StorageFile, content: File[bytes]) -> Upload:
    with (
        storing_original(content, organization_id=file.organization_id, name=file.name) as upload,
        transaction.atomic(),
    ):
        upload.save(force_insert=True)
        if not StorageFile.objects.filter(pk=file.pk, upload=None).update(upload=upload):
            raise AlreadyStored
    return upload


class AlreadyStored(Exception):
    """A concurrent request has stored the file."""


def same(upload: Upload, content: File[bytes]) -> Upload:
    if upload.sha256 != inspected_upload(content).sha256:
        raise policy.PolicyViolated("Another file was sent before.")
    return upload


def claim_file(file_id: UUID, token: SharinpixToken) -> tuple[StorageFile, Image]:
    """The image of a file that was sent. Raises Http404 for a file that does not exist for the token, Malformed for one
    that was not sent yet, and as `receive`."""
    file = StorageFile.objects.filter(pk=file_id, organization_id=token.organization_id).first()
    if file is None or not token.allows("image_upload", file.album_name):
        raise Http404
    upload = file.upload or (found_in_bucket(file) if settings.S3_BUCKET else None)
    if upload is None:
        raise Malformed("The file has not been sent yet.")
    if upload.claimed_at:
        return file, claimed_image(upload)
    sent = SentData(infos=file.infos(upload.md5), metadatas=file.image_metadatas)
    image = Album.objects.receive(file.organization_id, file.album_name, upload, sent, file.uploader)
    return file, image


def found_in_bucket(file: StorageFile) -> Upload | None:
    """The upload of a file that the client has sent to the bucket; None where the bucket does not have it."""
    content = storage.opened(file.key)
    if content is None:
        return None
    with content:
        read = columns_of(inspected_upload(content))
    with transaction.atomic():
        locked = StorageFile.objects.select_for_update(of=("self",)).get(pk=file.pk)
        if locked.upload is None:
            locked.upload = Upload.objects.create(
                organization_id=file.organization_id,
                public_id=file.delivery_id,
                version=new_version(),
                original=file.key,
                **read,
            )
            locked.save(update_fields=["upload"])
    return locked.upload
