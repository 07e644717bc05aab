"""Keys (names of stored files), public ids and versions; clients choose no part of them."""

import secrets
import string
import time

ALPHABET = string.ascii_lowercase + string.digits


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


def derived_file_key(public_id: str, digest: str) -> str:
    return f"derived/{public_id}/{digest}"
