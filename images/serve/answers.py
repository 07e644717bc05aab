"""Answers with a picture: renditions, originals and placeholders (API: image rendering)."""

from collections.abc import Callable
from functools import lru_cache, wraps
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO, cast

from django.core.files.base import File
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header, http_date, quote_etag
from django.views.decorators.http import require_safe

from images import decoding, rendering
from images.delivery import signed_urls
from images.delivery.transformations import Transformation
from images.models import FaultyOriginal, Image
from images.rendering import PictureError
from images.serve.ranges import file_response
from images.serve.wanted import Wanted
from images.storage import storage

ASSETS = Path(__file__).parent.parent / "assets"
FOREVER = "public, max-age=31536000, immutable"
View = Callable[..., HttpResponseBase]


def only_read(view: View) -> View:
    """Decorator: GET and HEAD reach the view, OPTIONS names them, other methods are 405."""
    reads = require_safe(view)

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method == "OPTIONS":
            return HttpResponse(headers={"Allow": "GET, HEAD, OPTIONS", "Content-Length": "0"})
        return reads(request, *args, **kwargs)

    return answer


def plain_text(status: HTTPStatus, sentence: str, cache: str = "no-cache") -> HttpResponse:
    headers = {"Cache-Control": cache}
    return HttpResponse(sentence, status=status, content_type="text/plain; charset=utf-8", headers=headers)


def not_here() -> HttpResponse:
    return plain_text(HTTPStatus.NOT_FOUND, "There is no such picture.")


def rendition_file(request: HttpRequest, wanted: Wanted, row: Image, rendition: "WholeFile") -> HttpResponseBase:
    """A rendition that is there whole, cacheable for ever; 304 where the client has it."""
    response = file_answer(request, row, rendition)
    if wanted.transformation.attachment:
        set_disposition(response, f"{row.filename or wanted.public_id}.{rendition.extension}")
    if wanted.transformation.format == "auto":
        response["Vary"] = "Accept"
    return response


class WholeFile:
    """A stored file, open, that was found to be whole; `etag` is its digest, `extension` its format."""

    def __init__(self, key: str, file: File[bytes], digest: str, extension: str) -> None:
        self.key, self.file, self.size = key, file, file.size
        self.etag, self.extension = quote_etag(digest), extension
        self.content_type = rendering.CONTENT_TYPES.get(extension, "application/octet-stream")


def file_answer(request: HttpRequest, row: Image, whole: WholeFile) -> HttpResponseBase:
    """The file with its validators: 304, 206, 416, or handed over to nginx, which answers ranges itself."""
    modified = int(row.created_at.timestamp())
    response: HttpResponseBase | None = get_conditional_response(request, etag=whole.etag, last_modified=modified)
    if response is None:
        response = handed_over(whole)
    if response is None:
        response = file_response(
            request, whole.file, whole.size, whole.content_type, etag=whole.etag, modified=modified
        )
    else:
        whole.file.close()
    response["ETag"] = whole.etag
    response["Last-Modified"] = http_date(modified)
    response["Cache-Control"] = FOREVER if response.status_code < HTTPStatus.BAD_REQUEST else "no-cache"
    return response


def client_copy(request: HttpRequest, digest: str) -> HttpResponseBase | None:
    """304 for a client that has the file of this digest, while the storage does not answer; not to be cached as if the
    file were known to be here. None for other clients."""
    response: HttpResponseBase | None = get_conditional_response(request, etag=quote_etag(digest))
    if response is None or response.status_code != HTTPStatus.NOT_MODIFIED:
        return None
    response["Cache-Control"] = "no-cache"
    return response


def handed_over(whole: WholeFile) -> HttpResponse | None:
    """An answer with X-Accel-Redirect, with which nginx sends the file; None without the setting X_ACCEL_REDIRECT."""
    location = storage.internal_location(whole.key)
    if location is None:
        return None
    return HttpResponse(content_type=whole.content_type, headers={"X-Accel-Redirect": location})


def original_file(request: HttpRequest, row: Image) -> HttpResponseBase:
    """The original byte for byte, as a download that browsers do not run; 404, not stored by any cache, where it is
    missing or damaged."""
    try:
        file = row.open_original()
    except FaultyOriginal as error:
        row.note_original(error.fault)
        return plain_text(HTTPStatus.NOT_FOUND, str(error), cache="no-store")
    row.note_original(None)
    kind = format_by_signature(file)
    digest = row.sha256 or f"{row.delivery_id}-{row.delivery_version}"
    response = file_answer(request, row, WholeFile(str(row.original), file, digest, kind))
    set_disposition(response, f"{row.filename or row.delivery_id}.{kind or row.format or 'bin'}")
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def format_by_signature(original: File[bytes]) -> str:
    """The format by the first bytes of the file; "" where it is no picture."""
    try:
        return rendering.identify(cast(BinaryIO, original))
    except PictureError:
        return ""
    finally:
        original.seek(0)


def set_disposition(response: HttpResponseBase, name: str) -> None:
    response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"


def placeholder(wanted: Wanted) -> HttpResponse:
    """The placeholder under the same chain; not cached, since the picture may be there later."""
    named = wanted.public_id in signed_urls.PLACEHOLDERS
    rendition = rendered_placeholder(wanted.public_id if named else signed_urls.RAW_PLACEHOLDER, wanted.transformation)
    return HttpResponse(rendition.content, content_type=rendition.content_type, headers={"Cache-Control": "no-cache"})


@lru_cache(maxsize=32)
def rendered_placeholder(name: str, transformation: Transformation) -> rendering.Rendition:
    """Cached: clients must not cache placeholders, and an album of broken pictures asks for one chain many times."""
    source = (ASSETS / f"{name}.jpg").read_bytes()
    return decoding.render(source, transformation, extension="jpg", webp=False)


@only_read
def blank(request: HttpRequest) -> HttpResponse:
    """GET /assets/blank.jpg (API: routes, image URLs)."""
    content = (ASSETS / "blank.jpg").read_bytes()
    return HttpResponse(content, content_type="image/jpeg", headers={"Cache-Control": "public, max-age=86400"})
