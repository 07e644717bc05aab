"""The database may go at any moment: which errors say so, and what is tried until it is back."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from django.db import DatabaseError, Error, InterfaceError, OperationalError, connections

DATABASE_ERRORS = (OperationalError, InterfaceError)
"""What Django raises where the database ends a connection, takes none, or keeps a lock too long."""
Found = TypeVar("Found")
WAITING = "waits for the database"
"""Name of the threads that try again."""
PAUSE = 0.5
"""Seconds between two tries."""


def database_failed(error: BaseException) -> bool:
    """Whether the error says that the database failed, and not that a statement or a value is wrong.

    A connection that breaks off in the middle of an answer, and a damaged file of SQLite, are a DatabaseError of no
    kind; those of a kind (ProgrammingError, DataError) are faults of ours.
    """
    return isinstance(error, DATABASE_ERRORS) or type(error) is DatabaseError


def until_back(work: Callable[[], Any], patience: timedelta) -> None:
    """Does the work at once or, where the database is away, in a thread as soon as it is back.

    Nothing is raised while it is away: the caller has an error of its own to tell. The process ends when the thread has
    ended, which is after `patience` at the latest.
    """
    try:
        work()
    except Error as error:
        if not database_failed(error):
            raise
        threading.Thread(target=keep_trying, args=[work, patience], name=WAITING).start()


def patiently(work: Callable[[], Found], seconds: float = 20) -> Found:
    """What the work returns, tried again while the database is away. For an answer that has begun and cannot become an
    error's; outside of a transaction."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return work()
        except Error as error:
            if not database_failed(error) or time.monotonic() > deadline:
                raise
            time.sleep(PAUSE)


def keep_trying(work: Callable[[], Any], patience: timedelta) -> None:
    deadline = time.monotonic() + patience.total_seconds()
    while time.monotonic() < deadline:
        time.sleep(PAUSE)
        try:
            work()
        except Error as error:
            if not database_failed(error):
                raise
            continue
        finally:
            connections.close_all()  # those of this thread
        return
