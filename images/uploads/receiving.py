"""A file arrives: looked at, stored durably, and only then known to the database."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast
from uuid import UUID

from django.core.files.base import File
from django.db import DatabaseError

from images import processing, storage
from images.filenames import display_name
from images.rendering import Inspected, PictureError, inspect
from images.uploads.models import Upload
from sharinpix import faults
from sharinpix.api import Malformed, TooLarge

TOO_LARGE = {"too_large", "too_many_frames"}


def inspected(file: File[bytes]) -> Inspected:
    """What the file's header says. Raises Malformed or TooLarge with a sentence for what is not taken."""
    try:
        return inspect(cast(BinaryIO, file), limits=processing.limits())
    except PictureError as error:
        raise (TooLarge if error.code in TOO_LARGE else Malformed)(str(error)) from error


@contextmanager
def arriving(
    file: File[bytes],
    *,
    organization_id: UUID | None,
    name: str,
    public_id: str = "",
    original: str = "",
    answer: Callable[[Upload], dict[str, Any]] = lambda upload: {},
    **columns: Any,
) -> Iterator[Upload]:
    """Stores the file under a key of ours and yields its Upload, for the block to save: where that fails, the file goes
    again. No transaction is open meanwhile, since SQLite would keep all other writers waiting for the disk.

    `name` is the file's name as the uploader gave it, `answer` what he is told. Raises Malformed, TooLarge, and Full
    or Unavailable of the storage.
    """
    facts = inspected(file)
    public_id = public_id or storage.new_public_id()
    original = original or storage.original_key(public_id)
    read = {name: getattr(facts, name) for name in ("format", "width", "height", "bytes", "sha256", "md5")}
    upload = Upload(
        organization_id=organization_id,
        public_id=public_id,
        original=original,
        filename=display_name(name),
        **read,
        **{"version": storage.new_version(), **columns},
    )
    upload.answer = answer(upload)
    file.seek(0)
    try:
        storage.write(original, file)
        faults.point("after_put")
        yield upload
    except BaseException:
        forget(original)
        raise


def forget(original: str) -> None:
    """Removes a file that no row came to know. What fails after the commit is no reason to lose a picture, and where
    the database does not say, a sweep decides later."""
    try:
        known = Upload.objects.filter(original=original).exists()
    except DatabaseError:
        return
    if not known:
        storage.remove([original])
