"""The work of a child process on one file of an imported folder (no Django, which each child would load)."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from images.delivery.transformations import Transformation
from images.rendering import Examined, Limits, PictureError, examine


class Task(NamedTuple):
    """A file: its path, and its path relative to the imported folder."""

    path: Path
    relative: str


class Known(NamedTuple):
    """The album has the file already."""


class Broken(NamedTuple):
    """The file cannot be rendered; the reason is a sentence. `unidentified` says that it is no picture."""

    reason: str
    unidentified: bool = False


class Photo(NamedTuple):
    """A new picture."""

    examined: Examined
    import_key: str


Outcome = Photo | Known | Broken


def import_key(relative: str, sha256: str) -> str:
    """Identifies a file of a folder: SHA-256 in hex over its relative path and its content's SHA-256."""
    return hashlib.sha256(f"{relative}\0{sha256}".encode("utf-8", "surrogateescape")).hexdigest()


class SharedInput(NamedTuple):
    """The input that all tasks of one import share; sent to a child once, since `known` may be long."""

    known: frozenset[str]
    renditions: Mapping[str, Transformation]
    limits: Limits


shared_input: SharedInput | None = None


def prepare(shared: SharedInput) -> None:
    """Initializes a child process for `run_task`."""
    global shared_input
    shared_input = shared


def run_task(task: Task) -> Outcome:
    """The outcome of a task in a child process that `prepare` has initialized."""
    assert shared_input is not None, "prepare() comes first"
    return outcome_of(task, shared_input)


def outcome_of(task: Task, shared: SharedInput) -> Outcome:
    try:
        with task.path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        key = import_key(task.relative, sha256)
        if key in shared.known:
            return Known()
        examined = examine(task.path, shared.renditions, limits=shared.limits)
    except PictureError as error:
        return Broken(str(error), error.code in {"empty", "unidentified"})
    except OSError as error:
        return Broken(error.strerror or "It cannot be read.")
    return Photo(examined, import_key(task.relative, examined.sha256))
