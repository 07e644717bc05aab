"""Files on a local disk, below DATA_DIR."""

import errno
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import FileSystemStorage

from images.storage.base import FileStore
from images.storage.keys import writing
from sharinpix.errors import Full
from sharinpix.locks import FileLock

TEMPORARY = ".writing-"
"""Prefix of the names of files that are being written; a killed writer leaves them behind."""
EVICTED = 0
"""The mtime (Unix time) that marks an evicted file of the cache."""


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

    def _save(self, name: str, content: Any) -> str:
        if not self.exists(name):
            self.put(name, content)
        return name

    def replace(self, key: str, content: bytes) -> None:
        self.put(key, ContentFile(content))

    @room_on_disk()
    def put(self, name: str, content: Any) -> None:
        target = Path(self.path(name))
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

    def opened(self, key: str) -> File[bytes] | None:
        file = super().opened(key)
        if file is not None and os.fstat(file.fileno()).st_mtime == EVICTED:
            file.close()
            return None
        return file

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

    def stored_size(self, key: str) -> int | None:
        try:
            return self.size(key)
        except FileNotFoundError:
            return None

    def trim(self, folder: str, limit: int, grace: timedelta) -> int:
        """As FileStore.trim; does nothing while another process of the host trims."""
        with FileLock("trim", wait=0) as held:
            if not held:
                return 0
            found = [(stat.st_mtime, stat.st_size, key) for key, stat in self.stats(folder)]
            evicted = {key for moment, _, key in found if moment == EVICTED}
            kept = sorted(file for file in found if file[0] != EVICTED)
            total = sum(size for _, size, _ in kept)
            least = limit * 0.9 if total > limit else total
            for _, size, key in kept:
                if total <= least:
                    break
                total -= size
                evicted.add(key)
                with suppress(FileNotFoundError):  # other processes write and remove
                    os.utime(self.path(key), (EVICTED, EVICTED))
            return sum(self.remove_evicted(key, grace) for key in evicted)

    def remove_evicted(self, key: str, grace: timedelta) -> bool:
        """Removes the file if it was evicted longer than the grace ago, and was not written anew since."""
        with writing(key, wait=0) as held, suppress(FileNotFoundError):
            stat = os.stat(self.path(key))
            # The eviction was the last change of the inode, which ctime tells.
            if held and stat.st_mtime == EVICTED and stat.st_ctime <= time.time() - grace.total_seconds():
                os.unlink(self.path(key))
                return True
        return False

    def internal_location(self, key: str) -> str | None:
        return f"{settings.X_ACCEL_REDIRECT}{quote(key)}" if settings.X_ACCEL_REDIRECT else None
