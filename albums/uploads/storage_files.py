"""Storage files: a client announces a file, sends it to the storage itself, then asks for its image
(API: storage files)."""

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
from rest_framework.exceptions import PermissionDenied

from accounts.tokens import SharinpixToken
from albums.models import Album
from albums.uploads.claims import Sent, claimed_image
from albums.uploads.models import StorageFile
from albums.uploads.requests import album_id_in, object_in, text_in
from images import delivery, infos, storage
from images.models import Image
from images.uploads import policy
from images.uploads.models import Upload
from images.uploads.receiving import arriving, inspected
from sharinpix import env
from sharinpix.api import Malformed, TooLarge

HOURS = 24
"""How long the parameters of an upload are good."""
BUCKET = "sharinpix"
CACHED = "public, max-age=2592000"
TEN_YEARS = timedelta(days=3_652)
FORM = (
    "key Content-Disposition Content-Type Cache-Control Expires x-amz-meta-file_id x-amz-meta-organization_id "
    "success_action_status policy x-amz-credential x-amz-algorithm x-amz-date x-amz-signature"
).split()
"""The fields in their published order."""


def announce(fields: Any, token: SharinpixToken) -> StorageFile:
    """The storage file that a request announces. Raises Malformed, TooLarge, ValidationError for an album id."""
    size = infos.decimal(fields.get("size"))
    if size is None or size != int(size) or size < 1:
        raise Malformed("size must be the file's length in bytes.")
    if size > settings.MAX_UPLOAD:
        raise TooLarge()
    name = text_in(fields, "name")
    if not name:
        raise Malformed("name must be the file's name.")
    album_id = album_id_in(fields)
    Album.check_public_id(album_id)
    return StorageFile.objects.create(
        organization_id=token.organization_id,
        album_name=album_id,
        uploader=token.user,
        name=name[:1_024],
        type=(text_in(fields, "type") or "")[:255],
        size=int(size),
        metas=object_in(fields, "metas"),
        image_metadatas=object_in(fields, "image_metadatas"),
    )


def upload_parameters(file: StorageFile) -> dict[str, Any]:
    """How the file is sent: method, URL and the fields of a form, which allow this one file of this one size."""
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
        form = policy.signed(
            fields, bucket=BUCKET, size=file.size, key_id="sharinpix", secret=secrets()[0], now=now, hours=HOURS
        )
    return {"method": "POST", "url": url, "fields": {name: form[name] for name in FORM if name in form}}


def disposition(name: str) -> str:
    stem, dot, extension = name.rpartition(".")
    slug = delivery.slug_of(stem or name, "file") + (f".{delivery.slug_of(extension, 'bin')}" if dot else "")
    return f"attachment; filename=\"{slug}\"; filename*=UTF-8''{quote(name, safe='')}"


def latin(text: str) -> str:
    """What a header can hold of the text."""
    return "".join(c for c in text if " " <= c <= "~")


def secrets() -> list[str]:
    return [env.derived_key(key, "storage_files") for key in settings.SIGNING_KEYS]


def receive(fields: Any, content: File[bytes]) -> tuple[StorageFile, Upload]:
    """Takes the file of a form that `upload_parameters` made. Sent again, also at once, the same file changes nothing.

    Raises policy.Refused, and what `arriving` raises.
    """
    size = content.size or 0
    signed = policy.allowed(fields, size, bucket=BUCKET, secrets=secrets(), now=datetime.now(UTC))
    file = StorageFile.objects.filter(pk=signed["x-amz-meta-file_id"]).first()
    if file is None:
        raise policy.Refused("The file is not announced, or no longer.")
    if file.upload is None:
        with suppress(Twice):
            return file, received(file, content)
        file.refresh_from_db()
    assert file.upload
    return file, same(file.upload, content)


def received(file: StorageFile, content: File[bytes]) -> Upload:
    with arriving(content, organization_id=file.organization_id, name=file.name) as upload, transaction.atomic():
        upload.save(force_insert=True)
        if not StorageFile.objects.filter(pk=file.pk, upload=None).update(upload=upload):
            raise Twice
    return upload


class Twice(Exception):
    """Another request with the file was faster."""


def same(upload: Upload, content: File[bytes]) -> Upload:
    if upload.sha256 != inspected(content).sha256:
        raise policy.Refused("Another file was sent before.")
    return upload


def claim(file_id: UUID, token: SharinpixToken) -> tuple[StorageFile, Image]:
    """The image of a file that has come. Raises PermissionDenied for a token that may upload nowhere, Http404 for a
    file that was not announced for an album of its own, Malformed for one that has not come yet."""
    if token.albums_granting("image_upload") == []:
        raise PermissionDenied()
    file = StorageFile.objects.filter(pk=file_id, organization_id=token.organization_id).first()
    if file is None or not token.allows("image_upload", file.album_name):
        raise Http404
    upload = file.upload or (found_in_bucket(file) if settings.S3_BUCKET else None)
    if upload is None:
        raise Malformed("The file has not been sent yet.")
    if upload.claimed_at:
        return file, claimed_image(upload)
    sent = Sent(infos=file.infos(upload.md5), metadatas=file.image_metadatas)
    image = Album.objects.receive(file.organization_id, file.album_name, upload, sent, file.uploader)
    return file, image


def found_in_bucket(file: StorageFile) -> Upload | None:
    """The upload of a file that the client has sent to the bucket; None while it is not there."""
    content = storage.opened(file.key)
    if content is None:
        return None
    with content:
        facts = inspected(content)
    read = {name: getattr(facts, name) for name in ("format", "width", "height", "bytes", "sha256", "md5")}
    with transaction.atomic():
        locked = StorageFile.objects.select_for_update(of=("self",)).get(pk=file.pk)
        if locked.upload is None:
            locked.upload = Upload.objects.create(
                organization_id=file.organization_id,
                public_id=file.delivery_id,
                version=storage.new_version(),
                original=file.key,
                **read,
            )
            locked.save(update_fields=["upload"])
    return locked.upload
