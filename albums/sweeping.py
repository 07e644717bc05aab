"""What dead processes leave behind: work that nobody does, uploads that nobody came for, files that no row knows."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from itertools import islice
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from albums import tasks
from albums.imports.models import Import
from albums.uploads.models import StorageFile
from images import storage
from images.models import Image, Thumbnail
from images.processing import abandoned_after
from images.tasks import process
from images.uploads.models import Part, PartialUpload, Upload
from sharinpix import queue

AT_ONCE = 1_000
"""Keys that one query asks for."""
UNCLAIMED = timedelta(days=8)
"""How long an upload waits for its image: an upload form is good for a week, and its client may be offline."""


def requeue() -> int:
    """Sends every image and import that is due to the workers, as far as their queue has room, or where there are no
    workers does them here, one after the other. How many there were is returned."""
    images = Image.objects.waiting().order_by("created_at").values_list("pk", flat=True)
    due = Import.objects.waiting(timezone.now() - abandoned_after())
    imports = due.order_by("created_at").values_list("pk", flat=True)
    found, room = 0, queue.room()
    for task, keys in ((process, images), (tasks.fetch, imports)):
        for key in list(keys[:room]):
            queue.send(task, str(key))
            found += 1
    return found


def remove_unclaimed() -> int:
    """Deletes uploads that nobody came for, with their files: a partial one after a day, a whole one after eight."""
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
            # A claim of this very moment comes first, or finds nothing.
            mine = Upload.objects.select_for_update(of=("self",)).filter(pk=upload.pk, claimed_at=None).first()
            if mine is None:
                continue
            mine.delete()
        storage.remove([upload.original] if upload.original else [])
        removed += 1
    return removed


def remove_unknown(grace: timedelta) -> int:
    """Removes files that no row knows and that are older than the grace: a younger one's row may be on its way."""
    oldest = timezone.now() - grace
    removed = 0
    for prefix, known in KNOWN.items():
        old = (key for key, written in storage.files(prefix) if written < oldest)
        for keys in batches(old):
            unknown = set(keys) - known(keys)
            storage.remove(unknown)
            removed += len(unknown)
    return removed


def remove_incoming(grace: timedelta) -> int:
    """Removes what a killed process had begun to receive on this host."""
    oldest = (timezone.now() - grace).timestamp()
    removed = 0
    for path in Path(settings.FILE_UPLOAD_TEMP_DIR).iterdir():
        with suppress(FileNotFoundError):  # a request has ended meanwhile
            if path.stat().st_mtime < oldest:
                path.unlink()
                removed += 1
    return removed


def originals(keys: list[str]) -> set[str]:
    announced = StorageFile.objects.filter(delivery_id__in=[key.rpartition("/")[2] for key in keys])
    images = Image.objects.filter(original__in=keys).values_list("original", flat=True)
    uploads = Upload.objects.filter(original__in=keys).values_list("original", flat=True)
    return {*images, *uploads, *(file.key for file in announced)}


def thumbnails(keys: list[str]) -> set[str]:
    return set(Thumbnail.objects.filter(file__in=keys).values_list("file", flat=True))


def parts(keys: list[str]) -> set[str]:
    return set(Part.objects.filter(file__in=keys).values_list("file", flat=True))


KNOWN = {"originals": originals, "thumbnails": thumbnails, "parts": parts}


def batches(keys: Iterable[str]) -> Iterator[list[str]]:
    iterator = iter(keys)
    while batch := list(islice(iterator, AT_ONCE)):
        yield batch
