"""Files as answers, whole or the range that a client asks for (RFC 9110, *Range Requests*; API: image rendering)."""

import re
from collections.abc import Iterator
from http import HTTPStatus

from django.core.files.base import File
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import parse_http_date_safe

RANGE = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*", re.ASCII | re.IGNORECASE)
CHUNK = 1 << 16
SMALL = 1 << 20
"""Bytes up to which a body is read before it is sent."""


def file_response(
    request: HttpRequest, file: File[bytes], size: int, content_type: str, *, etag: str, modified: int
) -> HttpResponseBase:
    """The open file of `size` bytes: 200, 206 with the range that is asked for, 416 for one outside the file.

    `etag` and `modified` (Unix time) are those that `If-Range` may name. Of several ranges none is answered: 200.
    """
    asked = asked_range(request, size) if if_range_holds(request, etag, modified) else None
    response: HttpResponseBase
    if asked is None:
        response = body_response(file, range(size))
    elif not asked:
        file.close()
        response = HttpResponse(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
        response["Content-Range"] = f"bytes */{size}"
    else:
        response = body_response(file, asked)
        response.status_code = HTTPStatus.PARTIAL_CONTENT
        response["Content-Range"] = f"bytes {asked.start}-{asked.stop - 1}/{size}"
    response["Content-Type"] = content_type
    response["Accept-Ranges"] = "bytes"
    return response


def body_response(file: File[bytes], part: range) -> HttpResponseBase:
    """The part of the file: what is small in one piece, a whole large file as the server sends files best."""
    if len(part) <= SMALL:
        with file:
            file.seek(part.start)
            return HttpResponse(file.read(len(part)))
    response = FileResponse(file) if len(part) == file.size else StreamingHttpResponse(pieces(file, part))
    response["Content-Length"] = str(len(part))
    return response


def asked_range(request: HttpRequest, size: int) -> range | None:
    """The bytes that `Range` asks for; empty where the file has none of them, None where no range is understood."""
    found = RANGE.fullmatch(request.headers.get("Range", "")) if request.method == "GET" else None
    if not found or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:
        return range(max(0, size - int(last)), size) if int(last) else range(0)
    if last and int(last) < int(first):
        return None
    return range(int(first), min(int(last) + 1, size) if last else size)


def if_range_holds(request: HttpRequest, etag: str, modified: int) -> bool:
    """Whether `If-Range` is absent or names the file as it is."""
    named = request.headers.get("If-Range")
    return named is None or named == etag or parse_http_date_safe(named) == modified


def pieces(file: File[bytes], asked: range) -> Iterator[bytes]:
    with file:
        file.seek(asked.start)
        left = len(asked)
        while left and (piece := file.read(min(CHUNK, left))):
            left -= len(piece)
            yield piece
