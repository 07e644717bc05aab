"""Encoding: the format of a rendered picture, and its bytes without metadata."""

from dataclasses import dataclass
from io import BytesIO
from typing import Literal

from PIL import Image

from images.delivery.transformations import Transformation, TransformationError
from images.rendering.colours import flattened
from images.rendering.geometry import Size
from images.rendering.sources import CONTENT_TYPES

OutputFormat = Literal["jpg", "png", "webp", "avif"]

BY_EXTENSION: dict[str, OutputFormat] = {"jpg": "jpg", "jpeg": "jpg", "png": "png", "webp": "webp", "avif": "avif"}
QUALITIES: dict[OutputFormat, int] = {"jpg": 82, "webp": 78, "avif": 60}
"""The quality of q_auto (API: image rendering)."""
MAX_SIDES: dict[OutputFormat, int] = {"jpg": 65_500, "png": 1_000_000, "webp": 16_383, "avif": 32_768}
"""Pixels of a side that the encoders accept."""
MAX_WEBP_PIXELS = 1_000_000
"""Up to this size f_auto may be WebP: above, encoding takes several times JPEG's processor time."""


@dataclass(frozen=True, slots=True)
class Rendition:
    """An encoded picture; width and height are pixels."""

    content: bytes
    format: OutputFormat
    width: int
    height: int

    @property
    def content_type(self) -> str:
        return CONTENT_TYPES[self.format]


def output_format(transformation: Transformation, extension: str, *, webp: bool, size: Size) -> OutputFormat:
    """The format of a result of `size`: the chain's last f_, else the extension's.

    Raises TransformationError for an extension that counts and is none of jpg, jpeg, png, webp, avif.
    """
    wanted = transformation.format
    if wanted == "auto":
        small = size[0] * size[1] <= MAX_WEBP_PIXELS and max(size) <= MAX_SIDES["webp"]
        return "webp" if webp and small else "jpg"
    if wanted is not None:
        return wanted
    if extension not in BY_EXTENSION:
        raise TransformationError(f"There is no rendition with the extension {extension[:20]!a}.")
    return BY_EXTENSION[extension]


def encoded(image: Image.Image, format: OutputFormat, transformation: Transformation) -> Rendition:
    """An sRGB picture as a file of the format, with the chain's quality."""
    if format == "jpg":
        image = flattened(image)
    # Encoders copy comments, profiles and more from here.
    image.info = {}
    wanted = transformation.quality
    options = {} if format == "png" else {"quality": wanted if isinstance(wanted, int) else QUALITIES[format]}
    # The slower settings cost several times as much and save a few percent.
    options |= {"webp": {"method": 2}, "avif": {"speed": 10, "max_threads": 1}}.get(format, {})
    file = BytesIO()
    image.save(file, "JPEG" if format == "jpg" else format.upper(), **options)
    return Rendition(file.getvalue(), format, *image.size)
