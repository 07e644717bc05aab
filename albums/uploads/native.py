"""Native uploads: the mobile app uploads files first, and sends their albums and data later, in a batch
(API: native upload)."""

from collections.abc import Mapping
from datetime import MAXYEAR, MINYEAR, UTC, datetime
from functools import partial
from typing import Any, NamedTuple
from uuid import UUID

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
from albums.uploads.models import DroppedUpload
from albums.uploads.permissions import usable_tags
from albums.uploads.serializers import NativeEntrySerializer, NativeTargetSerializer
from images.rendering import exif
from images.uploads import infos
from images.uploads.claims import SentData
from images.uploads.models import Upload
from sharinpix.errors import Denied, ServiceError
from sharinpix.parsers import deeper, fields_of, without_nul

MOST_ENTRIES = 1_000
MOST_BYTES = 2_500_000
MAX_DEPTH = 50
MOST_STRANGERS = 10
"""Entries without a valid token that are kept of one batch."""
MOST_KEPT = 20_000
"""Bytes that are kept of an entry."""
MOST_REASON = 2_000


class Dropped(Exception):
    """The batch or the entry cannot be used; str() is the reason, a sentence."""


def receive_batch(request: Request) -> None:
    """Makes the images of a batch. An entry that cannot be used becomes a DroppedUpload with the reason.

    The answer is always the same, so nothing is raised for a malformed batch.
    """
    try:
        batch = Batch.read(file_in(request))
    except Dropped as reason:
        DroppedUploads({}).add({}, None, str(reason))
        return
    dropped = DroppedUploads(batch.common)
    for odd in (sent for sent in batch.entries if not isinstance(sent, dict)):
        dropped.add(odd, None, "It is no object.")
    for sent in (sent for sent in batch.entries if isinstance(sent, dict)):
        token: SharinpixToken | None = None
        try:
            token = token_in(batch.common | sent)
            refused = receive_entry(batch.common | sent, token)
        except (Dropped, ServiceError, ValidationError) as error:
            dropped.add(sent, token, reason_of(error))
            continue
        if refused:
            names = ", ".join(refused)
            dropped.add(sent, token, f"Its token may not make the tags {names}; the image is there without them.")
    dropped.end()


def length_of(request: Request) -> int:
    """The length of the request's body, as far as it is said; no body is read without one."""
    try:
        return max(int(request.META.get("CONTENT_LENGTH") or 0), 0)
    except ValueError:
        return 0


def file_in(request: Request) -> File[bytes] | None:
    """The part or field named `file`; None without it. Raises Dropped for a request that cannot be read."""
    try:
        sent = request.FILES.get("file") or fields_of(request).get("file")
    except (ServiceError, APIException, SuspiciousOperation) as error:
        raise Dropped("The request of the batch cannot be read.") from error
    if isinstance(sent, str):
        return ContentFile(sent.encode())
    return sent if isinstance(sent, File) else None


class Batch(NamedTuple):
    """The entries of a batch as they were sent, and what they have in common: an entry's own values override it."""

    common: dict[str, Any]
    entries: list[Any]

    @classmethod
    def read(cls, file: File[bytes] | None) -> "Batch":
        """A list, an object with a list as `images` and defaults beside it, or one entry.

        Raises Dropped for a batch that cannot be read or is too large.
        """
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
        entries = batch if isinstance(batch, list) else [batch]
        if len(entries) > MOST_ENTRIES or deeper([*entries, *common.values()], MAX_DEPTH):
            raise Dropped(f"A batch has at most {MOST_ENTRIES:,} entries, nested {MAX_DEPTH} levels deep.")
        return cls(common, entries)


def token_in(entry: Mapping[str, Any]) -> SharinpixToken:
    try:
        return SharinpixToken(str(entry.get("token", "")).encode("utf-8", "replace"))
    except TokenError as error:
        raise Dropped("Its token is not valid.") from error


def receive_entry(entry: dict[str, Any], token: SharinpixToken) -> list[str]:
    """Makes the image of an entry, and returns the tags that its token may not make.

    Raises Dropped, ServiceError or ValidationError where that cannot be done.
    """
    target = NativeTargetSerializer(data=entry)
    target.is_valid(raise_exception=True)
    album_id = target.validated_data["album_id"]
    if not album_id:
        raise Dropped("It names no album.")
    if not token.allows("image_upload", album_id):
        raise Denied()
    upload = upload_of(entry, token)
    if upload.claimed_at and not upload.claim_due:
        return []  # the batch was sent again
    said = NativeEntrySerializer(data=entry)
    said.is_valid(raise_exception=True)
    fields = said.validated_data
    tags, refused = usable_tags(token, album_id, [*fields["tags"], *fields["auto_tag"]])
    sent = sent_with(entry, fields, upload, tags)
    may_take = partial(token.allows, "image_upload")
    Album.objects.receive(token.organization_id, album_id, upload, sent, token.user, may_take=may_take)
    return refused


def upload_of(entry: Mapping[str, Any], token: SharinpixToken) -> Upload:
    """The upload that the entry names by public id or by the key of its file. Raises Dropped."""
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


def sent_with(entry: Mapping[str, Any], fields: Mapping[str, Any], upload: Upload, tags: list[str]) -> SentData:
    """The data of an entry; `fields` are the validated ones of its NativeEntrySerializer."""
    metadatas, exifs = fields["metadatas"], fields["exifs"]
    places = (entry.get("location"), metadatas.get("location"), metadatas)
    moments = (entry.get("datetime"), metadatas.get("datetime"), exifs.get("DateTimeOriginal"))
    return SentData(
        infos=upload.answer,
        metadatas=metadatas,
        tags=tags,
        title=fields["title"],
        description=fields["description"],
        exifs=exifs or None,
        taken_at=next(filter(None, map(moment_in, moments)), None),
        location=next(filter(None, map(infos.point_in, places)), None),
    )


def moment_in(value: object) -> datetime | None:
    """A time in ISO 8601 or as EXIF writes it, aware; without an offset it is UTC. None for anything else, and in the
    years 1 and 9999, where an offset could exceed datetime's range."""
    if not isinstance(value, str) or len(value) > 64:
        return None
    try:
        found = parse_datetime(value) or exif.moment_of(value, "")
    except ValueError:
        return None
    if found is None or not MINYEAR < found.year < MAXYEAR:
        return None
    return make_aware(found, UTC) if is_naive(found) else found


class DroppedUploads:
    """Saves the DroppedUploads of one batch: each entry as it was sent, so that rows hold no more than the batch.

    What the entries have in common stands in the first of each organization alone.
    """

    def __init__(self, common: Mapping[str, Any]) -> None:
        self.common = common
        self.told: set[UUID | None] = set()
        self.strangers = 0

    def add(self, sent: Any, token: SharinpixToken | None, reason: str) -> None:
        """Keeps the entry; of those without a valid token, which anybody can send, only the first few."""
        self.strangers += token is None
        if token is None and self.strangers > MOST_STRANGERS:
            return
        organization_id = token.organization_id if token else None
        is_entry = isinstance(sent, dict)
        own = sent if is_entry else {"entry": sent}
        whole = {**own, **{name: value for name, value in self.common.items() if is_entry and name not in own}}
        DroppedUpload.objects.create(
            organization_id=organization_id,
            album_name=str(whole.get("album_id") or whole.get("album") or "")[:255],
            reason=reason[:MOST_REASON],
            entry=kept(own if organization_id in self.told else whole),
        )
        if is_entry:
            self.told.add(organization_id)

    def end(self) -> None:
        """Counts the entries that were not kept."""
        if self.strangers > MOST_STRANGERS:
            reason = f"{self.strangers - MOST_STRANGERS:,} more entries of a batch had no valid token."
            DroppedUpload.objects.create(reason=reason)


def kept(sent: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of an entry: not its token, and where it is long the beginning of its JSON."""
    entry = {name: value for name, value in sent.items() if name != "token"}
    text = orjson.dumps(entry)
    return entry if len(text) <= MOST_KEPT else {"cut": text[:MOST_KEPT].decode(errors="ignore")}


def reason_of(error: Exception) -> str:
    if isinstance(error, Denied):
        return "Its token may not do that."
    return " ".join(error.messages) if isinstance(error, ValidationError) else str(error)
