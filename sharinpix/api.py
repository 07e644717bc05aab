"""The dialect of the JSON API: bodies, errors, lists of parameters (API: request bodies, response bodies, errors)."""

import logging
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import IO, Any
from urllib.parse import unquote_plus

import orjson
from django.core.exceptions import (
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
    ValidationError,
)
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.views import defaults
from rest_framework import exceptions, negotiation, parsers, renderers
from rest_framework.fields import get_error_detail
from rest_framework.request import Request

from sharinpix.wire import dumps

MAX_FIELDS = 10_100
"""Fields of one form: the 10,000 ids of a resync and some company."""
MAX_DEPTH = 10
"""Levels of nesting in the keys of a form."""
MAX_JSON_DEPTH = 200
"""Levels of nesting in a JSON body: what is nested deeper could be read, but neither stored nor answered."""
JSON_TYPE = "application/json; charset=utf-8"

type_of_error = {
    400: "malformed",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    413: "too_large",
    415: "unsupported_media_type",
    422: "unprocessable",
    429: "too_many_requests",
    500: "failed",
    503: "unavailable",
    507: "full",
}
logger = logging.getLogger(__name__)


class Malformed(exceptions.APIException):
    """400: the request cannot be read; its sentence says what is wrong with it."""

    status_code = HTTPStatus.BAD_REQUEST
    default_code = "malformed"


class Unavailable(exceptions.APIException):
    """503: something that the server depends on does not answer."""

    status_code = HTTPStatus.SERVICE_UNAVAILABLE
    default_code = "unavailable"
    default_detail = "The storage does not answer. Please try again."
    wait = 5  # seconds


class Full(exceptions.APIException):
    """507: the storage has no room left."""

    status_code = HTTPStatus.INSUFFICIENT_STORAGE
    default_code = "full"
    default_detail = "There is no room left to store this."


class JSONRenderer(renderers.BaseRenderer):
    media_type = "application/json"
    format = "json"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        return b"" if data is None else dumps(data)


class AlwaysJSON(negotiation.BaseContentNegotiation):
    """Every answer is JSON whatever is asked for, as the published API does; the query string is not looked at."""

    def select_parser(self, request: Request, parsers: Sequence[Any]) -> Any:  # type: ignore[override]
        return negotiation.DefaultContentNegotiation().select_parser(request, parsers)

    def select_renderer(self, request: Request, renderers: Sequence[Any], format_suffix: str | None = None) -> Any:  # type: ignore[override]
        return renderers[0], JSON_TYPE


def without_nul(value: Any) -> Any:
    """The same value with U+0000 removed from every string: no database column can hold one."""
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, list):
        return [without_nul(member) for member in value]
    if isinstance(value, dict):
        return {without_nul(key): without_nul(member) for key, member in value.items()}
    return value


class JSONParser(parsers.BaseParser):
    media_type = "application/json"

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> Any:
        """orjson refuses what JSON does not know (NaN, endless numbers, lone surrogates, a nesting of over 1,024)."""
        body = body_of(stream)
        if not body.strip():
            return {}
        try:
            value = orjson.loads(body)
        except (orjson.JSONDecodeError, RecursionError) as error:
            raise Malformed("The body is not valid JSON.") from error
        if body.count(b"[") + body.count(b"{") > MAX_JSON_DEPTH and deeper(value, MAX_JSON_DEPTH):
            raise Malformed("The body is not valid JSON.")  # nested too deeply for us
        return without_nul(value) if b"\\u0000" in body else value


def deeper(value: Any, levels: int) -> bool:
    """Whether containers are nested deeper than so many levels; level by level, since it may be a thousand."""
    containers = [value]
    for _ in range(levels):
        inner = (c.values() if isinstance(c, dict) else c for c in containers if isinstance(c, dict | list))
        containers = [member for members in inner for member in members if isinstance(member, dict | list)]
        if not containers:
            return False
    return True


class Form(dict[str, Any]):
    """A form as nested values, and as the flat (key, value) pairs that it was sent as."""

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        super().__init__(nested(fields))
        self.pairs = fields


class FormParser(parsers.BaseParser):
    media_type = "application/x-www-form-urlencoded"

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> Form:
        try:
            text = body_of(stream).decode()
        except UnicodeDecodeError as error:
            raise Malformed("The form is not UTF-8.") from error
        return Form(pairs(text))


class MultiPartParser(parsers.MultiPartParser):
    """The fields of a multipart form in the same shape; its files beside them."""

    def parse(self, stream: IO[Any], media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            found = super().parse(stream, media_type, parser_context)
            fields = [(without_nul(key), without_nul(value)) for key, values in found.data.lists() for value in values]
            return parsers.DataAndFiles(Form(fields), found.files)
        except BaseException as error:
            # What has come of its file goes at once: the traceback would keep it on the disk until it is collected.
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


class TooLarge(exceptions.APIException):
    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_code = "too_large"
    default_detail = "The body is larger than this server reads."


NOT_PLAIN = re.compile(r"[%+\0]")


def pairs(text: str) -> list[tuple[str, str]]:
    """The decoded (key, value) pairs of a query string or form, in order; empty ones (`&&`) are left out.

    Raises Malformed for more than MAX_FIELDS of them, counted before anything is decoded.
    """
    text = text.replace("%5B%5D", "[]").replace("%5b%5d", "[]")  # else 10,000 keys would be decoded for their brackets
    parts = text.split("&", MAX_FIELDS)
    if len(parts) > MAX_FIELDS:
        raise Malformed(f"At most {MAX_FIELDS:,} fields can be sent at once.")
    found = [part.partition("=") for part in parts if part]
    if not NOT_PLAIN.search(text):
        return [(key, value) for key, _, value in found]
    return [(plain(key), plain(value)) for key, _, value in found]


def plain(text: str) -> str:
    decoded = unquote_plus(text) if "%" in text or "+" in text else text
    return decoded.replace("\0", "")


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
    if not rest:
        expect(target.get(head, ""), str, head)
        target[head] = value
    elif rest[0] == "":
        members = target.setdefault(head, [])
        expect(members, list, head)
        if len(rest) == 1:
            members.append(value)
        else:
            if not members or not isinstance(members[-1], dict) or holds(members[-1], rest[1:]):
                members.append({})
            put(members[-1], rest[1], rest[2:], value)
    else:
        inner = target.setdefault(head, {})
        expect(inner, dict, head)
        put(inner, rest[0], rest[1:], value)


def expect(value: object, kind: type, key: str) -> None:
    if not isinstance(value, kind):
        raise Malformed("A key of the form is used both as a value and as a container.")


def holds(value: object, path: list[str]) -> bool:
    """Whether the key path is there already; one with a list in it never begins a new object."""
    if "" in path:
        return False
    for key in path:
        if not isinstance(value, dict) or key not in value:
            return False
        value = value[key]
    return True


def accepts_json(request: HttpRequest) -> bool:
    accept = request.META.get("HTTP_ACCEPT", "")
    return not accept or bool(re.search(r"application/(?:json|\*)|\*/\*", accept))


def error_response(
    request: HttpRequest, status: int, message: str, fields: Mapping[str, Any] | None = None
) -> HttpResponse:
    """An error as the API words it: X-message for people, a JSON body where the client accepts one.

    A plain HttpResponse: the framework's own takes the Content-Type off an answer without a body.
    """
    response = HttpResponse(status=status, content_type="text/html", headers={"X-message": message})
    if accepts_json(request):
        error: dict[str, Any] = {"code": type_of_error.get(status, "malformed"), "message": message}
        response.content = dumps({"error": error | ({"fields": fields} if fields else {})})
        response["Content-Type"] = JSON_TYPE
    return response


def denied() -> HttpResponse:
    """The published denial: 401, `text/html` without a body, whatever the reason (API: errors)."""
    return HttpResponse(
        status=HTTPStatus.UNAUTHORIZED, headers={"X-message": "Access denied"}, content_type="text/html"
    )


def exception_handler(error: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    request = context["request"]
    error = fault(error) or error
    if isinstance(
        error,
        exceptions.AuthenticationFailed | exceptions.NotAuthenticated | exceptions.PermissionDenied | PermissionDenied,
    ):
        return denied()
    if isinstance(error, Http404):
        return error_response(request, 404, "There is no such thing here.")
    if isinstance(error, ValidationError):  # a model's
        error = exceptions.ValidationError(get_error_detail(error))
    if isinstance(error, exceptions.ValidationError):
        detail = error.detail if isinstance(error.detail, dict) else {"non_field_errors": error.detail}
        return error_response(request, 400, "Some fields are missing or malformed.", detail)
    if isinstance(error, exceptions.APIException):
        response = error_response(request, error.status_code, str(error.detail))
        if wait := getattr(error, "wait", None):
            response["Retry-After"] = str(int(wait))
        return response
    if isinstance(error, TooManyFieldsSent | RequestDataTooBig | SuspiciousOperation):
        return error_response(request, 400, "The request is malformed.")
    return None


def fault(error: Exception) -> Unavailable | Full | None:
    """What to tell whoever met this error, where it is one of the database or the storage."""
    if isinstance(error, OperationalError):
        logger.error("The database did not answer: %s", type(error).__name__)
        return Unavailable("The database does not answer. Please try again.")
    return error if isinstance(error, Unavailable | Full) else None


def error_view(status: int, message: str, default: Any) -> Any:
    """Django's handler for one status: the API's wording under /api/, Django's own page elsewhere."""

    def view(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
        if not request.path_info.startswith("/api/"):
            return default(request) if exception is None else default(request, exception)  # type: ignore[no-any-return]
        return error_response(request, status, message)

    return view


bad_request = error_view(400, "The request is malformed.", defaults.bad_request)
not_found = error_view(404, "There is no such thing here.", defaults.page_not_found)
failed = error_view(500, "Something went wrong on the server.", defaults.server_error)
