"""Rendering one chain, and all that processing wants to know about an original."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from PIL import Image

from images import metadata
from images.metadata import JSON
from images.rendering.colours import dominant
from images.rendering.encoding import MAX_SIDES, Rendition, encoded, output_format
from images.rendering.geometry import Plan, bounded
from images.rendering.originals import Original
from images.rendering.sources import Limits, Source, format_of, opened, opened_file
from images.transformations import Transformation

_DEFAULT_LIMITS = Limits()
_COLOUR_ONLY = Transformation.parse("c_fit,h_100,w_100")
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Examined:
    """The facts about an original and its renditions; picklable.

    `width` and `height` are pixels of the upright picture, `orientation` is EXIF's (1 to 8), `gps` is latitude and
    longitude in degrees, `color` is "#RRGGBB", the digests are hex, `bytes` is the size of the file.
    """

    format: str
    width: int
    height: int
    orientation: int
    frames: int
    exifs: dict[str, JSON]
    taken_at: datetime | None
    gps: tuple[float, float] | None
    camera: str | None
    color: str
    sha256: str
    md5: str
    bytes: int
    renditions: dict[str, Rendition]


def render(
    source: Source, transformation: Transformation, *, extension: str, webp: bool, limits: Limits = _DEFAULT_LIMITS
) -> Rendition:
    """The picture that a chain makes of an original.

    `extension` names the format where the chain does not, `webp` says whether f_auto may be WebP. Raises
    PictureError for the source, TransformationError for an extension that is no format.
    """
    with opened_file(source) as file, opened(file, limits) as (image, _):
        orientation = metadata.orientation(metadata.read_exif(image))
        original = Original(image, orientation, [transformation])
        return _rendition(original, original.plans[0], transformation, extension, webp)[0]


def examine(source: Source, renditions: Mapping[str, Transformation], *, limits: Limits = _DEFAULT_LIMITS) -> Examined:
    """What an original is, says and looks like under each chain, from one decode.

    Renditions are JPEG unless their chain says otherwise. Raises PictureError.
    """
    with opened_file(source) as file:
        sha256, md5, length = _digests(file)
        with opened(file, limits) as (image, frames):
            exif = metadata.read_exif(image)
            # Read before the pixels are: a TIFF's tags are read from its file, and decoding moves it.
            exifs, orientation = metadata.exif_tags(exif), metadata.orientation(exif)
            taken_at, gps, camera = metadata.taken_at(exif), metadata.gps(exif), metadata.camera(exif)
            original = Original(image, orientation, [*renditions.values(), _COLOUR_ONLY][: len(renditions) or 1])
            made, smallest = _renditions(original, renditions)
            return Examined(
                format=format_of(image),
                width=original.size[0],
                height=original.size[1],
                orientation=orientation,
                frames=frames,
                exifs=exifs,
                taken_at=taken_at,
                gps=gps,
                camera=camera,
                color=dominant(smallest),
                sha256=sha256,
                md5=md5,
                bytes=length,
                renditions=made,
            )


def _renditions(
    original: Original, renditions: Mapping[str, Transformation]
) -> tuple[dict[str, Rendition], Image.Image]:
    """The renditions by name, and the picture of the smallest one."""
    if not renditions:
        return {}, original.picture(original.plans[0])
    found: dict[str, Rendition] = {}
    pictures: list[Image.Image] = []
    for (name, transformation), plan in zip(renditions.items(), original.plans, strict=True):
        found[name], picture = _rendition(original, plan, transformation, "jpg", False)
        pictures.append(picture)
    return found, min(pictures, key=lambda picture: picture.width * picture.height)


def _rendition(
    original: Original, plan: Plan, transformation: Transformation, extension: str, webp: bool
) -> tuple[Rendition, Image.Image]:
    format = output_format(transformation, extension, webp=webp, size=plan.size)
    picture = original.picture(bounded(plan, MAX_SIDES[format]))
    return encoded(picture, format, transformation), picture


def _digests(file: BinaryIO) -> tuple[str, str, int]:
    """SHA-256 and MD5 in hex, and the length, read in pieces."""
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    file.seek(0)
    while chunk := file.read(_CHUNK):
        sha256.update(chunk)
        md5.update(chunk)
    return sha256.hexdigest(), md5.hexdigest(), file.tell()
