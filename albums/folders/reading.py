"""What becomes of the files of an imported folder: known, broken, or read (pure)."""

import hashlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from images.decoding import DecoderDied, examine
from images.decoding.processes import room_for
from images.delivery.transformations import Transformation
from images.rendering import Examined, Limits, PictureError


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


AHEAD = 4
"""Files in flight for each decoder: enough to keep all busy behind a slow one, few enough to hold in memory."""


def outcomes(
    tasks: Sequence[Task], processes: int, known: frozenset[str], chains: Mapping[str, Transformation], limits: Limits
) -> Iterator[tuple[Task, Outcome]]:
    """Each task with its outcome, in order, read by so many decoder processes at once.

    `known` are the import keys that the album has, `chains` the renditions to make.
    """
    room_for(processes)
    pending = deque[tuple[Task, Future[Outcome]]]()
    with ThreadPoolExecutor(processes) as threads:
        try:
            for task in tasks:
                pending.append((task, threads.submit(outcome_of, task, known, chains, limits)))
                if len(pending) >= processes * AHEAD:
                    yield pending[0][0], pending.popleft()[1].result()
            while pending:
                yield pending[0][0], pending.popleft()[1].result()
        finally:
            threads.shutdown(cancel_futures=True)


def outcome_of(task: Task, known: frozenset[str], chains: Mapping[str, Transformation], limits: Limits) -> Outcome:
    try:
        with task.path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        if import_key(task.relative, sha256) in known:
            return Known()
        examined = examine(task.path, chains, limits=limits)
    except DecoderDied:
        return Broken("Reading it killed the process.")
    except PictureError as error:
        return Broken(str(error), error.code in {"empty", "unidentified"})
    except OSError as error:
        return Broken(error.strerror or "It cannot be read.")
    return Photo(examined, import_key(task.relative, examined.sha256))
