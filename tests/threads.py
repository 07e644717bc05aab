"""Work that is done at the same moment."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TypeVar

from django.db import connections

Result = TypeVar("Result")


def together(work: Sequence[Callable[[], Result]]) -> list[Result]:
    """What each piece of work returns, in order; all begin at once, each in a thread with a connection of its own."""
    barrier = Barrier(len(work))

    def one(task: Callable[[], Result]) -> Result:
        try:
            barrier.wait(20)
            return task()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(work)) as pool:
        return list(pool.map(one, work))
