"""Which errors say that the database is away, and what is tried until it is back."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
    connection,
)
from django.test import Client

from sharinpix import outages
from sharinpix.outages import database_failed, patiently, until_back
from tests.outages import back

pytestmark = pytest.mark.any_database


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outages, "PAUSE", 0.001)


def failing(times: int, error: type[Exception], done: list[int]) -> Callable[[], Any]:
    """Work that fails so often, then appends to `done` the number of the try."""
    tries: list[None] = []

    def work() -> int:
        tries.append(None)
        if len(tries) <= times:
            raise error
        done.append(len(tries))
        return len(tries)

    return work


@pytest.mark.parametrize("kind", [OperationalError, InterfaceError, DatabaseError])
def test_a_connection_that_is_lost_is_a_failure_of_the_database(kind: type[Exception]) -> None:
    assert database_failed(kind())


@pytest.mark.parametrize("kind", [ProgrammingError, DataError, IntegrityError, ValidationError, OSError])
def test_a_statement_or_a_value_that_is_wrong_is_none(kind: Any) -> None:
    assert not database_failed(kind(""))


@pytest.mark.parametrize("kind", [OperationalError, InterfaceError])
def test_what_cannot_be_done_while_the_database_is_away_is_done_once_when_it_is_back(kind: type[Exception]) -> None:
    done: list[int] = []
    until_back(failing(3, kind, done), timedelta(minutes=1))
    back()
    assert done == [4]


def test_what_can_be_done_is_done_at_once() -> None:
    done: list[int] = []
    until_back(failing(0, OperationalError, done), timedelta(0))
    assert done == [1]


def test_it_is_given_up_when_it_is_of_no_use_any_more() -> None:
    done: list[int] = []
    until_back(failing(1, OperationalError, done), timedelta(0))
    back()
    assert done == []


def test_another_error_is_raised() -> None:
    with pytest.raises(ProgrammingError):
        until_back(failing(1, ProgrammingError, []), timedelta(minutes=1))


def test_an_answer_that_has_begun_waits_for_the_database() -> None:
    assert patiently(failing(3, OperationalError, [])) == 4
    with pytest.raises(OperationalError):
        patiently(failing(3, OperationalError, []), seconds=-1)
    with pytest.raises(ProgrammingError):
        patiently(failing(1, ProgrammingError, []))


@pytest.mark.django_db(transaction=True)
def test_a_writer_who_waits_too_long_for_sqlite_is_told_to_try_again(api: Client) -> None:
    other = connection.copy()
    with other.cursor() as writer, connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 1")
        writer.execute("BEGIN IMMEDIATE")
        response = api.post("/api/v1/albums", {"id": "a"}, "application/json")
        writer.execute("ROLLBACK")
    other.close()
    assert (response.status_code, response.headers["Retry-After"]) == (503, "5")
    assert api.post("/api/v1/albums", {"id": "a"}, "application/json").status_code == 200
