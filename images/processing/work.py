"""Processing: reads an original, stores its thumbnails, and writes the columns of its image.

The table is the queue: images with a stored original and no error that are not processed, or that lack stored
thumbnails since an edit. A worker claims the row first, and the attempt is committed before anything is decoded: a file
that kills its worker is tried three times, and no image is processed by two workers at once.
"""

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from math import inf
from typing import BinaryIO, cast
from uuid import UUID, uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Greatest
from django.utils import timezone

from images.decoding import DecoderDied, examine, read_pixels
from images.delivery import variants
from images.delivery.signed_urls import edit_of
from images.delivery.transformations import Transformation
from images.limits import decoding_slots, picture_limits
from images.models import FaultyOriginal, Image, Thumbnail
from images.processing import publication
from images.querysets import abandoned_after
from images.rendering import Examined, PictureError, PixelFacts, Rendition
from images.storage import storage
from images.storage.keys import thumbnail_key
from sharinpix import crash_points, errors
from sharinpix.locks import FileLock
from sharinpix.outages import DATABASE_ERRORS, until_back

ATTEMPTS = 3
"""Times that a file may kill its worker."""
SLOT_WAIT = 30  # seconds
TROUBLE = (
    OSError,
    errors.Unavailable,
    errors.Full,
    *DATABASE_ERRORS,
    publication.NotAnswering,
    KeyboardInterrupt,
    SystemExit,
)
"""Not the file's fault: storage, database or Cloudinary does not answer, or the process ends."""


def stored_transformations(edit: variants.Edit = variants.UNEDITED) -> dict[str, Transformation]:
    """The transformations of the stored variants under an edit, by variant."""
    return {name: Transformation.parse(chain) for name, chain in variants.stored_chains(edit).items()}


def process(image_id: str | UUID, *, inspected: bool = False) -> bool:
    """Processes an image, or renders its missing thumbnails; False where neither is due, or no slot gets free.

    With `inspected` the row has the FileFacts already: they were read when the upload arrived. A file that cannot be
    decoded keeps its original and gets a `processing_error`, "<code>: <sentence>" (API: image). An exception of TROUBLE
    is raised, and the attempt is not counted; with any other exception it counts, since the file may be the cause.
    """
    # The claim comes after the slot: while waiting for a slot it could expire.
    with FileLock(*decoding_slots(), wait=SLOT_WAIT) as free:
        claim = claim_for_processing(image_id) if free else None
        if claim is not None:
            try:
                perform(claim, inspected=inspected)
            except TROUBLE:
                release(claimed_row(claim))
                raise
    return claim is not None


def perform(claim: Image, *, inspected: bool) -> None:
    if claim.processing_attempts > ATTEMPTS:
        fail(claim, "poison", f"Reading the file killed its worker {ATTEMPTS} times.")
        return
    try:
        if claim.processed or inspected:
            pixel_facts, file_facts = pixel_facts_of_original(claim), None
        else:
            pixel_facts = file_facts = examined_original(claim, stored_transformations(edit_of(claim)))
        publishes = settings.DELIVERY == "cloudinary" and not claim.processed
        finish(claim, file_facts, pixel_facts, publication.publish(claim) if publishes else None)
    except DecoderDied:  # as a worker that a file killed: it is tried again, ATTEMPTS times in all
        raise
    except PictureError as error:
        fail(claim, error.code, str(error))
    except publication.Rejected as error:
        fail(claim, "publication", str(error))
    except FaultyOriginal as error:
        claim.note_original(error.fault)
        fail(claim, error.fault, str(error))


def claim_for_processing(image_id: str | UUID) -> Image | None:
    """The claimed image, its attempt counted and committed; None where it is not due, or claimed by another worker."""
    one, claim_id = Image.objects.filter(pk=image_id), uuid4()
    due, claimed = one.waiting() | one.unrendered(), one.filter(processing_claim=claim_id)
    try:
        due.update(
            processing_claim=claim_id,
            processing_since=timezone.now(),
            processing_attempts=F("processing_attempts") + 1,
        )
        return claimed.first()
    except DATABASE_ERRORS:
        release(claimed)  # it may have been committed all the same
        raise


def release(claimed: QuerySet[Image]) -> None:
    """Ends the claim without counting the attempt: at once, or while the database is away as soon as it is back."""
    attempts = Greatest(F("processing_attempts") - 1, 0)  # an edit during the attempt has begun to count anew
    columns = {"processing_claim": None, "processing_since": None, "processing_attempts": attempts}
    until_back(lambda: claimed.update(**columns), abandoned_after())


def claimed_row(claim: Image) -> QuerySet[Image]:
    """A queryset of the image's row, empty once the claim has ended."""
    return Image.objects.filter(pk=claim.pk, processed=claim.processed, processing_claim=claim.processing_claim)


def examined_original(image: Image, chains: Mapping[str, Transformation]) -> Examined:
    """Everything about the original, with a rendition of each chain. The caller holds a decoding slot.

    Raises PictureError and FaultyOriginal.
    """
    with image.open_original() as original:
        return examine(cast(BinaryIO, original), chains, limits=picture_limits())


def pixel_facts_of_original(image: Image) -> PixelFacts:
    """What the original looks like, with the thumbnails of the image's present edit. From a slot only.

    Raises PictureError and FaultyOriginal.
    """
    with image.open_original() as original:
        return read_pixels(cast(BinaryIO, original), stored_transformations(edit_of(image)), limits=picture_limits())


def finish(claim: Image, file_facts: Examined | None, pixel_facts: PixelFacts, version: int | None) -> None:
    """Stores thumbnails and columns, unless the image was deleted or the claim has ended.

    `version` is the one of the original at Cloudinary, where it was published.
    """
    thumbnails = store_thumbnails(claim, pixel_facts.renditions)
    if claim.processed:
        keep_if_current(claim, thumbnails)
        claimed_row(claim).update(processing_claim=None, processing_since=None)
        return
    with claim.changing():
        image = claimed_row(claim).first()
        if image is not None:
            image.delivery_version = version or image.delivery_version
            image.processing_claim = image.processing_since = None
            read = image.set_from_original(file_facts, pixel_facts)
            image.save_fields("delivery_version", "processing_claim", "processing_since", *read)
        keep_or_remove(claim, image, thumbnails)


def fail(claim: Image, code: str, sentence: str) -> None:
    """Marks what cannot be decoded. Of an image that was processed before, its thumbnails alone are given up: pictures
    are rendered on demand, as soon as its original can be read again."""
    if claim.processed:
        claimed_row(claim).update(processing_claim=None, processing_since=None, thumbnails_due=False)
        return
    with claim.changing():
        image = claimed_row(claim).first()
        if image is not None:
            image.processed, image.processing_error = True, f"{code}: {sentence}"
            image.thumbnails_due, image.processing_claim, image.processing_since = False, None, None
            ended = ("thumbnails_due", "processing_claim", "processing_since")
            image.save_fields("processed", "processing_error", *ended)


def rerender(image: Image) -> None:
    """Renders the stored thumbnails again. Raises PictureError and FaultyOriginal, which staff see then."""
    with noting_faults(image), FileLock(*decoding_slots(), wait=inf):
        pixel_facts = pixel_facts_of_original(image)
    keep_if_current(image, store_thumbnails(image, pixel_facts.renditions))


def reread(image: Image) -> None:
    """Reads the columns that the original decides again; thumbnails stay. Raises as rerender does.

    The pixels are decoded as for thumbnails, since colours and hash depend on how far a decoder shrinks.
    """
    with noting_faults(image), FileLock(*decoding_slots(), wait=inf):
        examined = examined_original(image, stored_transformations())
    with image.changing():
        # One that is to be processed again is read by its worker.
        row = Image.objects.filter(pk=image.pk, processed=True, processing_error=None).first()
        if row is not None:
            row.save_fields(*row.set_from_original(examined, examined))


@contextmanager
def noting_faults(image: Image) -> Iterator[None]:
    """The block opens the original: staff see what it finds wrong with the file, or that nothing is any more."""
    try:
        yield
    except FaultyOriginal as error:
        image.note_original(error.fault)
        raise
    image.note_original(None)


def store_thumbnails(image: Image, renditions: Mapping[str, Rendition]) -> list[Thumbnail]:
    """Stores the renditions as files and returns unsaved rows for them.

    No transaction should be open, since SQLite would keep all other writers waiting for the disk. Each file has a new
    key, so that no other row names it.
    """
    chains, made = variants.stored_chains(edit_of(image)), []
    for variant, rendition in renditions.items():
        key = thumbnail_key(str(image.pk), secrets.token_hex(16))
        storage.write(key, rendition.content)
        crash_points.crash_point("mid_thumbnails", str(image.pk))
        made.append(
            Thumbnail(
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


def keep_if_current(rendered: Image, thumbnails: list[Thumbnail]) -> None:
    """`keep_or_remove` under the lock of the row alone: thumbnails do not change the text of the representation."""
    with transaction.atomic():
        row = Image.objects.select_for_update(of=("self",), no_key=True).filter(pk=rendered.pk).first()
        keep_or_remove(rendered, row, thumbnails)


def keep_or_remove(rendered: Image, row: Image | None, thumbnails: list[Thumbnail]) -> None:
    """Saves the thumbnails if the locked row still has the edit that they were rendered under. After a newer edit, or
    where the row was deleted, their files are removed."""
    if row is not None and edit_of(row) == edit_of(rendered):
        row.keep_thumbnails(thumbnails)
    else:
        files = [str(thumbnail.file) for thumbnail in thumbnails]
        transaction.on_commit(lambda: storage.remove(files), robust=True)
