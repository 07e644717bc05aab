"""A database that is away (no tests in here)."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, NoReturn

from django.db import Error, OperationalError, connection

from sharinpix.outages import WAITING


def away(kind: type[Error] = OperationalError) -> AbstractContextManager[None]:
    """Statements of this thread fail so; other threads have connections of their own, on which the database is back."""
    return connection.execute_wrapper(partial(refused, kind=kind))


def refused(execute: Callable[..., Any], *call: Any, kind: type[Error] = OperationalError) -> NoReturn:
    """An execute wrapper: no statement is done."""
    raise kind("server closed the connection unexpectedly")


def back() -> None:
    """The database is back, and what waited for it is done."""
    for thread in threading.enumerate():
        if thread.name == WAITING:
            thread.join(10)


def end_connection() -> None:
    """PostgreSQL ends the connection, as its restart does; nothing has been read from it since."""
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.connection.info.backend_pid])
    other.close()


def answering_too_late(beginning: str) -> AbstractContextManager[None]:
    """The first statement that begins so is done, and the connection breaks before that is told; then it is away."""
    gone: list[None] = []

    def late(execute: Callable[..., Any], sql: str, *call: Any) -> Any:
        found = gone or execute(sql, *call)
        if gone or sql.startswith(beginning):
            gone.append(None)
            refused(execute)
        return found

    return connection.execute_wrapper(late)
