"""Native uploads: the mobile app uploads first, and says in a batch later what is to become of it
(API: native upload)."""

from collections.abc import Mapping
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from typing import Any

import orjson
from django.core.exceptions import SuspiciousOperation, ValidationError
from django.core.files.base import ContentFile, File
from django.utils.dateparse import parse_datetime
from django.utils.timezone import is_naive, make_aware
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework_simplejwt.exceptions import TokenError

from accounts.tokens import SharinpixToken
from albums.models import Album
from albums.uploads.claims import Sent
from albums.uploads.models import DroppedUpload
from albums.uploads.requests import demand_upload, object_in, text_in, usable_tags, words_in
from images import infos, metadata
from images.uploads.models import Upload
from sharinpix.api import deeper, fields_of, without_nul

MOST_ENTRIES = 1_000
MOST_BYTES = 2_500_000
MAX_DEPTH = 50


class Dropped(Exception):
    """The entry is of no use; str() is a sentence."""


def receive_batch(request: Request) -> None:
    """Makes the images that a batch asks for. What cannot be used is kept as DroppedUpload, with its reason.

    The app gets the same answer whatever comes of it, so nothing is raised here for what it sent.
    """
    try:
        entries = entries_of(file_in(request))
    except Dropped as reason:
        drop({}, None, str(reason))
        return
    for entry in entries:
        token: SharinpixToken | None = None
        try:
            token = token_in(entry)
            take(entry, token)
        except (Dropped, APIException, ValidationError) as error:
            drop(entry, token, sentence(error))


def file_in(request: Request) -> File[bytes] | None:
    """The part named file, which may also come as a field."""
    try:
        sent = request.FILES.get("file") or fields_of(request).get("file")
    except (APIException, SuspiciousOperation) as error:
        raise Dropped("The request of the batch cannot be read.") from error
    if isinstance(sent, str):
        return ContentFile(sent.encode())
    return sent if isinstance(sent, File) else None


def entries_of(file: File[bytes] | None) -> list[dict[str, Any]]:
    """The entries of a batch: a list, an object with a list as `images`, or one entry. Values outside are defaults."""
    if file is None or (file.size or 0) > MOST_BYTES:
        raise Dropped("The batch has no part named file, or a longer one than is read.")
    try:
        batch = without_nul(orjson.loads(file.read()))
    except (orjson.JSONDecodeError, RecursionError):
        raise Dropped("The batch is not valid JSON.") from None
    common: dict[str, Any] = {}
    if isinstance(batch, dict) and isinstance(batch.get("images"), list):
        common = {name: value for name, value in batch.items() if name != "images"}
        batch = batch["images"]
    listed = batch if isinstance(batch, list) else [batch]
    if len(listed) > MOST_ENTRIES or deeper(listed, MAX_DEPTH):
        raise Dropped(f"A batch has at most {MOST_ENTRIES:,} entries, nested {MAX_DEPTH} levels deep.")
    for entry in listed:
        if not isinstance(entry, dict):
            drop({"entry": entry}, None, "It is no object.")
    return [common | entry for entry in listed if isinstance(entry, dict)]


def token_in(entry: Mapping[str, Any]) -> SharinpixToken:
    try:
        return SharinpixToken(str(entry.get("token", "")).encode("utf-8", "replace"))
    except TokenError as error:
        raise Dropped("Its token is not valid.") from error


def take(entry: dict[str, Any], token: SharinpixToken) -> None:
    album_id = text_in(entry, "album_id") or text_in(entry, "album")
    if not album_id:
        raise Dropped("It names no album.")
    demand_upload(token, album_id)
    upload = upload_of(entry, token)
    if upload.claimed_at:
        return  # the batch was sent again
    tags, refused = usable_tags(token, album_id, [*words_in(entry, "tags"), *words_in(entry, "auto_tag")])
    Album.objects.receive(token.organization_id, album_id, upload, sent(entry, upload, tags), token.user)
    if refused:
        drop(entry, token, f"Its token may not make the tags {', '.join(refused)}; the image is there without them.")


def upload_of(entry: Mapping[str, Any], token: SharinpixToken) -> Upload:
    """The upload that the entry names by its Cloudinary public id or its storage key."""
    answer = entry.get("cloudinary")
    answer = answer if isinstance(answer, dict) else {}
    public_id = entry.get("public_id") or answer.get("public_id") or entry.get("cloudinary_public_id")
    key = entry.get("key") or entry.get("storage_key")
    uploads = Upload.objects.order_by("-version")
    if isinstance(public_id, str) and public_id:
        found = uploads.filter(public_id=public_id).first()
    elif isinstance(key, str) and key:
        found = uploads.filter(original=key).first() or uploads.filter(storage_file__delivery_id=key[-20:]).first()
    else:
        raise Dropped("It names no upload.")
    if found is None or found.organization_id not in (None, token.organization_id):
        raise Dropped("The upload that it names is not here.")
    return found


def sent(entry: dict[str, Any], upload: Upload, tags: list[str]) -> Sent:
    metadatas = object_in(entry, "metadatas", "metadata")
    place = infos.point(entry.get("location")) or infos.point(metadatas.get("location")) or infos.point(metadatas)
    exifs = object_in(entry, "exifs") or None
    moment = moment_in(entry.get("datetime")) or moment_in(metadatas.get("datetime"))
    return Sent(
        infos=upload.answer,
        metadatas=metadatas,
        tags=tags,
        title=text_in(entry, "title"),
        description=text_in(entry, "description"),
        exifs=exifs,
        taken_at=moment or moment_in((exifs or {}).get("DateTimeOriginal")),
        location=place,
    )


def moment_in(value: object) -> datetime | None:
    """A time in ISO 8601, or as EXIF writes it; one without an offset is UTC. In the first and the last year that a
    datetime knows, an offset could lead beyond it."""
    if not isinstance(value, str) or len(value) > 64:
        return None
    try:
        found = parse_datetime(value) or metadata.moment_of(value, "")
    except ValueError:
        return None
    if found is None or not MINYEAR < found.year < MAXYEAR:
        return None
    return make_aware(found, UTC) if is_naive(found) else found


def drop(entry: Mapping[str, Any], token: SharinpixToken | None, reason: str) -> None:
    DroppedUpload.objects.create(
        organization_id=token.organization_id if token else None,
        album_name=str(entry.get("album_id") or entry.get("album") or "")[:255],
        reason=reason,
        entry={name: value for name, value in entry.items() if name != "token"},
    )


def sentence(error: Exception) -> str:
    if isinstance(error, APIException):
        return "Its token may not do that." if error.status_code == 403 else str(error.detail)
    return " ".join(error.messages) if isinstance(error, ValidationError) else str(error)
