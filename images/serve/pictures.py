"""GET of an image URL: a picture, rendered on first demand (API: image URLs, image rendering)."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe

from images.delivery import signed_urls
from images.delivery.transformations import TransformationError
from images.models import Image, Thumbnail, Upload
from images.rendering import PictureError
from images.serve.answers import derived_picture, not_here, original_file, placeholder, plain_text
from images.serve.on_demand import rendered_file
from images.serve.wanted import NotSigned, Wanted, accepts_webp
from images.storage import storage
from images.storage.keys import derived_file_key


@require_safe
def picture(request: HttpRequest, path: str) -> HttpResponseBase:
    """GET /<cloud>/image/<type>/s--<sig>--/<chain>/v<version>/<public id>.<ext>.

    401 for a wrong signature, 400 for a path or chain outside the grammar, 404 where there is no such picture, 503
    where no slot gets free to render it (API: image rendering).
    """
    try:
        wanted = Wanted.parse(path, webp=accepts_webp(request))
        if wanted is None:
            return plain_text(HTTPStatus.BAD_REQUEST, "This is not the URL of a picture.")
        return picture_response(request, wanted)
    except NotSigned:
        return plain_text(HTTPStatus.UNAUTHORIZED, "The signature is not valid.")
    except TransformationError as error:
        return plain_text(HTTPStatus.BAD_REQUEST, str(error))


def picture_response(request: HttpRequest, wanted: Wanted) -> HttpResponseBase:
    if wanted.public_id in signed_urls.PLACEHOLDERS and wanted.version is None:
        return placeholder(wanted)
    row = delivered_row(wanted)
    if row is None:
        return not_here()
    if wanted.transformation.is_original:
        return original_file(request, row)
    if row.processing_error:
        return placeholder(wanted)
    if stored := stored_variant(row, wanted):
        file = str(stored.file)
        response = derived_picture(request, wanted, row.filename, stored.digest, file, lambda: storage.opened(file))
        if response.status_code != HTTPStatus.NOT_FOUND:  # a concurrent edit may have removed its file
            return response
    digest = wanted.digest
    key = derived_file_key(wanted.public_id, digest)
    try:
        return derived_picture(
            request, wanted, row.filename, digest, key, lambda: storage.opened(key) or rendered_file(wanted, row, key)
        )
    except PictureError:
        return placeholder(wanted)


def delivered_row(wanted: Wanted) -> Image | None:
    """The image whose original the URL names, the oldest of duplicates. An unclaimed upload becomes an unsaved Image:
    the answer to the upload contains its URL."""
    named = {"delivery_id": wanted.public_id, "delivery_type": wanted.kind, "delivery_version": wanted.version}
    rows = Image.objects.delivered_as(wanted.public_id, wanted.kind, wanted.version).exclude(original="")
    if row := rows.order_by("created_at", "id").first():
        return row
    if wanted.version is None:
        return None
    waiting = Upload.objects.filter(public_id=wanted.public_id, type=wanted.kind, version=wanted.version)
    upload = waiting.filter(claimed_at=None).exclude(original="").first()
    if upload is None:
        return None
    return Image(**{name: getattr(upload, name) for name in ("filename", "format", "sha256", "original")}, **named)


def stored_variant(row: Image, wanted: Wanted) -> Thumbnail | None:
    """The thumbnail that was stored under exactly this chain, for the formats auto and jpg."""
    if wanted.transformation.format not in {"auto", "jpg"}:
        return None
    return row.thumbnails.filter(chain=str(wanted.transformation), format="jpg").first()
