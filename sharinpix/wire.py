"""JSON as the API writes it (pure; API: response bodies)."""

import orjson


def dumps(value: object) -> bytes:
    """Compact JSON in UTF-8 with `<`, `>` and `&` escaped, so that it is safe inside a page."""
    return escaped(orjson.dumps(value))


def escaped(document: bytes) -> bytes:
    """The three characters occur in JSON inside strings alone, so replacing bytes is enough."""
    return document.replace(b"<", b"\\u003c").replace(b">", b"\\u003e").replace(b"&", b"\\u0026")
