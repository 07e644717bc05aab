"""Reads an original's header, EXIF and digests, without decoding pixels."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from PIL import Image

from images.rendering import exif
from images.rendering.exif import JSON
from images.rendering.limits import Limits
from images.rendering.originals import upright
from images.rendering.sources import Source, format_of, opened, opened_file

_CHUNK = 1 << 20


@dataclass(frozen=True)
class FileFacts:
    """The facts about an original that need no pixel; picklable.

    `width` and `height` are pixels of the upright picture, `orientation` is EXIF's (1 to 8), `taken_at` is aware,
    `gps` is latitude and longitude in degrees, the digests are hex, `bytes` is the size of the file.
    """

    format: str
    width: int
    height: int
    orientation: int
    frames: int
    exifs: dict[str, JSON]
    taken_at: datetime | None
    gps: tuple[float, float] | None
    sha256: str
    md5: str
    bytes: int


def inspect(source: Source, *, limits: Limits) -> FileFacts:
    """The facts about an original. A picture that is cut short or damaged behind its header passes.

    Raises PictureError: empty, unidentified, too_large or too_many_frames.
    """
    with inspected(source, limits) as (_, found):
        return found


@contextmanager
def inspected(source: Source, limits: Limits) -> Iterator[tuple[Image.Image, FileFacts]]:
    """Context manager: the picture, its pixels not decoded yet, and its facts. Raises PictureError."""
    with opened_file(source) as file:
        sha256, md5, length = _digests(file)
        with opened(file, limits) as (image, frames):
            tags = exif.read_exif(image)
            orientation = exif.orientation(tags)
            width, height = upright(image, orientation)
            yield (
                image,
                FileFacts(
                    format=format_of(image),
                    width=width,
                    height=height,
                    orientation=orientation,
                    frames=frames,
                    exifs=exif.exif_tags(tags),
                    taken_at=exif.taken_at(tags),
                    gps=exif.gps(tags),
                    sha256=sha256,
                    md5=md5,
                    bytes=length,
                ),
            )


def _digests(file: BinaryIO) -> tuple[str, str, int]:
    """SHA-256 and MD5 in hex, and the length, read in pieces."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    file.seek(0)
    while chunk := file.read(_CHUNK):
        sha256.update(chunk)
        md5.update(chunk)
    return sha256.hexdigest(), md5.hexdigest(), file.tell()
