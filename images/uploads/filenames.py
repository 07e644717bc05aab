"""File names of uploaders made safe to show (pure). No key of a stored file is made of one."""

import re
import unicodedata

MAX_BYTES = 255
LONGEST_EXTENSION = 10


def shown(name: str) -> str:
    """The name without folders: NFC, no control or direction characters, at most 255 bytes of UTF-8."""
    base = re.split(r"[/\\]", name)[-1]
    text = re.sub("[\ud800-\udfff]", "\ufffd", base)  # surrogates: bytes of the name that are not UTF-8
    kept = "".join(c for c in unicodedata.normalize("NFC", text) if unicodedata.category(c) not in {"Cc", "Cf"})
    return kept.encode()[:MAX_BYTES].decode("utf-8", "ignore").strip()


def display_name(name: str) -> str:
    """The shown name without its extension."""
    stem, dot, extension = re.split(r"[/\\]", name)[-1].rpartition(".")
    has_extension = dot and stem.strip(".") and len(extension) <= LONGEST_EXTENSION
    return shown(stem if has_extension else name)
