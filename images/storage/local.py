"""Files on a local disk, below DATA_DIR."""

import errno
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.core.files.storage import FileSystemStorage

from images.storage.base import FileStore
from sharinpix.errors import Full
from sharinpix.locks import FileLock

TEMPORARY = ".writing-"
"""Prefix of the names of files that are being written; a killed writer leaves them behind."""


@contextmanager
def room_on_disk() -> Iterator[None]:
    """Raises errors.Full for an OSError of a full disk, a quota or the largest size of a file."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise Full from error
        raise


class LocalStorage(FileSystemStorage, FileStore):
    """Writes a temporary file, syncs it to the disk, then renames it: a file is there whole or not at all."""

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name

    @room_on_disk()
    def _save(self, name: str, content: Any) -> str:
        target = Path(self.path(name))
        if target.exists():
            return name
        target.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=TEMPORARY)
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

    def remove(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.delete(key)

    def files(self, folder: str) -> Iterator[tuple[str, datetime]]:
        for key, stat in self.stats(folder):
            yield key, datetime.fromtimestamp(stat.st_mtime, UTC)

    def stats(self, folder: str) -> Iterator[tuple[str, os.stat_result]]:
        """The key and the os.stat_result of each file below the folder."""
        for parent, _, names in os.walk(self.path(folder)):
            for name in names:
                path = os.path.join(parent, name)
                try:
                    stat = os.stat(path)
                except FileNotFoundError:  # other processes write and remove
                    continue
                yield path.removeprefix(f"{self.location}/"), stat

    def uploaded_size(self, key: str) -> int | None:
        try:
            return self.size(key)
        except FileNotFoundError:
            return None

    def trim(self, folder: str, limit: int) -> None:
        """As FileStore.trim; returns at once while another process of the host trims."""
        with FileLock("trim", wait=0) as held:
            if not held:
                return
            kept = sorted((stat.st_mtime, stat.st_size, key) for key, stat in self.stats(folder))
            total = sum(size for _, size, _ in kept)
            if total <= limit:
                return
            for _, size, key in kept:
                self.delete(key)
                total -= size
                if total <= limit * 0.9:
                    return

    def internal_location(self, key: str) -> str | None:
        return f"{settings.X_ACCEL_REDIRECT}{quote(key)}" if settings.X_ACCEL_REDIRECT else None
