"""Plain uploads: one request with the file makes the image (README, *Uploading*)."""

from dataclasses import replace
from typing import Any

from django.core.files.base import File
from django.db import IntegrityError, transaction
from django.utils import timezone
from rest_framework.request import Request

from accounts.authentication import token_of
from accounts.tokens import SharinpixToken
from albums.models import Album
from albums.uploads.claims import Sent, claimed_image
from albums.uploads.requests import KeyReused, allowed_tags, idempotency_key, object_in, text_in, words_in
from images import infos
from images.models import Image
from images.uploads.models import Upload
from images.uploads.receiving import arriving, inspected
from sharinpix.api import fields_of


def upload(request: Request, album_id: str, file: File[bytes]) -> Image:
    """The image that is made of the file, or that was made of it before under the same Idempotency-Key.

    Raises KeyReused where that key named another file or album.
    """
    token, key = token_of(request), idempotency_key(request)
    said = sent(request, album_id)
    if earlier := upload_under(token, key):
        return repeated(earlier, album_id, file)
    try:
        return created(token, album_id, file, said, key)
    except IntegrityError:
        if earlier := upload_under(token, key):  # the same request, sent twice at once
            return repeated(earlier, album_id, file)
        raise


def created(token: SharinpixToken, album_id: str, file: File[bytes], said: Sent, key: str | None) -> Image:
    with arriving(file, organization_id=token.organization_id, name=file.name or "", idempotency_key=key) as arrived:
        told = infos.of_upload(arrived, arrived.filename, album_id, timezone.now()) | said.infos
        arrived.answer = told
        with transaction.atomic():
            arrived.save(force_insert=True)
            said = replace(said, infos=told)
            return Album.objects.receive(token.organization_id, album_id, arrived, said, token.user)


def upload_under(token: SharinpixToken, key: str | None) -> Upload | None:
    if key is None:
        return None
    return Upload.objects.filter(organization_id=token.organization_id, idempotency_key=key).first()


def repeated(earlier: Upload, album_id: str, file: File[bytes]) -> Image:
    """The image of the earlier request, wherever it is by now. Raises KeyReused, and Gone where it was deleted."""
    if earlier.answer.get("tags") != [album_id] or earlier.sha256 != inspected(file).sha256:
        raise KeyReused()
    return claimed_image(earlier)


def sent(request: Request, album_id: str) -> Sent:
    """What stands beside the file; `location` is {latitude, longitude} in degrees."""
    fields = fields_of(request)
    location: dict[str, Any] = {"location": fields["location"]} if "location" in fields else {}
    return Sent(
        infos=location,
        metadatas=object_in(fields, "metadatas", "metadata"),
        tags=allowed_tags(token_of(request), album_id, words_in(fields, "tags")),
        title=text_in(fields, "title"),
        description=text_in(fields, "description"),
    )
