"""The WSGI application that the production server runs."""

import json
import os
from collections.abc import Iterable
from functools import partial
from http import HTTPStatus
from typing import Any

from django.core.wsgi import get_wsgi_application
from django.utils.http import parse_header_parameters

from sharinpix.bodies import CutShort, whole_body

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "sharinpix.settings")
django_application = get_wsgi_application()


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Django's application. Bodies without a length are answered 411, and those shorter than theirs 400; a malformed
    Content-Type is replaced."""
    if "HTTP_TRANSFER_ENCODING" in environ and not environ.get("CONTENT_LENGTH"):
        # Django would read an empty body. nginx in front adds the length.
        return unseen_answer(HTTPStatus.LENGTH_REQUIRED, "Send the length of the body.", start_response)
    length = environ.get("CONTENT_LENGTH") or "0"
    try:
        environ["wsgi.input"] = whole_body(environ["wsgi.input"], int(length) if length.isdecimal() else 0)
    except CutShort as error:
        return unseen_answer(HTTPStatus.BAD_REQUEST, str(error), start_response)
    environ["CONTENT_TYPE"] = usable_content_type(environ.get("CONTENT_TYPE", ""))
    return django_application(environ, partial(start_answer, start_response))


def start_answer(start_response: Any, status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
    """Renames Cache-Control where nginx is to send a file (X-Accel-Redirect): nginx would keep the header whatever
    becomes of the file, and gives this one to a file alone that it has sent (deploy/nginx.conf)."""
    if any(name == "X-Accel-Redirect" for name, _ in headers):
        headers = [("X-Accel-Cache-Control" if name == "Cache-Control" else name, value) for name, value in headers]
    return start_response(status, headers, *more)


def unseen_answer(status: HTTPStatus, sentence: str, start_response: Any) -> Iterable[bytes]:
    """The answer to a request that Django does not see (API: errors)."""
    body = json.dumps({"error": {"code": "malformed", "message": sentence}}).encode()
    headers = {
        "X-message": sentence,
        "Content-Type": "application/json; charset=utf-8",
        "Content-Length": str(len(body)),
        "Cache-Control": "no-cache, no-store",
    }
    start_response(f"{status.value} {status.phrase}", list(headers.items()))
    return [body]


def usable_content_type(content_type: str) -> str:
    """The Content-Type without its charset, or application/octet-stream where it is malformed (API: request bodies).

    Text is UTF-8 here. Django would decode by any codec of Python, some of which decode no text, and reads charset and
    query string while it builds the request: an exception there reaches no exception handler.
    """
    try:
        kind, parameters = parse_header_parameters(content_type)
    except ValueError:
        return "application/octet-stream"
    if "charset" not in parameters:
        return content_type
    boundary = parameters.get("boundary")
    return f'{kind}; boundary="{boundary}"' if boundary else kind
