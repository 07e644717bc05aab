"""Keys (names of stored files), public ids and versions; clients choose no part of them."""

import hashlib
import secrets
import string
import time

from sharinpix.locks import FileLock

ALPHABET = string.ascii_lowercase + string.digits
KEY_LOCKS = 1_024
"""Number of lock files to which the keys of derived files are hashed."""


def new_public_id() -> str:
    """20 random characters of `[a-z0-9]`."""
    return "".join(secrets.choice(ALPHABET) for _ in range(20))


def new_version() -> int:
    """The version of an upload: its Unix time in seconds."""
    return int(time.time())


def original_key(public_id: str) -> str:
    return f"originals/{public_id[:2]}/{public_id}"


def thumbnail_key(image_id: str, token: str) -> str:
    return f"thumbnails/{image_id[:2]}/{image_id}/{token}.jpg"


def derived_folder(public_id: str) -> str:
    """The folder of the original's derived files, with a slash behind it."""
    return f"derived/{public_id}/"


def derived_file_key(public_id: str, digest: str) -> str:
    return f"{derived_folder(public_id)}{digest}"


def writing(key: str, wait: float) -> FileLock:
    """The lock of this host under which a derived file is written and removed. Two keys may share one, which only
    costs time."""
    return FileLock(f"key-{int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) % KEY_LOCKS}", wait=wait)
