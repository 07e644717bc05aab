"""Plain uploads: one request with the file makes the image (API: create an image)."""

from dataclasses import replace
from typing import Any

from django.core.files.base import File
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.tokens import SharinpixToken
from albums.models import Album
from albums.uploads.idempotency import KeyReused
from images.models import Image, Upload
from images.uploads.arrival import inspected_upload, storing_original
from images.uploads.claims import SentData, claimed_image
from images.uploads.infos import infos_of


def upload_plainly(
    token: SharinpixToken, album_id: str, file: File[bytes], sent: SentData, idempotency_key: str | None
) -> Image:
    """The image of the file, or the one of an earlier request with the same Idempotency-Key.

    Raises KeyReused where the earlier request had another file or album, and as `storing_original` and `receive`.
    """
    if earlier := upload_under(token, idempotency_key):
        return repeated(earlier, album_id, file)
    try:
        return created(token, album_id, file, sent, idempotency_key)
    except IntegrityError:
        if earlier := upload_under(token, idempotency_key):  # a concurrent request with the same key
            return repeated(earlier, album_id, file)
        raise


def created(token: SharinpixToken, album_id: str, file: File[bytes], sent: SentData, key: str | None) -> Image:
    name = file.name or ""
    with storing_original(file, organization_id=token.organization_id, name=name, idempotency_key=key) as upload:
        infos = infos_of(upload, upload.filename, album_id, timezone.now()) | sent.infos
        upload.answer = infos
        with transaction.atomic():
            upload.save(force_insert=True)
            sent = replace(sent, infos=infos)
            return Album.objects.receive(token.organization_id, album_id, upload, sent, token.user)


def upload_under(token: SharinpixToken, key: str | None) -> Upload | None:
    if key is None:
        return None
    return Upload.objects.filter(organization_id=token.organization_id, idempotency_key=key).first()


def repeated(earlier: Upload, album_id: str, file: File[bytes]) -> Image:
    """The image of the earlier request, if that had the same album and file. Raises KeyReused, and Gone."""
    if earlier.answer.get("tags") != [album_id] or earlier.sha256 != inspected_upload(file).sha256:
        raise KeyReused()
    return claimed_image(earlier)


def sent_beside(fields: dict[str, Any]) -> SentData:
    """The data of a NewImageSerializer's fields beside the file; `location` is {latitude, longitude} in degrees."""
    return SentData(
        infos={"location": fields["location"]} if "location" in fields else {},
        metadatas=fields["metadatas"],
        tags=fields["tags"],
        title=fields["title"],
        description=fields["description"],
    )
