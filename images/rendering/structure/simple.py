"""Chunks of a PNG, blocks of a GIF, runs of a BMP."""

import struct
from typing import BinaryIO

from images.rendering.limits import Limits, PictureError
from images.rendering.structure.counter import Counter

_COMPRESSED = {b"zTXt", b"iTXt", b"iCCP"}
_PIXELS = {b"IDAT", b"fdAT"}
COMMENTS = 1_000_000
"""Bytes of comments and extensions of a GIF: Pillow joins them 255 at a time, copying what it has."""
RUNS = 25_000_000
"""Pixels of a run-length encoded BMP: Pillow unpacks them in Python, some of them one by one."""
_RUN_LENGTH = {1, 2}


def check_png(file: BinaryIO, limits: Limits) -> None:
    """Texts and profiles unpack to a megabyte each, so few of them."""
    counter = Counter(file, limits)
    file.seek(8)
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        counter.add(metadata=0 if kind in _PIXELS else length, repeated=kind in _COMPRESSED)
        file.seek(length + 4, 1)
        if kind == b"IEND":
            return


def check_gif(file: BinaryIO, limits: Limits) -> None:
    """What stands before the first frame; further frames are counted without reading them."""
    file.seek(10)
    flags = file.read(3)
    file.seek(3 << (flags[0] & 7) + 1 if flags[0] & 0x80 else 0, 1)
    total = 0
    while file.read(1) == b"!":
        file.seek(1, 1)
        while length := file.read(1).strip(b"\0"):
            file.seek(length[0], 1)
            total += length[0] + 1
            if total > COMMENTS:
                raise PictureError("too_slow")


def check_bmp(file: BinaryIO, limits: Limits) -> None:
    file.seek(14)
    head = file.read(20)
    if len(head) == 20 and int.from_bytes(head[:4], "little") >= 40:
        width, height, _, _, compression = struct.unpack("<iiHHI", head[4:])
        if compression in _RUN_LENGTH and abs(width * height) > RUNS:
            raise PictureError("too_large")
