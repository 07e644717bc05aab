"""Signatures (pure): Cloudinary's for delivery, uploads and notifications, keyed hashes for links."""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from typing import Any

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
    """7 hex digits over the image's id and the kind; another hash than thumbnail_signature's."""
    return _hex(f"proxy:{image_id}:{kind}", key)[:PROXY_DIGITS]


def matches(given: str, expected: Iterable[str]) -> bool:
    """Whether the given signature is one of the expected, compared in constant time; `given` may be any text."""
    found = False
    for signature in expected:
        found |= hmac.compare_digest(given.encode("utf-8", "surrogatepass"), signature.encode())
    return found


def _hex(text: str, key: str) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


def upload_signature(parameters: Mapping[str, Any], secret: str) -> str:
    """Cloudinary's signature of upload parameters, version 2: SHA-1 in hex over the sorted `key=value` pairs joined by
    `&`, then the secret (Cloudinary's documentation, *Authentication signatures*).

    Empty values are left out, and an `&` inside a pair is written `%26`, so that no value can be read as two.
    """
    given = ((key, parameter_text(value)) for key, value in parameters.items() if value)
    return sha1("&".join(sorted(f"{key}={text}".replace("&", "%26") for key, text in given)) + secret)


def parameter_text(value: object) -> str:
    """An upload parameter as it is signed: lists joined by commas, true and false in lower case."""
    if isinstance(value, list):
        return ",".join(map(parameter_text, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def answer_signature(public_id: str, version: str | int, secret: str) -> str:
    """Cloudinary's signature of an upload's answer, always version 1: SHA-1 in hex over public id, version, secret."""
    return sha1(f"public_id={public_id}&version={version}{secret}")


def notification_signature(body: bytes, timestamp: str, secret: str, algorithm: str = "sha1") -> str:
    """Cloudinary's signature of a notification: a hash in hex over body, timestamp and secret."""
    return hashlib.new(algorithm, body + timestamp.encode() + secret.encode(), usedforsecurity=False).hexdigest()


def sha1(text: str) -> str:
    return hashlib.sha1(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest()
