"""The steps of a sweep: sending due jobs again, and removing unclaimed uploads and files that no row names."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from itertools import islice
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from albums.imports.models import Import
from albums.uploads.models import DroppedUpload, StorageFile
from images.models import DiscardedFile, Image, Thumbnail
from images.querysets import abandoned_after
from images.storage import storage
from images.storage.cache import EVICTED_FOR, derived
from images.storage.keys import derived_folder
from images.uploads.models import Part, PartialUpload, Upload
from images.uploads.quotas import forget_usage
from sharinpix import queue

AT_ONCE = 1_000
"""Keys of files in one query."""
UNCLAIMED = timedelta(days=8)
"""The age at which an unclaimed upload is removed: an upload form is valid for a week, then a day for its client."""

DROPPED = timedelta(days=30)
"""The age at which a dropped entry of a native batch is deleted: what is older will not be looked at any more."""


def requeue() -> int:
    """Sends a job for every image and import that is due, as far as the broker's queue has room, or without a broker
    runs them here, one after the other. Returns how many."""
    images = Image.objects.waiting().order_by("created_at").values_list("pk", flat=True)
    edited = Image.objects.unrendered().order_by("created_at").values_list("pk", flat=True)
    due = Import.objects.waiting(timezone.now() - abandoned_after())
    imports = due.order_by("created_at").values_list("pk", flat=True)
    found, room = 0, queue.room_in_queue()
    jobs = (
        ("images.tasks.process_image", images),
        ("images.tasks.process_image", edited),
        ("albums.tasks.fetch_import", imports),
    )
    for task, keys in jobs:
        for key in list(keys[:room]):
            queue.send(task, str(key))
            found += 1
    return found


def remove_unclaimed() -> int:
    """Deletes uploads that were never claimed, with their files: a partial one after a day, a whole one after eight."""
    now = timezone.now()
    partial = PartialUpload.objects.filter(created_at__lt=now - timedelta(days=1))
    for parts in partial.filter(finished=None):
        files = list(parts.parts.values_list("file", flat=True))
        parts.delete()
        storage.remove(files)
    partial.exclude(finished=None).delete()
    StorageFile.objects.filter(upload=None, created_at__lt=now - UNCLAIMED).delete()
    removed = 0
    for upload in Upload.objects.filter(claimed_at=None, created_at__lt=now - UNCLAIMED):
        with transaction.atomic():
            # Locked, so that a concurrent claim either comes first or finds no upload.
            mine = Upload.objects.select_for_update(of=("self",)).filter(pk=upload.pk, claimed_at=None).first()
            if mine is None:
                continue
            mine.delete()
            if mine.original:
                DiscardedFile.objects.discard([mine.original, derived_folder(mine.public_id)])
        removed += 1
    return removed


def forget_dropped() -> None:
    """Deletes entries of native batches that staff have had a month to look at, and counts of days that are over."""
    DroppedUpload.objects.filter(created_at__lt=timezone.now() - DROPPED).delete()
    forget_usage()


def remove_discarded(grace: timedelta) -> int:
    """Removes the files whose rows were deleted or replaced longer than the grace ago, unless a row names them again.

    Returns how many.
    """
    removed, due = 0, DiscardedFile.objects.filter(discarded_at__lte=timezone.now() - grace).order_by("discarded_at")
    while keys := list(due.values_list("key", flat=True)[:AT_ONCE]):
        folders = {key: key.split("/")[1] for key in keys if key.endswith("/")}
        used = Image.objects.filter(delivery_id__in=folders.values()).values_list("delivery_id", flat=True)
        files = {key for key in keys if key not in folders}
        files -= named(files)
        storage.remove(files)
        for folder in (folder for folder, public_id in folders.items() if public_id not in set(used)):
            storage.remove_folder(folder.rstrip("/"))
        DiscardedFile.objects.filter(key__in=keys).delete()
        removed += len(files)
    return removed


def remove_files(grace: timedelta) -> int:
    """Removes every file that nothing needs any more since longer than the grace; returns how many."""
    evicted = derived.trim(min(grace, EVICTED_FOR))
    return remove_discarded(grace) + remove_unknown(grace) + remove_incoming(grace) + evicted


def remove_unknown(grace: timedelta) -> int:
    """Removes files that no row names and that are older than the grace: the row of a new file may not be saved yet.

    Those whose row is gone since less than the grace stay too. Returns how many.
    """
    oldest = timezone.now() - grace
    removed = 0
    for prefix, known in KNOWN.items():
        old = (key for key, written in storage.files(prefix) if written < oldest)
        for keys in key_batches(old):
            unknown = set(keys) - known(keys)
            unknown -= set(DiscardedFile.objects.filter(key__in=unknown).values_list("key", flat=True))
            storage.remove(unknown)
            removed += len(unknown)
    return removed


def remove_incoming(grace: timedelta) -> int:
    """Removes temporary files of this host that are older than the grace: a killed process left them."""
    oldest = (timezone.now() - grace).timestamp()
    removed = 0
    for path in Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir():
        with suppress(FileNotFoundError):  # its request has ended
            if path.stat().st_mtime < oldest:
                path.unlink()
                removed += 1
    return removed


def originals(keys: list[str]) -> set[str]:
    """Those of the keys that an image, an upload or an announced storage file names.

    Rows without an original are excluded although no key is empty: else PostgreSQL does not see for a list of more than
    a hundred keys that the indexes of originals, which leave those rows out, hold all that is asked for.
    """
    announced = StorageFile.objects.filter(delivery_id__in=[key.rpartition("/")[2] for key in keys])
    images = Image.objects.filter(original__in=keys).exclude(original="").values_list("original", flat=True)
    uploads = Upload.objects.filter(original__in=keys).exclude(original="").values_list("original", flat=True)
    return {*images, *uploads, *(file.key for file in announced)}


def thumbnails(keys: list[str]) -> set[str]:
    return set(Thumbnail.objects.filter(file__in=keys).values_list("file", flat=True))


def parts(keys: list[str]) -> set[str]:
    return set(Part.objects.filter(file__in=keys).values_list("file", flat=True))


KNOWN = {"originals": originals, "thumbnails": thumbnails, "parts": parts}
"""Folder of the storage -> the function that finds the keys that rows name."""


def named(keys: Iterable[str]) -> set[str]:
    """Those of the keys that some row names."""
    found: set[str] = set()
    for prefix, known in KNOWN.items():
        found |= known([key for key in keys if key.startswith(f"{prefix}/")])
    return found


def key_batches(keys: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(keys)
    while batch := list(islice(iterator, AT_ONCE)):
        yield batch
