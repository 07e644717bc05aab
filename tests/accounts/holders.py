"""Tokens made by hand, without the library that will read them, and the one answer to those that prove nothing."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.test import Client

from accounts.models import Secret, User
from tests.factories import bearer, login_key

URL = "/api/v1/image_syncs"


def b64(data: bytes) -> str:
    """Base64 as tokens have it: for URLs, without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def encoded(value: Any) -> bytes:
    """A part of a token before base64: JSON, or the bytes themselves."""
    return value if isinstance(value, bytes) else json.dumps(value).encode()


def jws(claims: Any, key: str, header: Any = None, digest: Any = hashlib.sha256) -> str:
    """A signed token, made without the library that will read it; bytes stand for themselves."""
    signed = f"{b64(encoded(header or {'typ': 'JWT', 'alg': 'HS256'}))}.{b64(encoded(claims))}"
    return f"{signed}.{b64(hmac.new(key.encode(), signed.encode(), digest).digest())}"


@dataclass
class Holder:
    """What tokens of a person and of a secret are signed with: the secret, and the server's key for the person."""

    user: User
    secret: Secret

    @property
    def key(self) -> str:
        """What the organization's secret signs with."""
        return self.secret.key()

    @property
    def server_key(self) -> str:
        """What the server signs the person's tokens with."""
        return login_key(self.user)

    def of_secret(self, header: Any = None, **claims: Any) -> str:
        """A token that the secret signed; claims and header add to it or change it."""
        return jws({"iss": str(self.secret.pk), **claims}, self.key, header)

    def of_user(self, header: Any = None, **claims: Any) -> str:
        """A token of the person that is good for a minute; claims and header add to it or change it."""
        now = int(time.time())
        return jws({"exp": now + 60, "iat": now, "user_id": str(self.user.pk), **claims}, self.server_key, header)


def ask(token: str) -> HttpResponse:
    """The answer to a resync under this token."""
    response: Any = Client().get(URL, headers={"Authorization": bearer(token)})
    return response  # type: ignore[no-any-return]


def assert_denied(response: HttpResponse) -> None:
    """The published denial, whatever the reason."""
    assert response.status_code == 401
    assert response.content == b""
    assert response.headers["Content-Type"] == "text/html"
    assert response.headers["Content-Length"] == "0"
    assert response.headers["X-message"] == "Access denied"
    assert "X-token" not in response.headers


def tampered(token: str, part: int, change: Callable[[str], str]) -> str:
    """With one of its three parts changed."""
    parts = token.split(".")
    parts[part] = change(parts[part])
    return ".".join(parts)
