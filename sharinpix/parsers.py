"""Request bodies: JSON, forms and multipart forms, within bounds (API: request bodies)."""

import re
from collections.abc import Mapping
from typing import IO, Any

import orjson
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.http import HttpRequest
from rest_framework import parsers
from rest_framework.request import Request

from sharinpix.errors import Malformed, TooLarge
from sharinpix.forms import Form, pairs

MAX_CONTAINERS = 50_000
"""Lists and objects in a JSON body. Reading a list takes a hundred times as long as reading a byte of text."""
MAX_JSON_DEPTH = 200
"""Levels of nesting in a JSON body: a deeper value could be read, but orjson could not write it into an answer."""

NOT_JSON = "The body is not valid JSON."
QUOTED = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
"""A text in JSON."""


class JSONParser(parsers.BaseParser):
    media_type = "application/json"

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> Any:
        """Raises Malformed, also for what orjson refuses: NaN, infinite numbers, lone surrogates, over 1,024 levels.

        Lists and objects are counted before anything is read: of 2 MB of brackets each would cost more than many bytes
        of text, and no token is needed to send them.
        """
        body = body_of(stream)
        if not body.strip():
            return {}
        if containers(body) > MAX_CONTAINERS and containers(QUOTED.sub(b"", body)) > MAX_CONTAINERS:
            raise Malformed(NOT_JSON)
        try:
            value = orjson.loads(body)
        except (orjson.JSONDecodeError, RecursionError) as error:
            raise Malformed(NOT_JSON) from error
        if containers(body) > MAX_JSON_DEPTH and deeper(value, MAX_JSON_DEPTH):
            raise Malformed(NOT_JSON)  # nested too deeply
        return without_nul(value) if b"\\u0000" in body else value


class FormParser(parsers.BaseParser):
    media_type = "application/x-www-form-urlencoded"

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> Form:
        try:
            text = body_of(stream).decode()
        except UnicodeDecodeError as error:
            raise Malformed("The form is not UTF-8.") from error
        return Form(pairs(text))


class MultiPartParser(parsers.MultiPartParser):
    """The fields of a multipart form as a Form, its files beside them. Raises TooLarge above the limits."""

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            found = super().parse(stream, media_type, parser_context)
            fields = [(without_nul(key), without_nul(value)) for key, values in found.data.lists() for value in values]
            return parsers.DataAndFiles(Form(fields), found.files)
        except BaseException as error:
            # Removes the part of a file that has arrived: the traceback would keep it on the disk until collected.
            for handler in parser_context["request"].upload_handlers:
                if hasattr(handler, "file"):
                    handler.file.close()
            if isinstance(error, TooManyFieldsSent | RequestDataTooBig):
                raise TooLarge() from error
            raise


def fields_of(request: Request) -> Mapping[str, Any]:
    """The body's fields, without its files. Raises Malformed for a JSON body that is no object."""
    body = request.data
    if not isinstance(body, Mapping):
        raise Malformed("The body must be an object.")
    files = request.FILES
    return {name: value for name, value in body.items() if name not in files} if files else body


def body_of(stream: IO[Any]) -> bytes:
    """The whole body, at most DATA_UPLOAD_MAX_MEMORY_SIZE; `request.body` is what enforces it."""
    try:
        body: bytes = stream.body if isinstance(stream, HttpRequest | Request) else stream.read()
    except RequestDataTooBig as error:
        raise TooLarge() from error
    return body


def containers(body: bytes) -> int:
    """How many lists and objects begin in the body at most: brackets in its texts are counted too."""
    return body.count(b"[") + body.count(b"{")


def without_nul(value: Any) -> Any:
    """The same value with U+0000 removed from every string: no database column can hold one."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [without_nul(member) for member in value]
    if isinstance(value, dict):
        return {without_nul(key): without_nul(member) for key, member in value.items()}
    return value


def deeper(value: Any, levels: int) -> bool:
    """Whether containers are nested in more than `levels` levels. Not recursive: there may be a thousand."""
    containers = [value]
    for _ in range(levels):
        inner = (c.values() if isinstance(c, dict) else c for c in containers if isinstance(c, dict | list))
        containers = [member for members in inner for member in members if isinstance(member, dict | list)]
        if not containers:
            return False
    return True
