"""Querysets that are compiled once: the ORM writes the SQL, later runs only fill in the parameters.

Building and compiling a query costs ten times what a small one takes to run, and a resync of four images is nothing
but small queries.
"""

import json
from collections.abc import Callable
from typing import Any

from django.db import connection
from django.db.models import CharField, Expression, Field, QuerySet, UUIDField, lookups


class Parameter(Expression):
    """A value that is known when the statement runs; `many` makes it a list, for the `any` lookup."""

    def __init__(self, name: str, field: Field[Any, Any], *, many: bool = False) -> None:
        super().__init__(output_field=field)
        self.name = name
        self.many = many

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        return "%s", [self]

    def prepared(self, value: Any) -> Any:
        """The value as the driver of the present database takes it. Strings in a list of UUIDs must be well-formed."""
        field = self.output_field
        if not self.many:
            return field.get_db_prep_value(value, connection)
        members = [str(member) for member in value]
        if connection.vendor == "postgresql":
            return members
        return json.dumps([member.replace("-", "") for member in members] if isinstance(field, UUIDField) else members)


class AnyOf(lookups.Lookup[Any]):
    """`id__any=ids`: one parameter however many values, so that every list is the same statement."""

    lookup_name = "any"
    prepare_rhs = False

    def value(self) -> Any:
        """The list as the driver takes it, or the parameter that stands for it in a Statement."""
        if isinstance(self.rhs, Parameter):
            return self.rhs
        return Parameter("", self.lhs.output_field, many=True).prepared(self.rhs)

    def as_postgresql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        left, parameters = self.process_lhs(compiler, connection)
        kind = self.lhs.output_field.rel_db_type(connection).partition("(")[0]
        return f"{left} = ANY(%s::{kind}[])", [*parameters, self.value()]

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        left, parameters = self.process_lhs(compiler, connection)
        return f"{left} IN (SELECT value FROM json_each(%s))", [*parameters, self.value()]  # noqa: S608  (our column)


UUIDField.register_lookup(AnyOf)
CharField.register_lookup(AnyOf)


class Statement:
    """`Statement(lambda: queryset.values_list(...))`, whose filters hold Parameters: run it with `rows(name=value)`."""

    def __init__(self, build: Callable[[], QuerySet[Any, Any]]) -> None:
        self.build = build
        self.compiled: dict[str, tuple[str, list[Any], Any, Any]] = {}

    def prepare(self, values: dict[str, Any]) -> tuple[str, list[Any], Any, Any]:
        """The SQL, its parameters, the compiler and the converters of its columns."""
        if connection.vendor not in self.compiled:
            compiler = self.build().query.get_compiler(connection=connection)
            sql, parameters = compiler.as_sql()
            converters = compiler.get_converters([column for column, _, _ in compiler.select])
            self.compiled[connection.vendor] = sql, list(parameters), compiler, converters
        sql, parameters, compiler, converters = self.compiled[connection.vendor]
        filled = [p.prepared(values[p.name]) if isinstance(p, Parameter) else p for p in parameters]
        return sql, filled, compiler, converters

    def rows(self, *, limit: int | None = None, offset: int = 0, **values: Any) -> list[Any]:
        """All rows, or `limit` of them after the first `offset`, as sequences of Python values."""
        sql, parameters, compiler, converters = self.prepare(values)
        if limit is not None:
            sql, parameters = f"{sql} LIMIT %s OFFSET %s", [*parameters, limit, offset]
        with connection.cursor() as cursor:
            cursor.execute(sql, parameters)
            found = cursor.fetchall()
        return list(compiler.apply_converters(found, converters)) if converters else found
