"""Model fields that no single app owns."""

from typing import Any

import orjson
from django.db import models


class OrderedJSONField(models.TextField[Any, Any]):
    """A JSON value in a text column, which keeps the order of keys and the notation of numbers.

    PostgreSQL's jsonb sorts keys and rewrites numbers, and `infos` is answered as it was sent (API: infos).
    Holds a dict, list, string, number, bool or None as Python sees it.
    """

    description = "JSON, verbatim"
    _pyi_private_set_type: Any
    _pyi_private_get_type: Any

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Any:
        return None if value is None else orjson.loads(value)

    def to_python(self, value: Any) -> Any:
        return value

    def get_prep_value(self, value: Any) -> str | None:
        # Inside two containers, as in an answer: what orjson could not write there must not be stored either.
        return None if value is None else orjson.dumps([[value]])[2:-2].decode()

    def value_to_string(self, obj: models.Model) -> str:
        return orjson.dumps(self.value_from_object(obj)).decode()

    def formfield(self, **kwargs: Any) -> Any:
        from django.forms import JSONField

        return JSONField(required=not self.blank, label=self.verbose_name, help_text=self.help_text)
