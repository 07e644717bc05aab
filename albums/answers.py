"""The answers of the API about albums and single images (API: albums, X-access headers, image)."""

from typing import Any
from uuid import UUID

import orjson
from django.http import Http404
from rest_framework.response import Response

from accounts.tokens import SharinpixToken
from albums.models import Album
from albums.serializers import AlbumAnswer, album_serializer
from albums.uploads.forms import album_form
from images.models import Image
from images.syncs.reader import texts_of

COVERS = 4
"""Images in `thumbnails` of an album, the last one first."""
ACCESS = (
    "image_delete image_upload image_share image_rotate image_crop stats image_copy paste share "
    "image_duplicate create_tag image_download image_annotate fullscreen einstein_box"
).split()
BLANK_UNLESS_GRANTED = {"fullscreen", "einstein_box"}


def album_answer(token: SharinpixToken, public_id: str) -> dict[str, Any]:
    """The seven keys of an album; without images where it does not exist, or where the token may not list them."""
    images = Image.objects.visible_to(token).filter(album__public_id=public_id)
    latest = images.order_by("-position", "-created_at", "-id").values_list("id", flat=True)[:COVERS]
    upload = token.allows("image_upload", public_id)
    answer = AlbumAnswer(
        public_id=public_id,
        images_count=images.count(),
        upload_form=album_form(token, public_id) if upload else None,
        organization_id=token.organization_id,
        thumbnails=[orjson.Fragment(text) for text in texts_of(list(latest))],
    )
    return album_serializer().to_representation(answer)


def answer_creating_album(token: SharinpixToken, public_id: str) -> dict[str, Any]:
    """The same; an album that does not exist is made if the token may upload into it (API: albums).

    Raises ValidationError for an id that Album.check_public_id refuses.
    """
    if token.allows("image_upload", public_id):
        Album.objects.named(token.organization_id, public_id)
    return album_answer(token, public_id)


def access_headers(token: SharinpixToken, public_id: str) -> dict[str, str]:
    """X-access-<ability> in the published order: true, false, or of BLANK_UNLESS_GRANTED empty for false."""
    granted = token.shown_access(public_id)
    return {
        f"X-access-{name}": "true" if granted[name] else "" if name in BLANK_UNLESS_GRANTED else "false"
        for name in ACCESS
    }


def image_answer(image_id: UUID) -> Response:
    """An image as it is now, without the keys of a resync. Raises Http404 where it was deleted."""
    return Response(image_text(image_id))


def image_text(image_id: UUID) -> orjson.Fragment:
    """The text of an image, without the keys of a resync. Raises Http404 where it was deleted."""
    texts = texts_of([image_id])
    if not texts:
        raise Http404
    return orjson.Fragment(texts[0])
