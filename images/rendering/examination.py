"""Renders one chain, or reads everything about an original with several renditions from one decode."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from PIL import Image

from images.delivery.transformations import Transformation
from images.rendering import exif
from images.rendering.colours import flattened, palette
from images.rendering.encoding import MAX_SIDES, Rendition, encoded, output_format
from images.rendering.geometry import Plan, bounded
from images.rendering.inspection import FileFacts, inspected
from images.rendering.likeness import phash
from images.rendering.limits import Limits
from images.rendering.originals import Original
from images.rendering.sources import Source, opened, opened_file

_DEFAULT_LIMITS = Limits()
_LOOK = Transformation.parse("c_fit,h_100,w_100")
"""The whole picture at the size from which palette and perceptual hash are computed."""


@dataclass(frozen=True)
class PixelFacts:
    """The facts about an original that need its pixels, and its renditions by name; picklable.

    `width` and `height` are pixels of the upright picture as it was decoded. `palette` is the colours as "#RRGGBB" with
    their shares of the picture in percent, largest first; `color` is the first of them. `phash` is 16 hex digits, of
    which alike pictures share all but a few bits.
    """

    width: int
    height: int
    color: str
    palette: list[tuple[str, float]]
    phash: str
    renditions: dict[str, Rendition]


@dataclass(frozen=True)
class Examined(FileFacts, PixelFacts):
    """Everything about an original."""


def render(
    source: Source, transformation: Transformation, *, extension: str, webp: bool, limits: Limits = _DEFAULT_LIMITS
) -> Rendition:
    """The picture that a chain makes of an original.

    `extension` names the format where the chain does not, `webp` says whether f_auto may be WebP. Raises
    PictureError for the source, TransformationError for an extension that is no format.
    """
    with opened_file(source) as file, opened(file, limits) as (image, _):
        orientation = exif.orientation(exif.read_exif(image))
        original = Original(image, orientation, [transformation])
        plan = original.plans[0]
        limits.before_encoding(plan.pixels, output_format(transformation, extension, webp=webp, size=plan.size))
        return _rendition(original, plan, transformation, extension, webp)


def read_pixels(
    source: Source, renditions: Mapping[str, Transformation], *, limits: Limits = _DEFAULT_LIMITS
) -> PixelFacts:
    """The facts of the pixels, and a rendition of each chain, from one decode; of EXIF only the orientation is read.

    Renditions are JPEG unless their chain says otherwise. Raises PictureError.
    """
    with opened_file(source) as file, opened(file, limits) as (image, _):
        return _pixel_facts(image, exif.orientation(exif.read_exif(image)), renditions, limits)


def examine(source: Source, renditions: Mapping[str, Transformation], *, limits: Limits = _DEFAULT_LIMITS) -> Examined:
    """`inspect` and `read_pixels` in one: all facts and the renditions. Raises PictureError."""
    with inspected(source, limits) as (image, file_facts):
        pixel_facts = _pixel_facts(image, file_facts.orientation, renditions, limits)
        facts: dict[str, Any] = {field.name: getattr(file_facts, field.name) for field in fields(file_facts)}
        # Some containers claim another size than their pixels turn out to have.
        return Examined(**facts | {field.name: getattr(pixel_facts, field.name) for field in fields(pixel_facts)})


def _pixel_facts(
    image: Image.Image, orientation: int, renditions: Mapping[str, Transformation], limits: Limits
) -> PixelFacts:
    original = Original(image, orientation, [*renditions.values(), _LOOK])
    limits.before_encoding(sum(plan.pixels for plan in original.plans), "jpg")
    made = {
        name: _rendition(original, plan, transformation, "jpg", False)
        for (name, transformation), plan in zip(renditions.items(), original.plans, strict=False)
    }
    small = flattened(original.picture(original.plans[-1]))
    colours = palette(small)
    return PixelFacts(*original.size, colours[0][0], colours, phash(small), made)


def _rendition(original: Original, plan: Plan, transformation: Transformation, extension: str, webp: bool) -> Rendition:
    format = output_format(transformation, extension, webp=webp, size=plan.size)
    return encoded(original.picture(bounded(plan, MAX_SIDES[format])), format, transformation)
