"""The tables of images; Django finds every model of the app here."""

from images.models.image import DEFAULT_SIDE, ROTATIONS, Image
from images.models.original import FaultyOriginal, HasOriginal
from images.models.thumbnail import Representation, Thumbnail
from images.storage.models import DiscardedFile
from images.tags.models import Tag, Tagging
from images.uploads.models import Part, PartialUpload, Upload

__all__ = [
    "DEFAULT_SIDE",
    "ROTATIONS",
    "DiscardedFile",
    "FaultyOriginal",
    "HasOriginal",
    "Image",
    "Part",
    "PartialUpload",
    "Representation",
    "Tag",
    "Tagging",
    "Thumbnail",
    "Upload",
]
