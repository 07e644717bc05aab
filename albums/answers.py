"""What the API tells of an album and of an image that was just made (API: albums, create an image)."""

from typing import Any
from uuid import UUID

import orjson
from django.http import Http404, HttpResponse

from accounts.tokens import SharinpixToken
from albums.models import Album
from albums.uploads.forms import album_form
from images.models import Image
from images.reader import texts_of
from sharinpix.api import JSON_TYPE
from sharinpix.wire import dumps

COVERS = 4
"""Images that an album shows, its last ones first."""
ACCESS = (
    "image_delete image_upload image_share image_rotate image_crop stats image_copy paste share "
    "image_duplicate create_tag image_download image_annotate fullscreen einstein_box"
).split()
BLANK_UNLESS_GRANTED = {"fullscreen", "einstein_box"}


def album(token: SharinpixToken, public_id: str) -> dict[str, Any]:
    """The seven keys of an album, which need not exist: then, and for a token that may not list, it looks empty."""
    images = Image.objects.visible_to(token).filter(album__public_id=public_id)
    latest = images.order_by("-position", "-created_at", "-id").values_list("id", flat=True)[:COVERS]
    upload = token.allows("image_upload", public_id)
    return {
        "id": public_id,
        "public_id": public_id,
        "images_count": images.count(),
        "views_count": 0,
        "upload_form": album_form(token, public_id) if upload else None,
        "organization_id": str(token.organization_id),
        "thumbnails": [orjson.Fragment(text) for text in texts_of(list(latest))],
    }


def look_at(token: SharinpixToken, public_id: str) -> dict[str, Any]:
    """The same, made on first look by a token that may upload there: clients upload into albums that do not exist yet.

    Raises ValidationError for an unfit id.
    """
    if token.allows("image_upload", public_id):
        Album.objects.named(token.organization_id, public_id)
    return album(token, public_id)


def access_headers(token: SharinpixToken, public_id: str) -> dict[str, str]:
    """X-access-<ability> in the published order: true, false, or for two of them nothing."""
    granted = token.shown_access(public_id)
    return {
        f"X-access-{name}": "true" if granted[name] else "" if name in BLANK_UNLESS_GRANTED else "false"
        for name in ACCESS
    }


def json(value: Any) -> HttpResponse:
    return HttpResponse(dumps(value), content_type=JSON_TYPE)


def image(image_id: UUID) -> HttpResponse:
    """The 35 keys of an image as it is now. Raises Http404 where it has gone meanwhile."""
    return HttpResponse(image_text(image_id), content_type=JSON_TYPE)


def image_text(image_id: UUID) -> bytes:
    texts = texts_of([image_id])
    if not texts:
        raise Http404
    return texts[0]
