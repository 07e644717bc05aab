"""Encryption at rest of what must be read again: the secrets that sign tokens (Fernet, AES-128-CBC with HMAC)."""

import base64
import hashlib
from collections.abc import Sequence
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class Undecipherable(Exception):
    """No key at hand decrypts the text: SECRET_KEY was changed without a fallback."""


@lru_cache(maxsize=4)
def cipher(keys: tuple[str, ...]) -> MultiFernet:
    """Encrypts with the first key and decrypts with any; each is stretched to what Fernet asks for."""
    return MultiFernet(
        Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"sharinpix.encryption." + key.encode()).digest()))
        for key in keys
    )


def encrypt(text: str, keys: Sequence[str]) -> str:
    return cipher(tuple(keys)).encrypt(text.encode()).decode()


@lru_cache(maxsize=10_000)
def _decrypt(ciphertext: str, keys: tuple[str, ...]) -> str:
    try:
        return cipher(keys).decrypt(ciphertext.encode()).decode()
    except InvalidToken as error:
        raise Undecipherable from error


def decrypt(ciphertext: str, keys: Sequence[str]) -> str:
    """Cached by ciphertext: that is the one thing about a secret that never changes. Raises Undecipherable."""
    return _decrypt(ciphertext, tuple(keys))
