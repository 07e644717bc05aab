"""Rendering one chain, and all that processing wants to know about an original."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from images import metadata
from images.rendering.colours import flattened, palette
from images.rendering.encoding import MAX_SIDES, Rendition, encoded, output_format
from images.rendering.geometry import Plan, bounded
from images.rendering.inspection import Inspected, inspected
from images.rendering.likeness import phash
from images.rendering.originals import Original
from images.rendering.sources import Limits, Source, opened, opened_file
from images.transformations import Transformation

_DEFAULT_LIMITS = Limits()
_LOOK = Transformation.parse("c_fit,h_100,w_100")
"""The whole picture in as many pixels as tell its colours and its likeness as well as millions do."""


@dataclass(frozen=True, slots=True)
class Examined(Inspected):
    """The facts about an original, those that need its pixels too, and its renditions; picklable.

    `palette` is the colours as "#RRGGBB" with their shares of the picture in percent, largest first; `color` is the
    first of them. `phash` is 16 hex digits, of which alike pictures share all but a few bits.
    """

    color: str
    palette: list[tuple[str, float]]
    phash: str
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
        return _rendition(original, original.plans[0], transformation, extension, webp)


def examine(source: Source, renditions: Mapping[str, Transformation], *, limits: Limits = _DEFAULT_LIMITS) -> Examined:
    """What an original is, says and looks like under each chain, from one decode.

    Renditions are JPEG unless their chain says otherwise. Raises PictureError.
    """
    with inspected(source, limits) as (image, found):
        original = Original(image, found.orientation, [*renditions.values(), _LOOK])
        made = {
            name: _rendition(original, plan, transformation, "jpg", False)
            for (name, transformation), plan in zip(renditions.items(), original.plans, strict=False)
        }
        look = flattened(original.picture(original.plans[-1]))
        colours = palette(look)
        facts: dict[str, Any] = {field.name: getattr(found, field.name) for field in fields(found)}
        # Some containers claim another size than their pixels turn out to have.
        facts["width"], facts["height"] = original.size
        return Examined(**facts, color=colours[0][0], palette=colours, phash=phash(look), renditions=made)


def _rendition(original: Original, plan: Plan, transformation: Transformation, extension: str, webp: bool) -> Rendition:
    format = output_format(transformation, extension, webp=webp, size=plan.size)
    return encoded(original.picture(bounded(plan, MAX_SIDES[format])), format, transformation)
