"""Uploads in parts, in any order and repeated or not (Cloudinary's documentation, *Chunked asset upload*)."""

import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, cast

from django.conf import settings
from django.core.files.base import File
from django.db import IntegrityError, transaction

from images.storage import storage
from images.storage.keys import new_public_id, original_key
from images.uploads.arrival import storing_original
from images.uploads.keys import Signer
from images.uploads.models import KEY_LENGTH, Part, PartialUpload, Upload
from images.uploads.quotas import saving_unclaimed
from sharinpix.errors import Malformed, TooLarge, Unprocessable

RANGE = re.compile(r"bytes ([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15})")


class Whole(NamedTuple):
    """What is done with the whole file: `answer` computes the answer to the upload, and `received` is called with the
    saved upload in the transaction that saves it."""

    answer: Callable[[Upload, File[bytes]], dict[str, Any]]
    received: Callable[[Upload], object]


class Span(NamedTuple):
    """The bytes of an upload that a part holds: `size` from `start` on, of `total`."""

    start: int
    size: int
    total: int

    @classmethod
    def parse(cls, content_range: str) -> "Span":
        """From `bytes <first>-<last>/<total>`. Raises Malformed, and TooLarge for more than MAX_UPLOAD."""
        found = RANGE.fullmatch(content_range.strip())
        if not found:
            raise Malformed("Content-Range must look like bytes 0-999/5000.")
        first, last, total = map(int, found.groups())
        if not first <= last < total:
            raise Malformed("Content-Range must name bytes of the file.")
        if total > settings.MAX_UPLOAD:
            raise TooLarge()
        return cls(first, last - first + 1, total)


def add_part(
    signer: Signer, upload_id: str, span: Span, file: File[bytes], parameters: Mapping[str, str], then: Whole
) -> dict[str, Any]:
    """Stores a part. Returns the answer to the part, or to the upload if it is complete (API: upload form).

    A repeated part changes nothing. Raises Malformed where it contradicts earlier ones, and as `storing_original`.
    """
    if not 0 < len(upload_id) <= KEY_LENGTH:
        raise Malformed("A part has an X-Unique-Upload-Id of 1 to 255 characters.")
    if file.size != span.size:
        raise Malformed("The part is not as long as its Content-Range says.")
    whole, _ = PartialUpload.objects.select_related("finished").get_or_create(
        api_key=signer.api_key,
        upload_id=upload_id,
        # Not the others, since the address of a webhook holds a token.
        defaults={"total": span.total, "parameters": {"type": parameters.get("type", "")}},
    )
    if whole.total != span.total or parameters.get("public_id", whole.public_id) != whole.public_id:
        raise Malformed("The part belongs to another upload of the same X-Unique-Upload-Id.")
    if whole.finished is None:
        keep_part(whole, span, file)
        try:
            put_together(whole, signer, file.name or "", then)
        except (Malformed, TooLarge, Unprocessable):
            forget_upload(whole)
            raise
    if whole.finished is None:
        return {"done": False, "public_id": whole.public_id, "version": whole.version, "bytes": whole.total}
    return cast(dict[str, Any], whole.finished.answer)


def keep_part(whole: PartialUpload, span: Span, file: File[bytes]) -> None:
    key = f"parts/{whole.pk}/{span.start}-{secrets.token_hex(8)}"
    file.seek(0)
    try:
        storage.write(key, file)
        with saving_unclaimed(whole.api_key, span.size):
            Part.objects.create(of=whole, start=span.start, size=span.size, file=key)
    except IntegrityError as error:
        storage.remove([key])
        if whole.parts.filter(start=span.start).exclude(size=span.size).exists():
            raise Malformed("The part contradicts one that came before.") from error
    except BaseException:
        storage.remove([key])
        raise


def put_together(whole: PartialUpload, signer: Signer, name: str, then: Whole) -> None:
    """Makes the upload if all parts are stored, and sets `whole.finished`. Raises Malformed."""
    parts = list(whole.parts.order_by("start"))
    if sum(part.size for part in parts) >= whole.total:
        join(whole, parts, signer, name, then)
    now = PartialUpload.objects.select_related("finished").filter(pk=whole.pk).first()
    if now is None:
        raise Malformed("This upload was refused.")
    whole.finished = now.finished
    if whole.finished is not None:
        remove_parts(whole)


def join(whole: PartialUpload, parts: list[Part], signer: Signer, name: str, then: Whole) -> None:
    """Stores the joined parts as an original. Two requests with the last parts may both do so, without a lock, since it
    takes long: each writes a file of its own, and the first to finish saves its Upload."""
    with tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as buffer:
        try:
            copy(parts, whole.total, buffer)
        except FileNotFoundError:  # the other request has finished and removed the parts
            return
        content = File(buffer, name)
        with storing_original(
            content,
            organization_id=signer.organization_id,
            name=name,
            public_id=whole.public_id,
            original=original_key(new_public_id()),
            version=whole.version,
            type=whole.parameters.get("type") or "upload",
            answer=lambda upload: then.answer(upload, content),
        ) as upload:
            finish_upload(whole, upload, then)


def finish_upload(whole: PartialUpload, upload: Upload, then: Whole) -> None:
    """Saves the upload, or removes its file where another request was first."""
    with transaction.atomic():
        first = PartialUpload.objects.select_for_update().filter(pk=whole.pk, finished=None).exists()
        if first:
            upload.save(force_insert=True)
            PartialUpload.objects.filter(pk=whole.pk).update(finished=upload)
            then.received(upload)
    if not first:
        storage.remove([upload.original])


def remove_parts(whole: PartialUpload) -> None:
    files = list(whole.parts.values_list("file", flat=True))
    whole.parts.filter(file__in=files).delete()
    storage.remove(files)


def copy(parts: list[Part], total: int, buffer: Any) -> None:
    """Writes the parts one after the other. Raises Malformed where they overlap."""
    for part in parts:
        if part.start != buffer.tell():
            raise Malformed("The parts do not make up one file.")
        with storage.open(part.file) as file:
            shutil.copyfileobj(file, buffer, 1 << 20)
    if buffer.tell() != total:
        raise Malformed("The parts do not make up one file.")


def forget_upload(whole: PartialUpload) -> None:
    """Removes the parts and the row of an upload that is refused."""
    remove_parts(whole)
    PartialUpload.objects.filter(pk=whole.pk, finished=None).delete()
