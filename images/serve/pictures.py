"""GET of an image URL: a picture, rendered on first demand (API: image URLs, image rendering)."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponseBase

from images.delivery import signed_urls
from images.delivery.transformations import TransformationError
from images.models import FaultyOriginal, Image, Thumbnail, Upload
from images.rendering import PictureError
from images.serve.answers import (
    WholeFile,
    client_copy,
    not_here,
    only_read,
    original_file,
    placeholder,
    plain_text,
    rendition_file,
)
from images.serve.on_demand import derived_file
from images.serve.spelling import redirect_to_one_spelling
from images.serve.wanted import NotSigned, Wanted, accepts_webp
from images.storage import storage
from images.storage.keys import derived_file_key
from sharinpix.errors import Unavailable

DAMAGE = frozenset({"empty", "unidentified", "truncated", "undecodable"})
"""Codes of PictureError that a file which was processed once does not have, unless it changed."""


@only_read
def picture(request: HttpRequest, path: str) -> HttpResponseBase:
    """GET /<cloud>/image/<type>/s--<sig>--/<chain>/v<version>/<public id>.<ext>.

    401 for a wrong signature, 400 for a path or chain outside the grammar, 404 where there is no such picture, 503
    where no slot gets free to render it (API: image rendering).
    """
    try:
        wanted = Wanted.parse(path, webp=accepts_webp(request))
        if wanted is None:
            return plain_text(HTTPStatus.BAD_REQUEST, "This is not the URL of a picture.")
        return redirect_to_one_spelling(request, path) or picture_response(request, wanted)
    except NotSigned:
        return plain_text(HTTPStatus.UNAUTHORIZED, "The signature is not valid.")
    except TransformationError as error:
        return plain_text(HTTPStatus.BAD_REQUEST, str(error))


def picture_response(request: HttpRequest, wanted: Wanted) -> HttpResponseBase:
    if wanted.public_id in signed_urls.PLACEHOLDERS and (wanted.kind, wanted.version) == ("authenticated", None):
        return placeholder(wanted)
    row = delivered_row(wanted)
    if row is None:
        return not_here()
    if wanted.transformation.is_original:
        return original_file(request, row)
    if row.processing_error:
        return placeholder(wanted)
    thumbnail = stored_variant(row, wanted)
    try:
        stored = stored_rendition(row, thumbnail) if thumbnail else None
        rendition = stored or derived_rendition(row, wanted)
    except Unavailable:
        if response := client_copy(request, thumbnail.digest if thumbnail else wanted.digest):
            return response
        raise
    return placeholder(wanted) if rendition is None else rendition_file(request, wanted, row, rendition)


def stored_rendition(row: Image, thumbnail: Thumbnail) -> WholeFile | None:
    """The file of a stored thumbnail, unless it is missing or damaged."""
    file = storage.opened(str(thumbnail.file))
    if file is not None and file.size == thumbnail.bytes:
        return WholeFile(str(thumbnail.file), file, thumbnail.digest, thumbnail.format)
    if file is not None:
        file.close()
    row.note_bad_thumbnail()
    return None


def derived_rendition(row: Image, wanted: Wanted) -> WholeFile | None:
    """The derived file, rendered where it is not stored; None where the original is missing, damaged or no picture."""
    key = derived_file_key(wanted.public_id, wanted.digest)
    try:
        file, extension = derived_file(wanted, row, key)
    except FaultyOriginal as error:
        row.note_original(error.fault)
        return None
    except PictureError as error:
        if row.processed and error.code in DAMAGE:
            row.note_original("damaged")
        return None
    return WholeFile(key, file, wanted.digest, extension)


def delivered_row(wanted: Wanted) -> Image | None:
    """The image whose original the URL names, the oldest of duplicates. An unclaimed upload of an organization
    becomes an unsaved Image: the answer to the upload contains its URL. Native ones, of none, are not shown."""
    named = {"delivery_id": wanted.public_id, "delivery_type": wanted.kind, "delivery_version": wanted.version}
    rows = Image.objects.delivered_as(wanted.public_id, wanted.kind, wanted.version).exclude(original="")
    if row := rows.order_by("created_at", "id").first():
        return row
    if wanted.version is None:
        return None
    waiting = Upload.objects.filter(public_id=wanted.public_id, type=wanted.kind, version=wanted.version)
    upload = waiting.filter(claimed_at=None).exclude(original="").exclude(organization=None).first()
    if upload is None:
        return None
    columns = ("filename", "format", "sha256", "original", "created_at")
    return Image(**{name: getattr(upload, name) for name in columns}, size=upload.bytes, **named)


def stored_variant(row: Image, wanted: Wanted) -> Thumbnail | None:
    """The thumbnail that was stored under exactly this chain, for the formats auto and jpg."""
    if wanted.transformation.format not in {"auto", "jpg"}:
        return None
    return row.thumbnails.filter(chain=str(wanted.transformation), format="jpg").first()
