"""Serializers of the API: fields that several apps share, and one whose fields are resolved once."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from functools import cached_property
from operator import attrgetter
from typing import Any

from django.urls.converters import UUIDConverter
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request

from sharinpix.parsers import fields_of

UUID = re.compile(UUIDConverter.regex, re.IGNORECASE)
AS_STORED = (
    serializers.BooleanField,
    serializers.CharField,
    serializers.DictField,
    serializers.FloatField,
    serializers.IntegerField,
    serializers.JSONField,
    serializers.ReadOnlyField,
)
"""Fields whose column has the type that is answered: their `to_representation` would change nothing."""


class IdField(serializers.UUIDField):
    """A UUID of 36 characters with hyphens; DRF's own field accepts numbers, braces and more."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or not UUID.fullmatch(data):
            self.fail("invalid", value=data)
        return super().to_internal_value(data)


class TimestampField(serializers.DateTimeField):
    """ISO 8601 with three digits of milliseconds and an offset: 2019-04-08T19:38:56.184+02:00.

    The offset is that of the zone, by default the TIME_ZONE of the settings (API: response bodies).
    """

    def __init__(self, zone: tzinfo | None = None, **options: Any) -> None:
        super().__init__(**options)
        self.zone = zone

    def to_representation(self, value: datetime) -> str:
        zone = self.zone or timezone.get_default_timezone()
        return value.astimezone(zone).isoformat(timespec="milliseconds")


def utc_timestamp(**options: Any) -> TimestampField:
    return TimestampField(UTC, **options)


class CompiledSerializer(serializers.Serializer[Any]):
    """A serializer for output whose fields are resolved once for all rows, not anew for each.

    DRF looks up every field's attribute path, null handling and conversion row by row, which costs more than the
    conversions do. Rows are objects with the attributes that the fields name: model instances or named tuples. Build
    one per class and keep it: building takes longer than serializing ten rows.
    """

    @cached_property
    def steps(self) -> list[tuple[str, Callable[[Any], Any], Callable[[Any], Any] | None]]:
        """(name, how to get the value of a row, how to convert one that is not None) for each field, in order."""
        return [
            (name, itself if field.source == "*" else attrgetter(str(field.source)), conversion(field))
            for name, field in self.fields.items()
        ]

    @cached_property
    def columns(self) -> list[str]:
        """The attributes of a row that the fields read, each once: a field with the source `*` names its `columns`."""
        return list(dict.fromkeys(column for field in self.fields.values() for column in columns_of_field(field)))

    def to_representation(self, instance: Any) -> dict[str, Any]:
        shown = {}
        for name, get, convert in self.steps:
            value = get(instance)
            shown[name] = value if convert is None or value is None else convert(value)
        return shown


class RequestSerializer(serializers.Serializer[dict[str, Any]]):
    """The body of a request: `read(request)` returns its validated fields by name."""

    @classmethod
    def read(cls, request: Request) -> dict[str, Any]:
        """Raises Malformed, or a ValidationError that names the fields."""
        serializer = cls(data=dict(fields_of(request)) | cls.files_of(request))
        serializer.is_valid(raise_exception=True)
        validated: dict[str, Any] = serializer.validated_data
        return validated

    @classmethod
    def files_of(cls, request: Request) -> dict[str, Any]:
        """The files that the serializer has fields for."""
        wanted = (name for name, field in cls._declared_fields.items() if isinstance(field, serializers.FileField))
        return {name: request.FILES[name] for name in wanted if name in request.FILES}


def itself(row: Any) -> Any:
    return row


def columns_of_field(field: serializers.Field[Any, Any, Any, Any]) -> tuple[str, ...]:
    if columns := getattr(field, "columns", ()):
        return tuple(columns)
    if field.source == "*":
        raise TypeError(f"The field {field.field_name} is computed of the whole row: it must name its columns.")
    return (str(field.source),)


def conversion(field: serializers.Field[Any, Any, Any, Any]) -> Callable[[Any], Any] | None:
    """How the field converts a value that is not None; None where it would not change it."""
    return None if type(field) in AS_STORED else field.to_representation
