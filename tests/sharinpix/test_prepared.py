"""Querysets that are compiled once and run with other values."""

import uuid
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import CharField, UUIDField
from django.test.utils import CaptureQueriesContext

from accounts.models import Organization
from sharinpix.prepared import Parameter, PreparedQuery
from tests.outages import end_connection

BY_NAME = PreparedQuery(
    lambda: (
        Organization.objects.filter(name=Parameter("name", CharField()))
        .order_by("created_at")
        .values_list("id", "name")
    )
)
BY_ID = PreparedQuery(
    lambda: (
        Organization.objects.filter(id__any=Parameter("ids", UUIDField(), many=True))
        .order_by("name")
        .values_list("id", "name", "created_at")
    )
)


def tuples(rows: list[Any]) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in rows]


@pytest.fixture
def organizations(db: None) -> list[Organization]:
    return [Organization.objects.create(name=name) for name in ("a", "b", "é'\"%s")]


def test_a_statement_answers_as_its_queryset_does(organizations: list[Organization]) -> None:
    for organization in organizations:
        assert tuples(BY_NAME.rows(name=organization.name)) == [(organization.id, organization.name)]
    found = BY_ID.rows(ids=[organization.id for organization in organizations])
    assert tuples(found) == [(each.id, each.name, each.created_at) for each in organizations]


def test_lists_may_hold_uuids_texts_and_bytes_and_any_number_of_them(organizations: list[Organization]) -> None:
    first = organizations[0].id
    for same in (first, str(first), str(first).encode()):
        assert [row[0] for row in BY_ID.rows(ids=[same])] == [first]
    assert BY_ID.rows(ids=[]) == []
    assert len(BY_ID.rows(ids=[uuid.uuid4() for _ in range(5_000)] + [first])) == 1


def test_limit_and_offset_cut_the_rows(organizations: list[Organization]) -> None:
    ids = [organization.id for organization in organizations]
    assert [row[1] for row in BY_ID.rows(ids=ids, limit=1, offset=1)] == ["b"]


def test_it_is_compiled_once(organizations: list[Organization]) -> None:
    built: list[None] = []

    def build() -> Any:
        built.append(None)
        return Organization.objects.filter(name=Parameter("name", CharField())).values_list("name")

    statement = PreparedQuery(build)
    assert [statement.rows(name=name) for name in ("a", "b", "c")] == [[("a",)], [("b",)], []]
    assert len(built) == 1


def plans() -> list[str]:
    """What the statements do that PostgreSQL has planned for this connection: "SELECT", ..."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return [statement.split()[3] for (statement,) in cursor.fetchall()]  # PREPARE name AS SELECT


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite plans by itself")
@pytest.mark.django_db(transaction=True)
def test_each_connection_plans_a_statement_once(organizations: list[Organization]) -> None:
    statement = PreparedQuery(
        lambda: Organization.objects.filter(name=Parameter("name", CharField())).values_list("name")
    )
    for _ in range(2):
        connection.close()  # the next statement opens a new one
        assert plans() == []
        assert [statement.rows(name=name) for name in ("a", "b")] == [[("a",)], [("b",)]]
        assert plans() == ["SELECT"]


def test_plans_can_be_switched_off(organizations: list[Organization], settings: Any) -> None:
    settings.PREPARED_STATEMENTS = False
    with CaptureQueriesContext(connection) as context:
        assert tuples(BY_NAME.rows(name="a")) == [(organizations[0].id, "a")]
    assert context.captured_queries[0]["sql"].startswith("SELECT")


def statement_of_its_own() -> PreparedQuery:
    return PreparedQuery(lambda: Organization.objects.filter(name=Parameter("name", CharField())).values_list("name"))


def rows_in_a_transaction_that_broke(statement: PreparedQuery) -> None:
    with transaction.atomic():
        connection.connection.close()
        statement.rows(name="a")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no server")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("planned", [False, True])
def test_an_error_of_the_driver_is_djangos(organizations: list[Organization], planned: bool) -> None:
    statement = statement_of_its_own()
    if planned:
        statement.rows(name="a")
    end_connection()
    with pytest.raises(OperationalError):
        statement.rows(name="a")
    assert [statement.rows(name=name) for name in ("a", "b")] == [[("a",)], [("b",)]]
    with pytest.raises(InterfaceError):
        rows_in_a_transaction_that_broke(statement)
    assert statement.rows(name="a") == [("a",)]
