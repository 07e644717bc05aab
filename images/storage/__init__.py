"""Where files lie: server-made keys, written once, durable before any row names them.

Every function raises Unavailable where the storage does not answer, and Full where it has no room.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, cast

from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage

from images.storage.cache import TRIM_EVERY, DerivedCache, derived
from images.storage.keys import derived_key, new_public_id, new_version, original_key, thumbnail_key
from images.storage.local import LocalStorage

if TYPE_CHECKING:
    from images.storage.s3 import S3Storage

__all__ = [
    "TRIM_EVERY",
    "DerivedCache",
    "LocalStorage",
    "derived",
    "derived_key",
    "files",
    "new_public_id",
    "new_version",
    "opened",
    "original_key",
    "presigned_post",
    "read",
    "remove",
    "remove_derived",
    "thumbnail_key",
    "uploaded_size",
    "write",
]
backend = cast("LocalStorage | S3Storage", default_storage)


def write(key: str, content: bytes | File[bytes]) -> None:
    """Stores the content under the key, of which it appears whole or not at all. A key's content never changes.

    A file is read in pieces from its beginning, however large it is.
    """
    backend.save(key, ContentFile(content) if isinstance(content, bytes) else content)


def opened(key: str) -> File[bytes] | None:
    """The file, open for reading, or None where there is no such file."""
    try:
        return backend.open(key)
    except FileNotFoundError:
        return None


def read(key: str) -> bytes | None:
    """The file's content, or None where there is no such file."""
    file = opened(key)
    if file is None:
        return None
    with file:
        content: bytes = file.read()
        return content


def remove(keys: Iterable[str]) -> None:
    """Removes the files, temporary ones too; those that are not there are no error."""
    backend.remove(keys)


def remove_derived(public_id: str) -> None:
    """Drops the derived files of an original that is gone."""
    remove(key for key, _ in files(f"derived/{public_id}"))


def files(prefix: str) -> Iterator[tuple[str, datetime]]:
    """The key of each file in the folder `prefix` and those below, in no order, with the time of its writing (aware).

    On local disks also what a writer left that was killed: temporary files, which no row ever names.
    """
    return backend.files(prefix)


def uploaded_size(key: str) -> int | None:
    """The file's size in bytes, or None where there is no such file."""
    return backend.uploaded_size(key)


def presigned_post(key: str, fields: Mapping[str, str], size: int, expires: int) -> tuple[str, dict[str, str]]:
    """Where a client may post one file of exactly so many bytes, for so many seconds, and the fields to send with it.

    The policy pins the bucket, the key and each of `fields`. S3 alone: local disks have no door of their own.
    """
    return cast("S3Storage", backend).presigned_post(key, fields, size, expires)
