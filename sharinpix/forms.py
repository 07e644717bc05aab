"""Forms as Rack reads them (pure): bracketed keys become nested values (API: request bodies)."""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote_plus

from sharinpix.errors import Malformed

MAX_FIELDS = 10_100
"""Fields of one form: the 10,000 ids of a resync and a hundred others."""
MAX_DEPTH = 10
"""Levels of nesting in the keys of a form."""
NOT_PLAIN = re.compile(r"[%+\0]")


class Form(dict[str, Any]):
    """A form as nested values, and as the flat (key, value) pairs that it was sent as."""

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        super().__init__(nested(fields))
        self.pairs = fields


def pairs(text: str) -> list[tuple[str, str]]:
    """The decoded (key, value) pairs of a query string or form, in order; empty ones (`&&`) are left out.

    Raises Malformed for more than MAX_FIELDS of them, counted before anything is decoded.
    """
    text = text.replace("%5B%5D", "[]").replace("%5b%5d", "[]")  # faster than decoding 10,000 keys for their brackets
    parts = text.split("&", MAX_FIELDS)
    if len(parts) > MAX_FIELDS:
        raise Malformed(f"At most {MAX_FIELDS:,} fields can be sent at once.")
    found = [part.partition("=") for part in parts if part]
    if not NOT_PLAIN.search(text):
        return [(key, value) for key, _, value in found]
    return [(unquoted(key), unquoted(value)) for key, _, value in found]


def unquoted(text: str) -> str:
    """The text without its percent-encoding, and without U+0000, which no database column can hold."""
    plain = unquote_plus(text) if "%" in text or "+" in text else text
    return plain.replace("\0", "")


def nested(fields: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Rack's reading of bracketed keys: `a[b]=v` an object, `a[]=v` a list, `a[][b]=v` a list of objects.

    A new object of a list begins when the last one already holds the key (API: request bodies). A key that is used in
    two ways, or nested deeper than MAX_DEPTH, raises Malformed.
    """
    root: dict[str, Any] = {}
    for key, value in fields:
        head, *rest = key.replace("]", "").split("[") if "[" in key.lstrip("[") else [key]
        if len(rest) > MAX_DEPTH:
            raise Malformed(f"Keys may be nested {MAX_DEPTH} levels deep at most.")
        put(root, head, rest, value)
    return root


def put(target: dict[str, Any], head: str, rest: list[str], value: str) -> None:
    """Sets the value at the path `head`, `rest[0]`, ... below the target; an empty name stands for a list."""
    if not rest:
        expect(target.get(head, ""), str)
        target[head] = value
    elif rest[0] == "":
        members = target.setdefault(head, [])
        expect(members, list)
        if len(rest) == 1:
            members.append(value)
        else:
            if not members or not isinstance(members[-1], dict) or holds(members[-1], rest[1:]):
                members.append({})
            put(members[-1], rest[1], rest[2:], value)
    else:
        inner = target.setdefault(head, {})
        expect(inner, dict)
        put(inner, rest[0], rest[1:], value)


def expect(value: object, kind: type) -> None:
    if not isinstance(value, kind):
        raise Malformed("A key of the form is used both as a value and as a container.")


def holds(value: object, path: list[str]) -> bool:
    """Whether the key path is there already; False for a path with a list in it."""
    if "" in path:
        return False
    for key in path:
        if not isinstance(value, dict) or key not in value:
            return False
        value = value[key]
    return True
