"""Serves pictures: signed delivery URLs, thumbnail links and their proxy form (API: image URLs, image rendering)."""

import hashlib
import re
import threading
from collections.abc import Callable
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, cast
from urllib.parse import quote

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.core.files.storage import default_storage
from django.db import connection
from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.utils.cache import get_conditional_response
from django.utils.html import escape
from django.utils.http import content_disposition_header, quote_etag
from django.views.decorators.http import require_safe

from images import delivery, processing, rendering, storage, variants
from images.models import Image, Thumbnail
from images.rendering import PictureError
from images.transformations import Transformation, TransformationError
from images.uploads.models import Upload
from sharinpix import env
from sharinpix.api import Unavailable
from sharinpix.locks import FileLock

PATH = re.compile(
    r"(?P<kind>[a-z]+)/s--(?P<signature>[^/]+)--/"
    r"(?:(?P<chain>.+?)/)??(?:v(?P<version>[0-9]{1,18})/)?(?P<public_id>[^/\0]+)\.(?P<extension>[A-Za-z0-9]{1,8})",
    re.DOTALL,
)
LINK = re.compile(r"(mini|thumbnail|full|original)-([0-9a-f]{11})\.jpg")
PROXIED = re.compile(r"([^/]+)/images/([0-9a-f-]{36})/thumbnails/([^/]+)")
ASSETS = Path(__file__).parent / "assets"
FOREVER = "public, max-age=31536000, immutable"
WAIT = 10  # seconds that a request waits for its turn to render
waiting = threading.BoundedSemaphore(env.THREADS_PER_PROCESS // 2)
"""Requests of this process that render or wait to: whoever finds no room is told so at once, not queued."""
KEY_LOCKS = 1_024
"""Lock files that the keys of derived files are spread over: two keys of one file only wait needlessly."""


class Wanted(NamedTuple):
    """What a verified delivery URL asks for."""

    kind: str
    public_id: str
    version: int | None
    transformation: Transformation
    extension: str


class Busy(Unavailable):
    default_detail = "Too many pictures are being rendered. Please try again."


def sentence(status: HTTPStatus, text: str) -> HttpResponse:
    return HttpResponse(
        text, status=status, content_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-cache"}
    )


@require_safe
def image(request: HttpRequest, path: str) -> HttpResponseBase:
    """GET /<cloud>/image/<type>/s--<sig>--/<chain>/v<version>/<public id>.<ext>.

    401 for a signature that no key of ours made, 400 for a path or chain outside the grammar, 404 for what we do not
    show, 503 when rendering would take too long to begin.
    """
    found = PATH.fullmatch(path)
    if not found:
        return sentence(HTTPStatus.BAD_REQUEST, "This is not the URL of a picture.")
    signed = f"{delivery.escape(found['public_id'])}.{found['extension']}"
    signed = f"{found['chain']}/{signed}" if found["chain"] else signed
    if not delivery.current().verifies(signed, found["signature"]):
        return sentence(HTTPStatus.UNAUTHORIZED, "The signature is not valid.")
    try:
        chain = Transformation.parse(found["chain"] or "")
        version = int(found["version"]) if found["version"] else None
        return respond(request, Wanted(found["kind"], found["public_id"], version, chain, found["extension"].lower()))
    except TransformationError as error:
        return sentence(HTTPStatus.BAD_REQUEST, str(error))


def respond(request: HttpRequest, wanted: Wanted) -> HttpResponseBase:
    if wanted.public_id in delivery.PLACEHOLDERS and wanted.version is None:
        return placeholder(request, wanted)
    rows = Image.objects.delivered_as(wanted.public_id, wanted.kind, wanted.version).exclude(original="")
    row = rows.order_by("created_at", "id").first() or Upload.unclaimed(wanted.public_id, wanted.kind, wanted.version)
    if row is None:
        return sentence(HTTPStatus.NOT_FOUND, "There is no such picture.")
    if wanted.transformation.is_original:
        return original(request, row)
    if row.processing_error:
        return placeholder(request, wanted)
    if stored := stored_variant(row, wanted):
        file = str(stored.file)
        response = picture(request, wanted, row.filename, stored.digest, file, lambda: storage.opened(file))
        if response.status_code != HTTPStatus.NOT_FOUND:  # its file may have gone with an edit of this very moment
            return response
    digest = digest_of(request, wanted)
    key = storage.derived_key(wanted.public_id, digest)
    try:
        return picture(
            request,
            wanted,
            row.filename,
            digest,
            key,
            lambda: storage.opened(key) or rendered(request, wanted, row, key),
        )
    except PictureError:
        return placeholder(request, wanted)


def stored_variant(row: Image, wanted: Wanted) -> Thumbnail | None:
    """The row's stored file for this very chain, where the format fits: `f_auto` takes the JPEG that is there."""
    if wanted.transformation.format not in {"auto", "jpg"}:
        return None
    return row.thumbnails.filter(chain=str(wanted.transformation), format="jpg").first()


def accepts_webp(request: HttpRequest) -> bool:
    return "image/webp" in request.META.get("HTTP_ACCEPT", "")


def digest_of(request: HttpRequest, wanted: Wanted) -> str:
    """Names a derived file: everything that decides its bytes."""
    webp = wanted.transformation.format == "auto" and accepts_webp(request)
    facts = f"{wanted.kind}|{wanted.version}|{wanted.transformation}|{wanted.extension}|{webp}"
    return hashlib.sha256(facts.encode()).hexdigest()


def rendered(request: HttpRequest, wanted: Wanted, row: Image, key: str) -> File[bytes] | None:
    content = render_once(request, wanted, row, key)
    return None if content is None else ContentFile(content)


def render_once(request: HttpRequest, wanted: Wanted, row: Image, key: str) -> bytes | None:
    """Renders and keeps a derived file; whoever asks for the same one meanwhile waits and gets the kept file.

    None where the original is missing. Raises Busy and PictureError.
    """
    if not waiting.acquire(blocking=False):
        raise Busy
    try:
        if not connection.in_atomic_block:
            connection.close()  # a wait of seconds is no reason to keep one
        key_lock = f"key-{int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) % KEY_LOCKS}"
        with FileLock(key_lock, wait=WAIT) as held:
            if not held:
                raise Busy
            return storage.read(key) or render(request, wanted, row, key)
    finally:
        waiting.release()


def render(request: HttpRequest, wanted: Wanted, row: Image, key: str) -> bytes | None:
    """Renders in one of the slots that all processes of the host share: half as many as there are processes."""
    slots = [f"render-{slot}" for slot in range(max(1, settings.WEB_CONCURRENCY // 2))]
    with FileLock(*slots, wait=WAIT) as free:
        if not free:
            raise Busy
        source = storage.read(str(row.original))
        if source is None:
            return None
        webp, limits = accepts_webp(request), processing.limits()
        found = rendering.render(source, wanted.transformation, extension=wanted.extension, webp=webp, limits=limits)
    storage.derived.put(key, found.content)
    return found.content


def picture(
    request: HttpRequest, wanted: Wanted, filename: str, digest: str, key: str, find: Callable[[], File[bytes] | None]
) -> HttpResponseBase:
    """A derived picture with what lets it be cached for ever; 304 without looking for it where the client has it."""
    etag = quote_etag(digest)
    response = get_conditional_response(request, etag=etag)
    if response is None:
        file = find()
        if file is None:
            return sentence(HTTPStatus.NOT_FOUND, "There is no such picture.")
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
    """An answer that names the file for nginx to send in our place (deploy/nginx.conf), where that is set up."""
    if not settings.X_ACCEL_REDIRECT or not isinstance(default_storage, storage.LocalStorage):
        return None
    location = f"{settings.X_ACCEL_REDIRECT}{quote(key)}"
    return HttpResponse(content_type=content_type, headers={"X-Accel-Redirect": location})


def original(request: HttpRequest, row: Image) -> HttpResponseBase:
    """The original byte for byte, as a download that no browser will run."""
    etag = quote_etag(row.sha256 or f"{row.delivery_id}-{row.delivery_version}")
    response: HttpResponseBase | None = get_conditional_response(request, etag=etag)
    if response is None:
        file = storage.opened(str(row.original))
        if file is None:
            return sentence(HTTPStatus.NOT_FOUND, "There is no such picture.")
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
    """Extension and Content-Type by what is in the file; of what is no picture, the extension that was declared."""
    try:
        extension = rendering.identify(file)
        return extension, rendering.CONTENT_TYPES[extension]
    except PictureError:
        return declared or "bin", "application/octet-stream"
    finally:
        file.seek(0)


def placeholder(request: HttpRequest, wanted: Wanted) -> HttpResponse:
    """The picture that stands where there is none, under the same chain; never cached, since it may be repaired."""
    name = wanted.public_id if wanted.public_id in delivery.PLACEHOLDERS else delivery.RAW_PLACEHOLDER
    rendition = rendered_placeholder(name, wanted.transformation)
    return HttpResponse(rendition.content, content_type=rendition.content_type, headers={"Cache-Control": "no-cache"})


@lru_cache(maxsize=32)
def rendered_placeholder(name: str, transformation: Transformation) -> rendering.Rendition:
    """Kept in memory: clients keep no placeholder, and an album of broken pictures asks for one chain many times."""
    source = (ASSETS / f"{name}.jpg").read_bytes()
    return rendering.render(source, transformation, extension="jpg", webp=False)


@require_safe
def blank(request: HttpRequest) -> HttpResponse:
    """GET /assets/blank.jpg: what stands before the URLs of unprocessed images."""
    content = (ASSETS / "blank.jpg").read_bytes()
    return HttpResponse(content, content_type="image/jpeg", headers={"Cache-Control": "public, max-age=86400"})


def invalid() -> HttpResponse:
    return HttpResponse("Invalid url", status=400, content_type="text/plain; charset=utf-8")


@require_safe
def thumbnail(request: HttpRequest, image_id: str, link: str) -> HttpResponse:
    """GET /images/<id>/thumbnails/<kind>-<11 hex>.jpg: 302 to the current delivery URL of the variant.

    400 `Invalid url` for a wrong signature, 404 `image/jpeg` without a body for no such image (API: image rendering).
    """
    found = LINK.fullmatch(link)
    if not found or not delivery.current().verifies_thumbnail(image_id, found[1], found[2]):
        return invalid()
    row = Image.objects.filter(pk=image_id, trashed_at__isnull=True).first()
    if row is None:
        return HttpResponse(status=404, content_type="image/jpeg")
    chains = dict(zip(variants.THUMBNAILS, variants.thumbnail_chains(delivery.edit_of(row)), strict=True))
    location = delivery.current().image_url(chains[variants.KINDS[found[1]]], row)
    body = f'<html><body>You are being <a href="{escape(location)}">redirected</a>.</body></html>'
    return HttpResponseRedirect(location, content=body, headers={"Cache-Control": "no-cache"})


@require_safe
def proxy(request: HttpRequest, slug: str) -> HttpResponse:
    """GET /proxy/<slug>.<ext>?s=&url=<our host>/images/<id>/thumbnails/<kind>-<11 hex>.jpg: the same redirect.

    Nothing is ever fetched: the URL must be one of our own, and both signatures must hold.
    """
    here = delivery.current()
    found = PROXIED.fullmatch(request.GET.get("url", ""))
    link = LINK.fullmatch(found[3]) if found else None
    if not found or not link or found[1] != here.host:
        return invalid()
    if not here.verifies_proxy(found[2], link[1], request.GET.get("s", "")):
        return invalid()
    return thumbnail(request, found[2], found[3])
