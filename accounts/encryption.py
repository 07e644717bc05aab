"""Encryption at rest of the secrets that sign tokens (Fernet: AES-128-CBC with HMAC). Pure."""

import base64
import hashlib
from collections.abc import Sequence
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class Undecipherable(Exception):
    """None of the keys decrypts the text: SECRET_KEY was changed without a fallback."""


@lru_cache(maxsize=4)
def cipher(keys: tuple[str, ...]) -> MultiFernet:
    """Encrypts with the first key and decrypts with any; SHA-256 makes each the 32 bytes of a Fernet key."""
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
    """The text of a ciphertext; cached, since it never changes. Raises Undecipherable."""
    return _decrypt(ciphertext, tuple(keys))
