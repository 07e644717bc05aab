"""Every change that is made to a library from outside, in one place: what it changes, why, and until when.

`apply` is called by the settings, `longer_request_lines` by the configuration of the web server, `quick_jwt` by tokens.
"""

import base64
import binascii
from collections.abc import Iterator
from typing import Any

import django_stubs_ext
from django.http import multipartparser
from django.http.multipartparser import MultiPartParserError
from jwt import DecodeError, PyJWS, PyJWT
from jwt.algorithms import HMACAlgorithm
from jwt.utils import base64url_encode

REQUEST_LINE = 600_000
"""Bytes of a request line: a resync of 10,000 ids is one of 470 KB."""


class PlainParser(multipartparser.Parser):
    """Refuses parts in a transfer encoding: RFC 7578 (4.7) deprecates them, no client sends them, and their decoding
    has had vulnerabilities."""

    def __iter__(self) -> Iterator[Any]:
        for kind, headers, stream in super().__iter__():
            if "content-transfer-encoding" in headers:
                named = headers["content-transfer-encoding"][0].strip().lower()
                if named not in {"binary", "8bit", "7bit"}:
                    raise MultiPartParserError("A part is in a transfer encoding.")
            yield kind, headers, stream


parse_form = multipartparser.MultiPartParser.parse


def parse_or_remove(parser: multipartparser.MultiPartParser) -> Any:
    """Reads a multipart form; where that fails, the file that had arrived in part is removed at once and not when the
    exception's traceback is collected."""
    try:
        return parse_form(parser)
    except BaseException:
        for handler in parser._upload_handlers:  # type: ignore[attr-defined]
            if hasattr(handler, "file"):
                handler.file.close()
        raise


def apply() -> None:
    """Django: `admin.ModelAdmin[Image]` and the like at run time (needed as long as Django's generic classes lack
    `__class_getitem__`), multipart bodies without transfer encodings (Django 5.2 to 6.0 offer no setting), and no part
    of a file left behind by one that broke off (they remove whole ones alone)."""
    django_stubs_ext.monkeypatch()
    multipartparser.Parser = PlainParser  # type: ignore[misc]
    multipartparser.MultiPartParser.parse = parse_or_remove  # type: ignore[assignment, method-assign]


def longer_request_lines() -> int:
    """gunicorn (up to 27.0): any limit above its own constant is lowered to that without a word, and no limit at all
    lets a long line cost quadratic time. Raises the constant, and returns the limit to set."""
    import gunicorn.http.message

    gunicorn.http.message.MAX_REQUEST_LINE = REQUEST_LINE
    return REQUEST_LINE


class PreparedHMAC(HMACAlgorithm):
    """HMAC whose key was looked at once: PyJWT searches each key for PEM and SSH marks on every call."""

    def prepare_key(self, key: str | bytes) -> bytes:
        return key if isinstance(key, bytes) else super().prepare_key(key)


class Segments(PyJWS):
    """Decodes the three parts of a token in one step; PyJWT looks at every character of them in turn."""

    @staticmethod
    def _decode_base64url_segment(segment: bytes, name: str) -> bytes:
        try:
            decoded = base64.urlsafe_b64decode(segment + b"==")
        except binascii.Error as error:
            raise DecodeError(f"Invalid {name} padding") from error
        if base64url_encode(decoded) != segment:  # one spelling alone, in the right alphabet, without padding
            raise DecodeError(f"Invalid {name} padding")
        return decoded


def quick_jwt() -> PyJWT:
    """PyJWT (2.15), for HS256 alone: without both changes a resync of four images takes an eighth longer (310 instead
    of 275 µs on SQLite). To be dropped when PyJWT decodes segments in one step."""
    found = PyJWT()
    found._jws = Segments(algorithms=[])
    found._jws.register_algorithm("HS256", PreparedHMAC(HMACAlgorithm.SHA256))
    return found
