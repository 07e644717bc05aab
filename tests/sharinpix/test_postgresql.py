"""The driver of the database, and kept connections that outlive its restart."""

import importlib.util
import select

import psycopg2.extensions
import pytest
from django.db import InterfaceError, connection, transaction
from django.db.backends.postgresql.psycopg_any import is_psycopg3
from django.test import Client

from accounts.models import User
from accounts.signers import known_secret
from tests.factories import bearer, user_token


@pytest.mark.django_db
def test_the_driver_is_psycopg2() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no driver to choose")
    connection.ensure_connection()
    assert isinstance(connection.connection, psycopg2.extensions.connection)


@pytest.mark.django_db
def test_a_server_that_has_vanished_is_given_up_within_half_a_minute() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no server")
    connection.ensure_connection()
    asked = connection.connection.info.dsn_parameters
    idle, interval, count = (int(asked[f"keepalives_{name}"]) for name in ("idle", "interval", "count"))
    assert idle + interval * count <= 30
    assert int(asked["tcp_user_timeout"]) <= 30_000
    assert int(asked["connect_timeout"]) <= 5


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_the_server_has_ended_is_replaced_before_it_is_used(user: User) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no server")
    api = Client(headers={"Authorization": bearer(user_token(user))})
    assert api.get("/api/v1/image_syncs").status_code == 200
    connection.ensure_connection()
    assert connection.is_usable()
    ended = connection.connection
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [ended.info.backend_pid])
    other.close()
    select.select([ended.fileno()], [], [], 5)  # until its farewell has arrived
    connection.health_check_done = False  # type: ignore[attr-defined]  # a new request begins
    assert not connection.is_usable()
    assert api.get("/api/v1/image_syncs").status_code == 200
    assert connection.connection is not ended


def count_in_a_transaction_that_broke() -> None:
    with transaction.atomic():
        connection.connection.close()
        User.objects.count()


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_broke_is_replaced_when_it_is_next_used_outside_of_a_transaction(user: User) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no server")
    with pytest.raises(InterfaceError):
        count_in_a_transaction_that_broke()
    assert User.objects.count() == 1
    connection.connection.close()
    assert User.objects.count() == 1
    connection.connection.close()
    with transaction.atomic():
        assert User.objects.count() == 1


@pytest.mark.django_db
def test_a_prepared_statement_is_never_planned_again() -> None:
    if connection.vendor != "postgresql":
        pytest.skip("a trait of PostgreSQL")
    for number in range(7):  # left to itself the server plans the first five anew
        known_secret(f"00000000-0000-4000-8000-00000000000{number}")
    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(generic_plans) >= 7, sum(custom_plans) FROM pg_prepared_statements")
        assert cursor.fetchone() == (True, 0)


@pytest.mark.django_db
def test_psycopg2_is_the_driver_and_nothing_has_brought_its_successor() -> None:
    """Django would switch to psycopg 3 without a word as soon as a dependency installs it."""
    assert importlib.util.find_spec("psycopg") is None
    assert is_psycopg3 is False
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            assert type(cursor.connection).__module__.startswith("psycopg2")
