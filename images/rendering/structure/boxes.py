"""Boxes of an AVIF or HEIC: items, their sizes, and what a grid is made of."""

import struct
from typing import BinaryIO

from images.rendering.limits import Limits, PictureError
from images.rendering.structure.counter import Counter

_FOLDERS = {
    b"meta": 4,
    b"iprp": 0,
    b"ipco": 0,
    b"moov": 0,
    b"trak": 0,
    b"mdia": 0,
    b"minf": 0,
    b"stbl": 0,
    b"iinf": 6,
    b"iref": 4,
}
"""Boxes of boxes, and the bytes of each before the first of them."""
TILES = 2_000
"""Items that pictures are made of: 100 megapixels have 400 tiles of 512 x 512, and as many of alpha and gain maps."""
DEPTH = 10


def check_boxes(file: BinaryIO, limits: Limits) -> None:
    """No canvas beyond the limit, the alpha's and thumbnails' too, and not more tiles than such a canvas needs."""
    boxes = Boxes(file, limits)
    boxes.walk(0, boxes.counter.length, 0)


class Boxes:
    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        self.file = file
        self.limits = limits
        self.counter = Counter(file, limits)
        self.tiles = 0

    def walk(self, at: int, end: int, depth: int) -> None:
        while at + 8 <= end and depth < DEPTH:
            self.file.seek(at)
            length, kind = struct.unpack(">I4s", self.file.read(8))
            start = at + 8
            if length == 1:
                length, start = int.from_bytes(self.file.read(8), "big"), at + 16
            stop = min(end, at + length if length else end)
            self.counter.add(metadata=stop - start if kind in {b"Exif", b"mime", b"colr"} else 0)
            self.look(kind, start, stop)
            if kind in _FOLDERS:
                self.walk(start + _FOLDERS[kind], stop, depth + 1)
            if stop <= at:
                return
            at = stop

    def look(self, kind: bytes, start: int, stop: int) -> None:
        if kind == b"ispe":
            self.file.seek(start + 4)
            width, height = struct.unpack(">II", self.file.read(8))
            if width * height > self.limits.pixels:
                raise PictureError("too_large")
        elif kind in {b"infe", b"dimg"}:
            self.tiles += 1 if kind == b"infe" else (stop - start) // 2
            if self.tiles > TILES:
                raise PictureError("too_slow")
