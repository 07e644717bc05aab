"""Locks between the processes of one host: files in DATA_DIR, which the kernel frees when their holder dies."""

import fcntl
import os
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from django.conf import settings

POLL = 0.02  # seconds


class FileLock:
    """`with FileLock("name", wait=10) as held:`; `held` is False if the lock was not free within `wait` seconds.

    With several names any one of them will do: they are the slots of something that only so many may do at once.
    `folder` is by default that of all locks, DATA_DIR/locks.
    """

    def __init__(self, *names: str, wait: float, folder: Path | None = None) -> None:
        folder = folder or Path(settings.DATA_DIR) / "locks"
        folder.mkdir(exist_ok=True)
        self.paths: Sequence[Path] = [folder / name for name in names]
        self.wait = wait
        self.descriptor: int | None = None

    def __enter__(self) -> bool:
        deadline = time.monotonic() + self.wait
        while not any(self.take(path) for path in self.paths):
            if time.monotonic() >= deadline:
                return False
            time.sleep(POLL)
        return True

    def take(self, path: Path) -> bool:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o640)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self.descriptor = descriptor
        return True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.descriptor is not None:
            os.close(self.descriptor)
            self.descriptor = None
