"""Whether a file that this server rendered is whole; nothing is decoded."""

import os
from typing import BinaryIO

from images.rendering.limits import PictureError
from images.rendering.sources import identify

MOST_BOXES = 64
"""Boxes of an AVIF that are walked: the encoder writes three."""
PNG_END = b"\0\0\0\0IEND\xaeB`\x82"


def written_format(file: BinaryIO) -> str | None:
    """The format of a rendition ("jpg", "png", "webp", "avif") in a seekable file, which is left at its beginning.

    None where the file is empty or cut short: each of these formats says where it ends.
    """
    try:
        kind = identify(file)
    except PictureError:
        return None
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - len(PNG_END)))
    tail = file.read()
    file.seek(4)
    riff_size = int.from_bytes(file.read(4), "little")
    whole = {
        "jpg": tail.endswith(b"\xff\xd9"),
        "png": tail == PNG_END,
        "webp": riff_size + 8 == size,
        "avif": kind == "avif" and boxes_end(file, size),
    }
    file.seek(0)
    return kind if whole.get(kind) else None


def boxes_end(file: BinaryIO, size: int) -> bool:
    """Whether the boxes of the file end where it does."""
    at = 0
    for _ in range(MOST_BOXES):
        file.seek(at)
        length = int.from_bytes(file.read(4))
        if length < 8:
            return False
        at += length
        if at >= size:
            return at == size
    return False
