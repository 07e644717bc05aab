"""Files below DATA_DIR."""

import errno
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.files.storage import FileSystemStorage

from sharinpix.api import Full

TEMPORARY = ".writing-"
"""What the names of files begin with that are being written, or were when their writer was killed."""


@contextmanager
def room() -> Iterator[None]:
    """A disk without room, a quota or a limit of the file system raises Full."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise Full from error
        raise


class LocalStorage(FileSystemStorage):
    """A file appears under its name whole and on the disk, or not at all."""

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name

    @room()
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
        """The key of each file below the folder, and what the file system knows of it."""
        for parent, _, names in os.walk(self.path(folder)):
            for name in names:
                path = os.path.join(parent, name)
                try:
                    stat = os.stat(path)
                except FileNotFoundError:  # other processes write and remove meanwhile
                    continue
                yield path.removeprefix(f"{self.location}/"), stat

    def uploaded_size(self, key: str) -> int | None:
        try:
            return self.size(key)
        except FileNotFoundError:
            return None
