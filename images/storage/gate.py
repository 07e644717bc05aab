"""How many threads of a process may wait for stored files and renderings: the others answer everything else."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from sharinpix import env
from sharinpix.errors import Unavailable

SLOW = 1.0
"""Seconds after which a thread that is still inside shows that what it waits for is slow."""
PATIENCE = 1.0
"""Seconds that a thread waits for its turn, as long as nothing is slow: a page asks for many pictures at once."""


class Crowded(Unavailable):
    """As many threads wait for files as may; answered 503."""

    sentence = "Too many files are being read. Please try again."


class Gate:
    """Lets at most `most` threads in at once. A thread that is inside may enter again."""

    def __init__(self, most: int) -> None:
        self.places = threading.BoundedSemaphore(most)
        self.since: dict[int, float] = {}

    @contextmanager
    def entered(self, refusal: type[Unavailable] = Crowded, patience: float = PATIENCE) -> Iterator[None]:
        """Raises the refusal where no place gets free: at once while one inside waits for long, else after `patience`
        seconds."""
        me = threading.get_ident()
        if me in self.since:
            yield
            return
        if not self.places.acquire(timeout=0 if self.is_slow() else patience):
            raise refusal
        self.since[me] = time.monotonic()
        try:
            yield
        finally:
            del self.since[me]
            self.places.release()

    def is_slow(self) -> bool:
        return min(self.since.copy().values(), default=time.monotonic()) < time.monotonic() - SLOW


gate = Gate(env.THREADS_PER_PROCESS // 2)
