"""Formats by the first bytes of a file, and whether a file that this server rendered is whole; nothing is decoded."""

import os
from typing import BinaryIO

AVIF_BRANDS = {b"avif", b"avis"}
HEIF_BRANDS = {b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"}
HEAD = 64
"""Bytes of a file in which its format shows."""
MOST_BOXES = 64
"""Boxes of an AVIF that are walked: the encoder writes three."""
PNG_END = b"\0\0\0\0IEND\xaeB`\x82"


def signed_format(head: bytes) -> str | None:
    """The format (by its extension here: "jpg", "png", ...) that the first bytes of a file claim; None for none of
    those that are accepted."""
    if head.startswith(b"\xff\xd8\xff"):
        return "jpg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "tif"
    if head[:2] == b"BM":
        return "bmp"
    return brand_format(head) if head[4:8] == b"ftyp" else None


def brand_format(head: bytes) -> str | None:
    brands = [head[start : start + 4] for start in (8, *range(16, min(len(head), int.from_bytes(head[:4])), 4))]
    known = (("avif", AVIF_BRANDS), ("heic", HEIF_BRANDS))
    main = next((kind for kind, of in known if brands[0] in of - {b"mif1", b"msf1"}), None)
    return main or next((kind for kind, of in known if of & set(brands)), None)


def written_format(file: BinaryIO) -> str | None:
    """The format of a rendition ("jpg", "png", "webp", "avif") in a seekable file, which is left at its beginning.

    None where the file is empty or cut short: each of these formats says where it ends.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - len(PNG_END)))
    tail = file.read()
    file.seek(0)
    head = file.read(HEAD)
    kind = signed_format(head)
    whole = {
        "jpg": tail.endswith(b"\xff\xd9"),
        "png": tail == PNG_END,
        "webp": int.from_bytes(head[4:8], "little") + 8 == size,
        "avif": kind == "avif" and boxes_end(file, size),
    }
    file.seek(0)
    return kind if kind is not None and whole.get(kind) else None


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
