"""Directories, tags, strips and tiles of a TIFF."""

import struct
from typing import BinaryIO, Literal

from images.rendering.limits import Limits
from images.rendering.structure.counter import Counter

_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_PLACES = {273, 324}
"""Tags with the place of each strip or tile."""
_TABLES, _LAYERS = 347, 37724
"""JPEG tables, which belong to the pixels."""


def check_tiff(file: BinaryIO, limits: Limits) -> None:
    """Every tag of every page is a part, and each strip and tile, which Pillow lists one by one."""
    file.seek(0)
    head = file.read(16)
    order: Literal["little", "big"] = "little" if head.startswith(b"I") else "big"
    big = 43 in head[2:4]
    count_bytes, entry_bytes, offset_bytes = (8, 20, 8) if big else (2, 12, 4)
    counter = Counter(file, limits)
    following, seen = int.from_bytes(head[8:16] if big else head[4:8], order), set[int]()
    while following and following not in seen and len(seen) <= limits.frames:
        seen.add(following)
        file.seek(following)
        entries = int.from_bytes(file.read(count_bytes), order)
        counter.add(parts=entries)
        for _ in range(entries):
            entry = file.read(entry_bytes)
            if len(entry) < entry_bytes:
                return
            # Photoshop's layers are tens of megabytes; what many pages name counts.
            free = {_TABLES, _LAYERS} if len(seen) == 1 else {_TABLES}
            _count(counter, entry, ("<" if order == "little" else ">") + ("HHQ" if big else "HHI"), free)
        following = int.from_bytes(file.read(offset_bytes), order)


def _count(counter: Counter, entry: bytes, form: str, free: set[int]) -> None:
    tag, kind, count = struct.unpack_from(form, entry)
    # The bytes of a tag may be read for many pages: they count each time.
    counter.add(parts=count if tag in _PLACES else 0, metadata=_SIZES.get(kind, 1) * count if tag not in free else 0)
