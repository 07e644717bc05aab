"""JSON as the API writes it (API: response bodies)."""

from typing import Any

import orjson
from rest_framework import renderers

JSON_TYPE = "application/json; charset=utf-8"


class JSONRenderer(renderers.BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return b"" if data is None else dumps(data)


def dumps(value: object) -> bytes:
    """Compact JSON in UTF-8 with `<`, `>` and `&` escaped, so that it is safe inside a page."""
    return escaped(orjson.dumps(value))


def escaped(document: bytes) -> bytes:
    """`<`, `>` and `&` as `\\u00xx`: in JSON they stand inside strings alone, so replacing bytes is enough."""
    return document.replace(b"<", b"\\u003c").replace(b">", b"\\u003e").replace(b"&", b"\\u0026")
