"""Answers with a picture: derived files, originals and placeholders (API: image rendering)."""

from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO, cast

from django.core.files.base import File
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import content_disposition_header, quote_etag
from django.views.decorators.http import require_safe

from images import rendering
from images.delivery import signed_urls
from images.delivery.transformations import Transformation
from images.models import Image
from images.rendering import PictureError
from images.serve.wanted import Wanted
from images.storage import storage

ASSETS = Path(__file__).parent.parent / "assets"
FOREVER = "public, max-age=31536000, immutable"


def plain_text(status: HTTPStatus, sentence: str) -> HttpResponse:
    return HttpResponse(
        sentence, status=status, content_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-cache"}
    )


def not_here() -> HttpResponse:
    return plain_text(HTTPStatus.NOT_FOUND, "There is no such picture.")


def derived_picture(
    request: HttpRequest, wanted: Wanted, filename: str, digest: str, key: str, find: Callable[[], File[bytes] | None]
) -> HttpResponseBase:
    """A derived file under an ETag of its `digest`, cacheable for ever; 304 where the client has it.

    `find` opens the file or renders it, and is not called for a 304; where it returns None the answer is 404. `key` is
    the key of the file, for `handed_over`.
    """
    etag = quote_etag(digest)
    response = get_conditional_response(request, etag=etag)
    if response is None:
        file = find()
        if file is None:
            return not_here()
        with file:
            kind = rendering.identify(cast(BinaryIO, file))
            file.seek(0)
            content_type = rendering.CONTENT_TYPES[kind]
            response = handed_over(key, content_type) or HttpResponse(file.read(), content_type=content_type)
        if wanted.transformation.attachment:
            name = f"{filename or wanted.public_id}.{kind}"
            response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    response["ETag"] = etag
    response["Cache-Control"] = FOREVER
    if wanted.transformation.format == "auto":
        response["Vary"] = "Accept"
    return response


def handed_over(key: str, content_type: str) -> HttpResponse | None:
    """An answer with X-Accel-Redirect, with which nginx sends the file; None without the setting X_ACCEL_REDIRECT."""
    location = storage.internal_location(key)
    if location is None:
        return None
    return HttpResponse(content_type=content_type, headers={"X-Accel-Redirect": location})


def original_file(request: HttpRequest, row: Image) -> HttpResponseBase:
    """The original byte for byte, as a download that browsers do not run; 404 where its file is missing."""
    etag = quote_etag(row.sha256 or f"{row.delivery_id}-{row.delivery_version}")
    response: HttpResponseBase | None = get_conditional_response(request, etag=etag)
    if response is None:
        file = storage.opened(str(row.original))
        if file is None:
            return not_here()
        extension, content_type = sniffed(file, row.format)
        response = handed_over(str(row.original), content_type) or FileResponse(file, content_type=content_type)
        name = f"{row.filename or row.delivery_id}.{extension}"
        response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
        if isinstance(response, FileResponse):
            response["Content-Length"] = str(file.size)
    response["ETag"] = etag
    response["Cache-Control"] = FOREVER
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def sniffed(file: Any, declared: str) -> tuple[str, str]:
    """Extension and Content-Type by the file's header; for a file that is no picture the declared extension."""
    try:
        extension = rendering.identify(file)
        return extension, rendering.CONTENT_TYPES[extension]
    except PictureError:
        return declared or "bin", "application/octet-stream"
    finally:
        file.seek(0)


def placeholder(wanted: Wanted) -> HttpResponse:
    """The placeholder under the same chain; not cached, since the picture may be there later."""
    named = wanted.public_id in signed_urls.PLACEHOLDERS
    rendition = rendered_placeholder(wanted.public_id if named else signed_urls.RAW_PLACEHOLDER, wanted.transformation)
    return HttpResponse(rendition.content, content_type=rendition.content_type, headers={"Cache-Control": "no-cache"})


@lru_cache(maxsize=32)
def rendered_placeholder(name: str, transformation: Transformation) -> rendering.Rendition:
    """Cached: clients must not cache placeholders, and an album of broken pictures asks for one chain many times."""
    source = (ASSETS / f"{name}.jpg").read_bytes()
    return rendering.render(source, transformation, extension="jpg", webp=False)


@require_safe
def blank(request: HttpRequest) -> HttpResponse:
    """GET /assets/blank.jpg (API: routes, image URLs)."""
    content = (ASSETS / "blank.jpg").read_bytes()
    return HttpResponse(content, content_type="image/jpeg", headers={"Cache-Control": "public, max-age=86400"})
