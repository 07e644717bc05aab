"""Signatures of image URLs (pure): Cloudinary's for delivery, keyed hashes for thumbnail and proxy links."""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Iterable

THUMBNAIL_DIGITS = 11
PROXY_DIGITS = 7


def delivery_signature(path: str, secret: str, *, long: bool = False) -> str:
    """The signature of `<chain>/<public id>.<ext>`, without its `s--` and `--`.

    Cloudinary's algorithm: the first 8 characters of URL-safe base64 of SHA-1 over path and secret, or with `long`
    the first 32 of SHA-256 (Cloudinary's documentation, *Generating delivery URL signatures*).
    """
    text = (path + secret).encode()
    if long:
        return urlsafe_b64encode(hashlib.sha256(text).digest())[:32].decode()
    return urlsafe_b64encode(hashlib.sha1(text, usedforsecurity=False).digest())[:8].decode()


def thumbnail_signature(image_id: str, kind: str, key: str) -> str:
    """11 hex digits over the image's id and the kind (`mini`, `thumbnail`, `full`, `original`): they outlive edits."""
    return _hex(f"thumbnail:{image_id}:{kind}", key)[:THUMBNAIL_DIGITS]


def proxy_signature(image_id: str, kind: str, key: str) -> str:
    """7 hex digits over the same two facts; a hash apart from thumbnail_signature's."""
    return _hex(f"proxy:{image_id}:{kind}", key)[:PROXY_DIGITS]


def matches(given: str, expected: Iterable[str]) -> bool:
    """Whether the given signature is one of the expected, in constant time for each; any text is safe to give."""
    found = False
    for signature in expected:
        found |= hmac.compare_digest(given.encode("utf-8", "surrogatepass"), signature.encode())
    return found


def _hex(text: str, key: str) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()
