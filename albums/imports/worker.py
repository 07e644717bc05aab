"""What a child process does with one file of an imported folder (no Django: it starts anew in each child)."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from images.rendering import Examined, Limits, PictureError, examine
from images.transformations import Transformation


class Task(NamedTuple):
    """A file, and its path below the imported folder."""

    path: Path
    relative: str


class Known(NamedTuple):
    """The file was imported before."""


class Broken(NamedTuple):
    """The file is no picture that can be shown; the reason is a sentence."""

    reason: str
    unidentified: bool = False


class Photo(NamedTuple):
    examined: Examined
    import_key: str


Outcome = Photo | Known | Broken


def import_key(relative: str, sha256: str) -> str:
    """Names a file of a folder: SHA-256 over its relative path and its content's SHA-256."""
    return hashlib.sha256(f"{relative}\0{sha256}".encode("utf-8", "surrogateescape")).hexdigest()


class Bench(NamedTuple):
    """What every task of one import shares; handed to a child once, since an album knows many files."""

    known: frozenset[str]
    renditions: Mapping[str, Transformation]
    limits: Limits


bench: Bench | None = None


def prepare(shared: Bench) -> None:
    global bench
    bench = shared


def work_at_bench(task: Task) -> Outcome:
    assert bench is not None, "prepare() comes first"
    return work(task, bench)


def work(task: Task, bench: Bench) -> Outcome:
    try:
        with task.path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        key = import_key(task.relative, sha256)
        if key in bench.known:
            return Known()
        examined = examine(task.path, bench.renditions, limits=bench.limits)
    except PictureError as error:
        return Broken(str(error), error.code in {"empty", "unidentified"})
    except OSError as error:
        return Broken(error.strerror or "It cannot be read.")
    return Photo(examined, import_key(task.relative, examined.sha256))
