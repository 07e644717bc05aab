"""Prepared statements: a queryset that the ORM compiles once, and that the database plans once a connection.

Building and compiling a queryset costs ten times what a small query takes to run, and planning it on PostgreSQL costs
more than running it; a resync of four images is nothing but small queries. `make bench` shows what it pays: it is used
for the queries of the resync, of its tokens, and of the edits that store representations, and for nothing else.
"""

from collections.abc import Callable
from typing import Any
from weakref import WeakSet

import orjson
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.models import CharField, Expression, Field, QuerySet, UUIDField, lookups
from psycopg2.extensions import BYTES, register_type


class Parameter(Expression):
    """A value that is given when the query runs; `many` makes it a list, for the `any` lookup."""

    def __init__(self, name: str, field: Field[Any, Any], *, many: bool = False) -> None:
        super().__init__(output_field=field)
        self.name = name
        self.many = many

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        return "%s", [self]

    @property
    def placeholder(self) -> str:
        """What stands for it in PostgreSQL's EXECUTE; a list of texts is no list of anything else by itself."""
        return f"%s::{kind_of(self.output_field)}[]" if self.many else "%s"

    def prepared(self, value: Any, database: Any) -> Any:
        """The value as the database's driver takes it. Strings in a list of UUIDs must be well-formed."""
        field = self.output_field
        if not self.many:
            return field.get_db_prep_value(value, database)
        members = [member.decode() if isinstance(member, bytes) else member for member in value]
        if database.vendor == "postgresql":
            return [member if isinstance(member, str) else str(member) for member in members]
        listed = orjson.dumps(members).decode()
        return listed.replace("-", "") if isinstance(field, UUIDField) else listed  # SQLite's UUIDs have no hyphens


def kind_of(field: Field[Any, Any]) -> str:
    """The database's type of a column, without its length."""
    return str(field.rel_db_type(connection)).partition("(")[0]


class AnyOf(lookups.Lookup[Any]):
    """`id__any=ids`: one parameter however many values, so that every list is the same statement."""

    lookup_name = "any"
    prepare_rhs = False

    def value(self, database: Any) -> Any:
        """The list as the driver takes it, or the parameter that stands for it in a PreparedQuery."""
        if isinstance(self.rhs, Parameter):
            return self.rhs
        return Parameter("", self.lhs.output_field, many=True).prepared(self.rhs, database)

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        left, parameters = self.process_lhs(compiler, connection)
        return f"{left} = ANY(%s::{kind_of(self.lhs.output_field)}[])", [*parameters, self.value(connection)]

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        left, parameters = self.process_lhs(compiler, connection)
        return f"{left} IN (SELECT value FROM json_each(%s))", [*parameters, self.value(connection)]  # noqa: S608  (our column)


UUIDField.register_lookup(AnyOf)
CharField.register_lookup(AnyOf)


class PreparedQuery:
    """`PreparedQuery(lambda: queryset.values_list(...))` whose filters hold Parameters: `rows(name=value)` runs it.

    `build` is called once, when the models are loaded. `as_bytes` has PostgreSQL's driver hand over text undecoded:
    what is only passed on need not be read. `planned` has PostgreSQL plan the statement once a connection (PREPARE and
    EXECUTE); it is for statements whose best plan does not depend on the values.
    """

    def __init__(
        self, build: Callable[[], QuerySet[Any, Any]], *, as_bytes: bool = False, planned: bool = True
    ) -> None:
        self.build = build
        self.as_bytes = as_bytes
        self.planned = planned
        self.plans: WeakSet[Any] = WeakSet()  # the driver's connections that have this statement's plan
        self.execute = ""
        self.compiled: dict[str, tuple[str, list[Any], Any, Any]] = {}

    def prepare(self, values: dict[str, Any], database: Any) -> tuple[str, list[Any], Any, Any]:
        """The SQL, its parameters, the compiler and the converters of its columns."""
        if database.vendor not in self.compiled:
            compiler = self.build().query.get_compiler(connection=connection)
            sql, parameters = compiler.as_sql()
            converters = compiler.get_converters([column for column, _, _ in compiler.select])
            self.compiled[database.vendor] = sql, list(parameters), compiler, converters
        sql, parameters, compiler, converters = self.compiled[database.vendor]
        filled = [p.prepared(values[p.name], database) if isinstance(p, Parameter) else p for p in parameters]
        return sql, filled, compiler, converters

    def rows(self, *, limit: int | None = None, offset: int = 0, **values: Any) -> list[Any]:
        """All rows, or `limit` of them after the first `offset`, as sequences of Python values."""
        database = connections[DEFAULT_DB_ALIAS]  # the proxy `connection` would look it up for each attribute
        sql, parameters, compiler, converters = self.prepare(values, database)
        if limit is not None:
            sql, parameters = f"{sql} LIMIT %s OFFSET %s", [*parameters, limit, offset]
        with database.cursor() as cursor:
            if database.vendor == "postgresql":
                if self.as_bytes:
                    register_type(BYTES, cursor.cursor)
                if self.planned and limit is None and settings.PREPARED_STATEMENTS:
                    with database.wrap_database_errors:  # the driver's cursor raises the driver's own
                        sql = self.plan(cursor.cursor, sql)
            cursor.execute(sql, parameters)
            found = cursor.fetchall()
        return list(compiler.apply_converters(found, converters)) if converters else found

    def plan(self, cursor: Any, sql: str) -> str:
        """The SQL that runs the plan of this connection, which is made on first use."""
        name = f"statement_{id(self)}"
        if cursor.connection not in self.plans:
            first, *others = sql.split("%s")
            numbered = first + "".join(f"${number}{part}" for number, part in enumerate(others, 1))
            cursor.execute(f"PREPARE {name} AS {numbered}")
            self.plans.add(cursor.connection)
            _, parameters, _, _ = self.compiled[connection.vendor]
            places = (p.placeholder if isinstance(p, Parameter) else "%s" for p in parameters)
            self.execute = f"EXECUTE {name} ({', '.join(places)})"
        return self.execute
