"""Reads and renders pictures with Pillow (pure, so that it runs in any process)."""

from images.rendering.completeness import written_format
from images.rendering.encoding import OutputFormat, Rendition
from images.rendering.examination import Examined, PixelFacts, examine, read_pixels, render
from images.rendering.inspection import FileFacts, inspect
from images.rendering.limits import Limits, PictureError
from images.rendering.sources import CONTENT_TYPES, EXTENSIONS, SUFFIXES, Source, identify

__all__ = [
    "CONTENT_TYPES",
    "EXTENSIONS",
    "SUFFIXES",
    "Examined",
    "FileFacts",
    "Limits",
    "OutputFormat",
    "PictureError",
    "PixelFacts",
    "Rendition",
    "Source",
    "examine",
    "identify",
    "inspect",
    "read_pixels",
    "render",
    "written_format",
]
