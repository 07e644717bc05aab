"""Idempotency-Key: a request that is sent again under its key is answered as before (API: create an image)."""

from rest_framework.request import Request

from images.uploads.models import KEY_LENGTH
from sharinpix.errors import Malformed, Unprocessable


class KeyReused(Unprocessable):
    """An earlier, different request had the same Idempotency-Key (422)."""

    sentence = "The Idempotency-Key was used for another request."


def idempotency_key(request: Request) -> str | None:
    """The request's Idempotency-Key, or None. Raises Malformed for one that is too long or not printable."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= KEY_LENGTH and key.isprintable()):
        raise Malformed(f"An Idempotency-Key has 1 to {KEY_LENGTH} printable characters.")
    return key
