"""Keys that are derived from others (pure), so that no two uses of one secret share a key."""

import hashlib
import hmac


def derived_key(secret: str, purpose: str) -> str:
    """A key of its own for one purpose: hex of HMAC-SHA-256 (API: image URLs, upload form, storage files)."""
    return hmac.new(secret.encode(), f"sharinpix.{purpose}".encode(), hashlib.sha256).hexdigest()
