"""Pillow: bytes and a transformation in, bytes out (pure, so that it runs in any process)."""

from images.rendering.encoding import OutputFormat, Rendition
from images.rendering.examination import Examined, examine, render
from images.rendering.inspection import Inspected, inspect
from images.rendering.sources import CONTENT_TYPES, EXTENSIONS, Limits, PictureError, Source, identify

__all__ = [
    "CONTENT_TYPES",
    "EXTENSIONS",
    "Examined",
    "Inspected",
    "Limits",
    "OutputFormat",
    "PictureError",
    "Rendition",
    "Source",
    "examine",
    "identify",
    "inspect",
    "render",
]
