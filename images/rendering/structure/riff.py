"""Chunks of a WebP."""

import struct
from typing import BinaryIO

from images.rendering.limits import Limits, PictureError
from images.rendering.structure.counter import Counter

_METADATA = {b"EXIF", b"XMP ", b"ICCP"}


def check_webp(file: BinaryIO, limits: Limits) -> None:
    """The size too: the decoder takes memory for the whole canvas before it tells how large that is."""
    counter = Counter(file, limits)
    file.seek(12)
    while len(head := file.read(8)) == 8:
        kind, length = struct.unpack("<4sI", head)
        if not counter.parts:
            pixels = _canvas(kind, file.read(10))
            if pixels > limits.pixels:
                raise PictureError("too_large")
            limits.before_opening(pixels)
            file.seek(20)
        counter.add(metadata=length if kind in _METADATA else 0)
        file.seek(length + length % 2, 1)


def _canvas(kind: bytes, body: bytes) -> int:
    """Pixels by the first chunk of the file."""
    if kind == b"VP8X":
        return (int.from_bytes(body[4:7], "little") + 1) * (int.from_bytes(body[7:10], "little") + 1)
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return ((bits & 0x3FFF) + 1) * ((bits >> 14 & 0x3FFF) + 1)
    return (int.from_bytes(body[6:8], "little") & 0x3FFF) * (int.from_bytes(body[8:10], "little") & 0x3FFF)
