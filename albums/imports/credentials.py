"""The headers of an import are secrets: how they are hidden from answers, and kept until the import ends."""

from collections.abc import Mapping
from typing import Any

import orjson
from django.conf import settings

from accounts.encryption import decrypt, encrypt

HIDDEN = "not shown"
"""What stands in `params` instead of the value of each header."""


def without_values(params: Mapping[str, Any]) -> dict[str, Any]:
    """The same body in the same order, with the names of its headers alone."""
    headers = params.get("headers")
    return {**params, "headers": dict.fromkeys(headers, HIDDEN)} if isinstance(headers, dict) else dict(params)


def sealed(headers: Mapping[str, Any]) -> str:
    return encrypt(orjson.dumps(headers).decode(), [settings.SECRET_KEY])


def unsealed(ciphertext: str) -> dict[str, str]:
    """Raises encryption.Undecipherable when SECRET_KEY has changed without a fallback."""
    headers: dict[str, str] = orjson.loads(decrypt(ciphertext, [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]))
    return headers
