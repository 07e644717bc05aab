"""An upload becomes a processed image: what is read off its original, and the thumbnails that are stored of it.

Works on an image that is handed in and its `thumbnails`; it knows no other row.
"""

import hashlib
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from django.core.files.storage import default_storage
from django.db import transaction

from images import storage, variants
from images.delivery import edit_of
from images.rendering import Examined, PictureError, Rendition, examine
from images.transformations import Transformation

if TYPE_CHECKING:
    from images.models import Image


def stored_transformations(edit: variants.Edit = variants.UNEDITED) -> dict[str, Transformation]:
    """What processing renders of every picture, by variant."""
    return {name: Transformation.parse(chain) for name, chain in variants.stored_chains(edit).items()}


def facts_of(examined: Examined) -> dict[str, Any]:
    """The columns of an image that its original decides."""
    lat, lng = examined.gps or (None, None)
    return {
        "format": examined.format,
        "size": examined.bytes,
        "sha256": examined.sha256,
        "exifs": examined.exifs,
        "gps_exifs_lat": lat,
        "gps_exifs_lng": lng,
        "taken_at": examined.taken_at,
        "width": examined.width,
        "height": examined.height,
        "original_width": examined.width,
        "original_height": examined.height,
        "color": examined.color,
        "processed": True,
        "processing_error": None,
    }


def rendered_again(image: "Image") -> dict[str, Rendition]:
    """The stored variants under the image's present edit; none where we hold no original or cannot decode it."""
    if not image.original:
        return {}
    try:
        with default_storage.open(str(image.original)) as original:
            return examine(cast(BinaryIO, original), stored_transformations(edit_of(image))).renditions
    except (FileNotFoundError, PictureError):
        return {}


def keep_thumbnails(image: "Image", renditions: Mapping[str, Rendition]) -> None:
    """Stores the renditions as the image's thumbnails in place of earlier ones, whose files go after commit.

    The files are written before the rows that name them.
    """
    chains = variants.stored_chains(edit_of(image))
    earlier = set(image.thumbnails.values_list("file", flat=True))
    kept = set()
    for variant, rendition in renditions.items():
        digest = hashlib.sha256(rendition.content).hexdigest()
        key = storage.thumbnail_key(str(image.pk), digest)
        storage.write(key, rendition.content)
        kept.add(key)
        image.thumbnails.update_or_create(
            variant=variant,
            defaults={
                "chain": chains[variant],
                "width": rendition.width,
                "height": rendition.height,
                "format": rendition.format,
                "bytes": len(rendition.content),
                "digest": digest,
                "file": key,
            },
        )
    if renditions:
        transaction.on_commit(partial(forget_thumbnails, image, earlier - kept))


def forget_thumbnails(image: "Image", keys: set[str]) -> None:
    """Removes files that no thumbnail of the image names: a later edit of the transaction may have come back to one."""
    if keys:
        storage.remove(keys - set(image.thumbnails.values_list("file", flat=True)))
