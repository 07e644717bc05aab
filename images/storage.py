"""Where files lie: server-made keys, written once, durable before any row names them."""

import logging
import os
import secrets
import string
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage, default_storage

from sharinpix.locks import FileLock

logger = logging.getLogger(__name__)
ALPHABET = string.ascii_lowercase + string.digits
TRIM_EVERY = 64
"""Derived files written by one process between two looks at the size of their cache."""


def new_public_id() -> str:
    """20 random characters of `[a-z0-9]`."""
    return "".join(secrets.choice(ALPHABET) for _ in range(20))


def new_version() -> int:
    """The version of an upload: its Unix time in seconds."""
    return int(time.time())


def original_key(public_id: str) -> str:
    return f"originals/{public_id[:2]}/{public_id}"


def thumbnail_key(image_id: str, digest: str) -> str:
    return f"thumbnails/{image_id[:2]}/{image_id}/{digest[:32]}.jpg"


def derived_key(public_id: str, digest: str) -> str:
    return f"derived/{public_id}/{digest}"


def write(key: str, content: bytes | File[bytes]) -> None:
    """Stores the content under the key; what is there already is left, since a key's content never changes."""
    default_storage.save(key, ContentFile(content) if isinstance(content, bytes) else content)


def opened(key: str) -> File[bytes] | None:
    """The file, open for reading, or None where there is no such file."""
    try:
        return default_storage.open(key)
    except FileNotFoundError:
        return None


def read(key: str) -> bytes | None:
    """The file's content, or None where there is no such file."""
    try:
        with default_storage.open(key) as file:
            content: bytes = file.read()
            return content
    except FileNotFoundError:
        return None


def remove(keys: Iterable[str]) -> None:
    for key in keys:
        default_storage.delete(key)


def remove_derived(public_id: str) -> None:
    """Drops the derived files of an original that is gone."""
    folder = f"derived/{public_id}"
    try:
        _, names = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    remove(f"{folder}/{name}" for name in names)


class LocalStorage(FileSystemStorage):
    """Files below DATA_DIR. A file appears under its name whole and on the disk, or not at all."""

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name

    def _save(self, name: str, content: Any) -> str:
        target = Path(self.path(name))
        if target.exists():
            return name
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=".writing-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                for chunk in content.chunks():
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        return name


class DerivedCache:
    """Rendered pictures, by key. A cache: any of them can be dropped, and the oldest are when they grow too many.

    On S3 a lifecycle rule on `derived/` does the dropping.
    """

    def __init__(self) -> None:
        self.writes = 0

    def put(self, key: str, content: bytes) -> None:
        """Keeps a file if that can be done: a full disk is no reason to withhold what was rendered."""
        try:
            write(key, content)
        except OSError as error:
            logger.warning("A rendered picture could not be kept: %s", error.strerror)
        self.writes += 1
        if self.writes % TRIM_EVERY == 0 and isinstance(default_storage, LocalStorage):
            self.trim(settings.DERIVED_CACHE_MB * 1_000_000)

    def trim(self, limit: int) -> None:
        """Removes the oldest files until nine tenths of the limit (bytes) are left. One process at a time does it."""
        with FileLock("trim", wait=0) as held:
            if not held:
                return
            stats = sorted(_files(default_storage.path("derived")))
            total = sum(size for _, size, _ in stats)
            if total <= limit:
                return
            for _, size, path in stats:
                Path(path).unlink(missing_ok=True)
                total -= size
                if total <= limit * 0.9:
                    return


def _files(root: str) -> Iterator[tuple[float, int, str]]:
    """When each file in the folders of `root` was written, its size and its path."""
    # Other processes write and remove meanwhile: what is listed may be gone when it is looked at.
    with suppress(FileNotFoundError):
        for folder in [entry.path for entry in os.scandir(root) if entry.is_dir()]:
            for entry in os.scandir(folder):
                with suppress(FileNotFoundError):
                    stat = entry.stat()
                    yield stat.st_mtime, stat.st_size, entry.path


derived = DerivedCache()
