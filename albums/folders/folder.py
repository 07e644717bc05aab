"""Imports a folder of photographs into an album."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISREG

from django.core.files.base import File
from django.db import IntegrityError, transaction
from django.utils import timezone

from albums.folders.reading import Broken, Known, Photo, Task, outcomes
from albums.models import Album
from images.limits import picture_limits
from images.models import Image
from images.processing import work
from images.rendering import SUFFIXES
from images.storage import storage
from images.storage.keys import new_public_id, new_version, original_key
from images.uploads.filenames import display_name
from images.uploads.infos import infos_of


@dataclass
class FolderReport:
    """Counts of files by outcome; `broken` are (relative path, reason). `ignored` have no suffix of a picture."""

    added: int = 0
    known: int = 0
    ignored: int = 0
    broken: list[tuple[str, str]] = field(default_factory=list)


def natural(name: str) -> list[object]:
    """A sort key that places `Photo 2` before `Photo 10`, in any case."""
    return [(int(part), "") if part.isdecimal() else (-1, part.casefold()) for part in re.split(r"([0-9]+)", name)]


def files_of(folder: Path) -> list[Task]:
    """Every file below the folder in natural order of relative paths; hidden ones and linked folders are left out.

    A folder that cannot be listed is in the list itself: reading it fails, so that it is reported as broken.
    """
    found: list[Path] = []
    unlisted: list[OSError] = []
    for root, folders, names in os.walk(folder, onerror=unlisted.append):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = (Path(root) / name for name in names if not name.startswith("."))
        found += [path for path in paths if is_file(path)]
    found += [Path(error.filename) for error in unlisted]
    tasks = (Task(path, path.relative_to(folder).as_posix()) for path in found)
    return sorted(tasks, key=lambda task: natural(task.relative))


def is_file(path: Path) -> bool:
    """Whether it is a regular file, or cannot be examined: then reading it fails and is reported."""
    try:
        return S_ISREG(path.stat().st_mode)
    except OSError:
        return True


def import_folder(album: Album, tasks: list[Task], processes: int, progress: Callable[[], object]) -> FolderReport:
    """Adds the pictures that the album does not hold yet at its end, in the order of the tasks.

    `known` are files of the same relative path and content. A broken file is reported, and the next one follows.
    `progress` is called after each file.
    """
    report = FolderReport()
    keys = album.images.exclude(import_key=None).values_list("import_key", flat=True)
    known = frozenset(key for key in keys if key)
    for task, outcome in outcomes(tasks, processes, known, work.stored_transformations(), picture_limits()):
        match outcome:
            case Known():
                report.known += 1
            case Broken(reason, unidentified):
                if unidentified and task.path.suffix.lower() not in SUFFIXES:
                    report.ignored += 1
                else:
                    report.broken.append((task.relative, reason))
            case Photo():
                try:
                    added = add_photo(album, task, outcome)
                except FileNotFoundError as error:  # it was removed after it was examined
                    report.broken.append((task.relative, error.strerror or "It is gone."))
                else:
                    report.added += added
                    report.known += not added
        progress()
    return report


def add_photo(album: Album, task: Task, photo: Photo) -> bool:
    """Stores the original and thumbnails, then the rows. False where a concurrent import has added the same file."""
    public_id, version = new_public_id(), new_version()
    original = original_key(public_id)
    with task.path.open("rb") as file:
        storage.write(original, File(file))
    name = display_name(task.path.name)
    image = Image(
        album=album,
        filename=name,
        infos=infos_of(photo.examined, name, album.public_id, timezone.now()),
        delivery_id=public_id,
        delivery_version=version,
        original=original,
        import_key=photo.import_key,
    )
    image.set_from_original(photo.examined, photo.examined)
    thumbnails = work.store_thumbnails(image, photo.examined.renditions)
    try:
        with transaction.atomic():
            image.position = album.next_positions(1)[0]
            image.save(force_insert=True)
            image.keep_thumbnails(thumbnails)
            Image.objects.store_representations([image.pk])
    except IntegrityError:
        storage.remove([original, *(str(thumbnail.file) for thumbnail in thumbnails)])
        return False
    return True
