"""Receives an original: inspects the file, stores it durably, and only then has its Upload row saved."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, cast
from uuid import UUID

from django.core.files.base import File
from django.db import Error

from images.decoding import inspect
from images.limits import picture_limits
from images.rendering import FileFacts, PictureError
from images.storage import storage
from images.storage.keys import new_public_id, new_version, original_key
from images.uploads.filenames import display_name
from images.uploads.models import Upload
from sharinpix.crash_points import crash_point
from sharinpix.errors import Malformed, TooLarge, Unprocessable

REFUSALS = {"too_large": TooLarge, "too_many_frames": TooLarge, "too_slow": Unprocessable, "undecodable": Unprocessable}
"""By the code of a PictureError. What is undecodable by its header alone has killed its decoder."""


def inspected_upload(file: File[bytes]) -> FileFacts:
    """The facts about the file, with its digests. Raises Malformed, TooLarge or Unprocessable for a file that is not
    accepted."""
    try:
        return inspect(cast(BinaryIO, file), limits=picture_limits())
    except PictureError as error:
        raise REFUSALS.get(error.code, Malformed)(str(error)) from error


def columns_of(facts: FileFacts) -> dict[str, Any]:
    """The columns of an Upload that the file decides."""
    names = ("format", "width", "height", "bytes", "sha256", "md5", "exifs", "taken_at")
    lat, lng = facts.gps or (None, None)
    return {**{name: getattr(facts, name) for name in names}, "gps_lat": lat, "gps_lng": lng}


@contextmanager
def storing_original(
    file: File[bytes],
    *,
    organization_id: UUID | None,
    name: str,
    public_id: str = "",
    original: str = "",
    answer: Callable[[Upload], dict[str, Any]] = lambda upload: {},
    **columns: Any,
) -> Iterator[Upload]:
    """Stores the file and yields its unsaved Upload; the block saves it. If the block raises, the file is removed.

    No transaction may be open while the file is written, since SQLite would keep all other writers waiting for the
    disk. `name` is the file's name by the uploader, `original` the key (by default a new one), `answer` computes the
    answer to the upload. Raises Malformed, TooLarge, Unprocessable, and Full or Unavailable.
    """
    facts = inspected_upload(file)
    public_id = public_id or new_public_id()
    upload = Upload(
        organization_id=organization_id,
        public_id=public_id,
        original=original or original_key(public_id),
        filename=display_name(name),
        **columns_of(facts),
        **{"version": new_version(), **columns},
    )
    upload.answer = answer(upload)
    file.seek(0)
    try:
        storage.write(upload.original, file)
        crash_point("after_put")
        yield upload
    except BaseException:
        remove_unless_known(upload.original)
        raise


def remove_unless_known(original: str) -> None:
    """Removes the file unless an Upload row names it, for the block may raise after its commit. If the database does
    not answer, the file is left to `sweep`."""
    try:
        known = Upload.objects.filter(original=original).exists()
    except Error:
        return
    if not known:
        storage.remove([original])
