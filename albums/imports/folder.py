"""Reads a folder of photographs into an album."""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_ISREG

from django.core.files.base import File
from django.db import IntegrityError, transaction
from django.utils import timezone

from albums.imports.pool import Pool
from albums.imports.worker import Bench, Broken, Known, Photo, Task
from albums.models import Album
from images import infos, processing, storage
from images.filenames import display_name
from images.models import Image

PICTURE_SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .apng .webp .avif .gif .tif .tiff .bmp .dib .heic .heif .hif".split()
)


@dataclass
class Report:
    """What became of the files. `ignored` are files that neither are pictures nor claim to be."""

    added: int = 0
    known: int = 0
    ignored: int = 0
    broken: list[tuple[str, str]] = field(default_factory=list)


def natural(name: str) -> list[object]:
    """Sorts `Photo 2` before `Photo 10`, whatever the case."""
    return [(int(part), "") if part.isdecimal() else (-1, part.casefold()) for part in re.split(r"([0-9]+)", name)]


def files_of(folder: Path) -> list[Task]:
    """Every file below the folder in natural order of relative paths; hidden ones and linked folders are left out.

    A folder that cannot be listed stands for what is in it: reading it fails, and so it is reported.
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
    """Whether it is a file (no pipe, no device), or may be one: whoever reads it is told why that cannot be seen."""
    try:
        return S_ISREG(path.stat().st_mode)
    except OSError:
        return True


def import_folder(album: Album, tasks: list[Task], processes: int, progress: Callable[[], object]) -> Report:
    """Adds the pictures that the album does not hold yet behind those that it does, in the order of the tasks.

    Known are files of the same relative path and content. A broken file is reported and stops nothing.
    """
    report = Report()
    keys = album.images.exclude(import_key=None).values_list("import_key", flat=True)
    known = frozenset(key for key in keys if key)
    for task, outcome in outcomes(tasks, processes, known):
        match outcome:
            case Known():
                report.known += 1
            case Broken(reason, unidentified):
                if unidentified and task.path.suffix.lower() not in PICTURE_SUFFIXES:
                    report.ignored += 1
                else:
                    report.broken.append((task.relative, reason))
            case Photo():
                try:
                    added = add(album, task, outcome)
                except FileNotFoundError as error:  # it went after it was examined
                    report.broken.append((task.relative, error.strerror or "It is gone."))
                else:
                    report.added += added
                    report.known += not added
        progress()
    return report


def outcomes(tasks: list[Task], processes: int, known: frozenset[str]) -> Iterator[tuple[Task, object]]:
    if not tasks:
        return iter(())
    bench = Bench(known, processing.stored_transformations(), processing.limits())
    return Pool(min(processes, len(tasks)), bench).run(tasks)


def add(album: Album, task: Task, photo: Photo) -> bool:
    """Stores the original, then the row with its thumbnails. False when another import was faster."""
    public_id, version = storage.new_public_id(), storage.new_version()
    original = storage.original_key(public_id)
    with task.path.open("rb") as file:
        storage.write(original, File(file))
    name = display_name(task.path.name)
    image = Image(
        album=album,
        filename=name,
        infos=infos.of_upload(photo.examined, name, album.public_id, timezone.now()),
        delivery_id=public_id,
        delivery_version=version,
        original=original,
        import_key=photo.import_key,
        **processing.facts_of(photo.examined),
    )
    thumbnails = processing.store_thumbnails(image, photo.examined.renditions)
    try:
        with transaction.atomic():
            image.position = album.next_positions(1)[0]
            image.save(force_insert=True)
            processing.keep_thumbnails(image, thumbnails)
            Image.objects.refresh([image.pk])
    except IntegrityError:
        storage.remove([original, *(str(thumbnail.file) for thumbnail in thumbnails)])
        return False
    return True
