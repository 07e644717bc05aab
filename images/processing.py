"""An upload becomes a processed image: what is read off its original, and the thumbnails that are stored of it.

The queue is the table: an image with an original of ours, not processed and without an error, is work. Whoever works
claims the row first, and the attempt is committed before anything is decoded: a file that kills its worker is tried
three times, and nothing is processed twice at once.
"""

import hashlib
import secrets
from collections.abc import Mapping
from datetime import timedelta
from math import inf
from typing import TYPE_CHECKING, Any, BinaryIO, cast
from uuid import UUID

from django.apps import apps
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F
from django.utils import timezone
from rest_framework.exceptions import APIException

from images import publication, storage, variants
from images.delivery import edit_of
from images.rendering import Examined, Limits, PictureError, Rendition, examine
from images.transformations import Transformation
from sharinpix import faults
from sharinpix.locks import FileLock

if TYPE_CHECKING:
    from images.models import Image, Thumbnail

ATTEMPTS = 3
"""Times that a file may kill its worker."""
SLOT_WAIT = 30  # seconds
TROUBLE = (OSError, APIException, OperationalError, InterfaceError, publication.Failed, KeyboardInterrupt, SystemExit)
"""What says nothing about the file: the storage or the database does not answer (APIException is how the storage says
so), Cloudinary does not, or the process is asked to end."""


def stored_transformations(edit: variants.Edit = variants.UNEDITED) -> dict[str, Transformation]:
    """What processing renders of every picture, by variant."""
    return {name: Transformation.parse(chain) for name, chain in variants.stored_chains(edit).items()}


def limits() -> Limits:
    """How large a picture may be that this server decodes."""
    return Limits(pixels=settings.MAX_MEGAPIXELS * 1_000_000, frames=settings.MAX_FRAMES)


def facts_of(examined: Examined) -> dict[str, Any]:
    """The columns of an unedited image that its original decides."""
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
        "palette": examined.palette,
        "phash": examined.phash,
        "processed": True,
        "processing_error": None,
    }


def process(image_id: str | UUID) -> bool:
    """Processes an image that is work; False where it is none, somebody else works on it, or no slot gets free.

    What cannot be decoded keeps its original and gets a `processing_error`, "<code>: <sentence>". Trouble of the
    storage, the database or Cloudinary is raised, and the attempt not counted. It counts whenever anything else goes
    wrong, since that may be the file's fault.
    """
    # The claim comes after the slot: one that waits would run out while nothing is done.
    with FileLock(*slots(), wait=SLOT_WAIT) as free:
        claim = claimed(image_id) if free else None
        if claim is not None:
            work(claim)
    return claim is not None


def work(claim: "Image") -> None:
    if claim.processing_attempts > ATTEMPTS:
        fail(claim, "poison", f"Reading the file killed its worker {ATTEMPTS} times.")
        return
    try:
        examined = examined_original(claim, stored_transformations(edit_of(claim)))
        version = publication.publish(claim) if settings.DELIVERY == "cloudinary" else None
        finish(claim, examined, version)
    except PictureError as error:
        fail(claim, error.code, str(error))
    except publication.Rejected as error:
        fail(claim, "publication", str(error))
    except FileNotFoundError:
        fail(claim, "missing", "The original is not in the storage.")
    except TROUBLE:
        release(claim)
        raise


def abandoned_after() -> timedelta:
    """After so long a claim is a dead worker's: no task may run that long. Hosts whose clocks differ by more may
    work on one image at once, of which the last to claim it counts."""
    return timedelta(seconds=settings.PROCESSING_TIMEOUT + 5)


def slots() -> list[str]:
    """Pictures that all processes of this host decode at once, each of which takes hundreds of megabytes."""
    return [f"process-{slot}" for slot in range(settings.WEB_CONCURRENCY)]


def claimed(image_id: str | UUID) -> "Image | None":
    """The image, if it is work that nobody does; the attempt is committed."""
    one, now = image_class().objects.filter(pk=image_id), timezone.now()
    one.waiting().update(processing_since=now, processing_attempts=F("processing_attempts") + 1)
    return one.filter(processed=False, processing_since=now).first()


def release(claim: "Image") -> None:
    """Gives the claim back: the attempt was not the file's fault."""
    mine(claim).update(processing_since=None, processing_attempts=F("processing_attempts") - 1)


def mine(claim: "Image") -> Any:
    """The row, as long as the claim is still this one's."""
    return image_class().objects.filter(pk=claim.pk, processed=False, processing_since=claim.processing_since)


def examined_original(image: "Image", chains: Mapping[str, Transformation]) -> Examined:
    """From a slot only. Raises PictureError, and FileNotFoundError without the original."""
    with default_storage.open(str(image.original)) as original:
        return examine(cast(BinaryIO, original), chains, limits=limits())


def finish(claim: "Image", examined: Examined, version: int | None) -> None:
    """Writes what was found, unless the image has gone or somebody else's claim has taken over."""
    thumbnails = store_thumbnails(claim, examined.renditions)
    with claim.changing():
        image = mine(claim).first()
        if image is not None:
            image.delivery_version = version or image.delivery_version
            image.learn(examined, "delivery_version")
        settle(claim, image, thumbnails)


def fail(claim: "Image", code: str, sentence: str) -> None:
    with claim.changing():
        image = mine(claim).first()
        if image is not None:
            image.processed, image.processing_error = True, f"{code}: {sentence}"
            image.changed("processed", "processing_error")


def image_class() -> "type[Image]":
    return apps.get_model("images", "Image")  # models imports this module


def rerender(image: "Image") -> None:
    """Renders the stored thumbnails anew. Raises PictureError, and FileNotFoundError without the original."""
    with FileLock(*slots(), wait=inf):
        examined = examined_original(image, stored_transformations(edit_of(image)))
    thumbnails = store_thumbnails(image, examined.renditions)
    with image.changing():
        settle(image, image_class().objects.filter(pk=image.pk).first(), thumbnails)


def reread(image: "Image") -> None:
    """Reads off the original what the image tells of it, edits aside. Raises as rerender does."""
    with FileLock(*slots(), wait=inf):
        examined = examined_original(image, {})
    with image.changing():
        # One that has become work again is read by whoever does it.
        row = image_class().objects.filter(pk=image.pk, processed=True, processing_error=None).first()
        if row is not None:
            row.learn(examined)


def rendered_again(image: "Image") -> "list[Thumbnail]":
    """Thumbnails of the image's present edit, for keep_thumbnails; none where we hold no original or cannot decode it,
    or no slot gets free. Delivery renders what is missing."""
    if not image.original:
        return []
    with FileLock(*slots(), wait=SLOT_WAIT) as free:
        try:
            chains = stored_transformations(edit_of(image))
            renditions = examined_original(image, chains).renditions if free else {}
        except (FileNotFoundError, PictureError):
            return []
    return store_thumbnails(image, renditions)


def store_thumbnails(image: "Image", renditions: Mapping[str, Rendition]) -> "list[Thumbnail]":
    """Stores the renditions as files and returns the rows that are to name them, for keep_thumbnails or settle.

    No transaction should be open, since SQLite would keep all other writers waiting for the disk. Every file has a key
    of its own, so that whoever replaces or drops it takes it from nobody else.
    """
    chains, made = variants.stored_chains(edit_of(image)), []
    for variant, rendition in renditions.items():
        key = storage.thumbnail_key(str(image.pk), secrets.token_hex(16))
        storage.write(key, rendition.content)
        faults.point("mid_thumbnails", str(image.pk))
        made.append(
            image.thumbnails.model(
                image_id=image.pk,
                variant=variant,
                chain=chains[variant],
                width=rendition.width,
                height=rendition.height,
                format=rendition.format,
                bytes=len(rendition.content),
                digest=hashlib.sha256(rendition.content).hexdigest(),
                file=key,
            )
        )
    return made


def keep_thumbnails(image: "Image", thumbnails: "list[Thumbnail]") -> None:
    """Makes these the image's thumbnails, in the transaction of a change; the files of earlier ones go after it."""
    forget(list(image.thumbnails.all()))
    image.thumbnails.all().delete()
    image.thumbnails.bulk_create(thumbnails)


def settle(rendered: "Image", row: "Image | None", thumbnails: "list[Thumbnail]") -> None:
    """Keeps the thumbnails if the locked row still has the edit that they were rendered under. An edit of meanwhile has
    made its own."""
    if row is not None and edit_of(row) == edit_of(rendered):
        keep_thumbnails(row, thumbnails)
    else:
        forget(thumbnails)


def forget(thumbnails: "list[Thumbnail]") -> None:
    """Removes the files after commit."""
    keys = [str(thumbnail.file) for thumbnail in thumbnails]
    transaction.on_commit(lambda: storage.remove(keys), robust=True)  # a partial has no name for Django to log
