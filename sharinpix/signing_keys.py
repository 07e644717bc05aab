"""Which keys sign and verify URLs, read from the environment (docs/operations.md, *Keys of URLs*).

The key that derives from SECRET_KEY signed every URL until the first SIGNING_KEYS was set, and those URLs stand in
e-mails: it and the keys of the fallbacks go on verifying until RETIRED_SIGNING_KEYS names their fingerprints.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.core.exceptions import ImproperlyConfigured

from sharinpix import env
from sharinpix.key_derivation import derived_key

FINGERPRINT_DIGITS = 16


class SigningKey(NamedTuple):
    """A key with the variable that it comes from; a `retired` one neither signs nor verifies."""

    key: str
    source: str
    retired: bool

    @property
    def fingerprint(self) -> str:
        return fingerprint_of(self.key)


def fingerprint_of(key: str) -> str:
    """What names a key without telling it: the first digits of a hash that no other use shares."""
    return derived_key(key, "fingerprint")[:FINGERPRINT_DIGITS]


def retired_fingerprints() -> list[str]:
    """The fingerprints of RETIRED_SIGNING_KEYS, of which some may name keys that are gone."""
    found = env.words("RETIRED_SIGNING_KEYS")
    for fingerprint in found:
        if not re.fullmatch(f"[0-9a-f]{{{FINGERPRINT_DIGITS}}}", fingerprint):
            raise ImproperlyConfigured(
                f"RETIRED_SIGNING_KEYS must hold fingerprints of {FINGERPRINT_DIGITS} hex digits, as "
                f"`manage.py signing_keys` prints them, not {fingerprint!r}."
            )
    return found


def known_keys(secret_key: str, fallbacks: Sequence[str]) -> list[SigningKey]:
    """Every key of the environment once: those of SIGNING_KEYS, newest first, then the derived ones."""
    found = dict.fromkeys(env.words("SIGNING_KEYS"), "SIGNING_KEYS")
    sources = [(secret_key, "SECRET_KEY"), *((fallback, "SECRET_KEY_FALLBACKS") for fallback in fallbacks)]
    for secret, source in sources:
        found.setdefault(derived_key(secret, "signing"), source)
    retired = set(retired_fingerprints())
    return [SigningKey(key, source, fingerprint_of(key) in retired) for key, source in found.items()]


def usable_keys(known: Iterable[SigningKey]) -> list[str]:
    """The keys that verify, of which the first signs."""
    found = [key.key for key in known if not key.retired]
    if not found:
        raise ImproperlyConfigured("RETIRED_SIGNING_KEYS leaves no key to sign with: put a new one into SIGNING_KEYS.")
    return found
