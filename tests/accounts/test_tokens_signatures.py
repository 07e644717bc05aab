"""HS256 as the published test vectors try it: keys of every length, and signatures that are almost right."""

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import pytest

from accounts.encryption import encrypt
from accounts.models import Secret, User
from tests.accounts.holders import Holder, ask, assert_denied, b64, jws, tampered


@pytest.fixture
def holder(user: User, secret: Secret) -> Holder:
    return Holder(user, secret)


@pytest.mark.filterwarnings("ignore:The HMAC key")
@pytest.mark.parametrize("length", [1, 16, 32, 63, 64, 65, 200])
def test_hs256_holds_for_keys_of_every_length(holder: Holder, length: int, settings: Any) -> None:
    """HMAC pads keys up to its block of 64 bytes and hashes longer ones."""
    key = "kä"[: min(length, 2)] + "k" * (length - 2)
    Secret.objects.update(ciphertext=encrypt(key, [settings.SECRET_KEY]))
    assert ask(jws({"iss": str(holder.secret.pk)}, key)).status_code == 200
    assert_denied(ask(jws({"iss": str(holder.secret.pk)}, f"{key}k")))


def hs256_vectors() -> dict[str, Callable[[str, str], str]]:
    """Signatures that are almost right, as (signed text, key) -> signature."""

    def mac(signed: str, key: str, digest: Any = hashlib.sha256) -> bytes:
        return hmac.new(key.encode(), signed.encode(), digest).digest()

    def flipped(position: int) -> Callable[[str, str], str]:
        def signature(signed: str, key: str) -> str:
            right = bytearray(mac(signed, key))
            right[position] ^= 0x80
            return b64(bytes(right))

        return signature

    found: dict[str, Callable[[str, str], str]] = {f"flip-byte-{n}": flipped(n) for n in range(32)}
    found |= {f"first-{n}-bytes": lambda s, k, n=n: b64(mac(s, k)[:n]) for n in (1, 8, 16, 31)}  # type: ignore[misc]
    return found | {
        "one-byte-more": lambda s, k: b64(mac(s, k) + b"\0"),
        "twice": lambda s, k: b64(mac(s, k) * 2),
        "zeros": lambda s, k: b64(bytes(32)),
        "of-the-header": lambda s, k: b64(mac(s.split(".")[0], k)),
        "of-the-payload": lambda s, k: b64(mac(s.split(".")[1], k)),
        "of-nothing": lambda s, k: b64(mac("", k)),
        "with-a-dot-more": lambda s, k: b64(mac(f"{s}.", k)),
        "key-and-text-swapped": lambda s, k: b64(mac(k, s)),
        "no-key": lambda s, k: b64(mac(s, "")),
        "plain-hash": lambda s, k: b64(hashlib.sha256(s.encode()).digest()),
        "hash-of-key-and-text": lambda s, k: b64(hashlib.sha256((k + s).encode()).digest()),
        "sha-1": lambda s, k: b64(mac(s, k, hashlib.sha1)),
        "sha-384": lambda s, k: b64(mac(s, k, hashlib.sha384)),
        "half-of-sha-512": lambda s, k: b64(mac(s, k, hashlib.sha512)[:32]),
        "hex": lambda s, k: mac(s, k).hex(),
        "encoded-twice": lambda s, k: b64(b64(mac(s, k)).encode()),
    }


@pytest.mark.parametrize("sign", hs256_vectors().values(), ids=hs256_vectors())
def test_a_signature_that_is_almost_right_is_wrong(holder: Holder, sign: Callable[[str, str], str]) -> None:
    signed = holder.of_secret().rpartition(".")[0]
    assert_denied(ask(f"{signed}.{sign(signed, holder.key)}"))


@pytest.mark.parametrize("part", [0, 1])
def test_nothing_of_a_token_can_be_changed_after_it_was_signed(holder: Holder, part: int) -> None:
    other = jws({"iss": str(holder.secret.pk), "admin": True}, holder.key, {"alg": "HS256"})
    assert ask(other).status_code == 200
    assert_denied(ask(tampered(holder.of_secret(), part, lambda _: other.split(".")[part])))
