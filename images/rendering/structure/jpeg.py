"""Segments and scans of a JPEG."""

import re
from typing import BinaryIO

from images.rendering.limits import Limits, PictureError
from images.rendering.structure.counter import Counter

PIXELS_OF_SCANS = 2_000_000_000
"""Pixels that all scans together may pass over: each pass takes a third of the time of decoding."""
_FRAMES = {0xC0 + number for number in range(16)} - {0xC4, 0xC8, 0xCC}
_SCAN, _END, _APP1 = 0xDA, 0xD9, 0xE1
_METADATA = {*range(0xE0, 0xF0), 0xFE}
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_MARKER = re.compile(rb"\xff+[^\x00\xff]")


def check_jpeg(file: BinaryIO, limits: Limits) -> None:
    """At most 100 scans, which is ten times what encoders make; EXIF is joined piece by piece, so few pieces."""
    file.seek(0)
    content = file.read()
    counter, at, scans, pixels = Counter(file, limits), 2, 0, 0
    while marker := _MARKER.search(content, at):
        kind, start = content[marker.end() - 1], marker.end()
        if kind == _END:
            return
        length = int.from_bytes(content[start : start + 2], "big")
        body = content[start + 2 : start + 8]
        metadata = length if kind in _METADATA else 0
        counter.add(metadata=metadata, repeated=kind == _APP1 and body.startswith(b"Exif"))
        at = start + length
        if kind in _FRAMES:
            pixels = int.from_bytes(body[1:3], "big") * int.from_bytes(body[3:5], "big")
        elif kind == _SCAN:
            scans += 1
            if scans > limits.scans or scans * pixels > PIXELS_OF_SCANS:
                raise PictureError("too_slow")
            following = _AFTER_SCAN.search(content, at)
            if following is None:
                return
            at = following.start()
