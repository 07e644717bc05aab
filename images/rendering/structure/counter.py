"""Counts the parts of one file against the limits."""

from io import SEEK_END
from typing import BinaryIO

from images.rendering.limits import Limits, PictureError

REPEATED = 100
"""Pieces of one kind that a decoder joins or unpacks one by one: EXIF segments of a JPEG, of which cameras write one,
and compressed chunks of a PNG."""


class Counter:
    """Raises PictureError once there are more parts, or more bytes of metadata, than the limits allow.

    A part has at most as many bytes as the file: what says more is malformed, and no decoder will find them.
    """

    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        self.length = file.seek(0, SEEK_END)
        self.limits = limits
        self.parts = self.metadata = self.repeated = 0

    def add(self, *, parts: int = 1, metadata: int = 0, repeated: bool = False) -> None:
        self.parts += parts
        self.metadata += min(metadata, self.length)
        self.repeated += repeated
        if self.parts > self.limits.parts or self.repeated > REPEATED:
            raise PictureError("too_slow")
        if self.metadata > self.limits.metadata:
            raise PictureError("too_large")
