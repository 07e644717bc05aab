"""Tokens: simplejwt's classes, taught the published dialect (API: authentication, X-token).

Two kinds. A *user token* (`exp`, `iat`, `user_id`) is signed by the server. A *secret token* (`iss`) is signed by
whoever holds that secret; a `user_id` in it is an attribute and never an identity.
"""

import base64
import binascii
import re
import time
import uuid
from datetime import timedelta
from functools import cached_property, lru_cache
from typing import Any

import jwt
import orjson
from django.conf import settings
from django.db.models import UUIDField
from jwt import PyJWS, PyJWT
from jwt.algorithms import HMACAlgorithm
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenBackendExpiredToken, TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import Token

from accounts import abilities
from accounts.encryption import Undecipherable
from accounts.models import Secret, User
from sharinpix.statements import Parameter, Statement

MAX_BYTES = 8_192
"""A longer token is refused before it is decoded: decoding costs time in proportion."""
LEEWAY = 30
"""Seconds by which the clocks of two machines may differ."""
SHAPE = re.compile(rb"[A-Za-z0-9_-]+\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+")
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class PreparedHMAC(HMACAlgorithm):
    """HMAC whose key was looked at once: PyJWT searches each key for PEM and SSH marks on every call."""

    def prepare_key(self, key: str | bytes) -> bytes:
        return key if isinstance(key, bytes) else super().prepare_key(key)


JWT = PyJWT()
JWT._jws = PyJWS(algorithms=[])
JWT._jws.register_algorithm("HS256", PreparedHMAC(HMACAlgorithm.SHA256))


class Backend(TokenBackend):
    """HS256 alone. `exp` and `nbf` are checked where they are present, nothing else is demanded."""

    OPTIONS = dict.fromkeys(("verify_aud", "verify_iat", "verify_sub", "verify_jti", "verify_iss"), False)

    def __init__(self, key: str) -> None:
        super().__init__("HS256", signing_key=key, leeway=LEEWAY)

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        options = {**self.OPTIONS, "verify_signature": verify}
        try:
            return JWT.decode(
                token,
                self.prepared_signing_key,
                algorithms=["HS256"],
                leeway=LEEWAY,
                options=options,  # type: ignore[arg-type]
            )
        except jwt.ExpiredSignatureError as error:
            raise TokenBackendExpiredToken("Token is expired") from error
        except (jwt.InvalidTokenError, ValueError, TypeError, OverflowError, RecursionError) as error:
            raise TokenBackendError("Token is invalid") from error

    def encode(self, payload: dict[str, Any]) -> str:
        # PyJWT sorts the header; the documented tokens begin with `typ`, and clients compare X-token with their own.
        return JWT.encode(payload, self.prepared_signing_key, algorithm="HS256", sort_headers=False)


@lru_cache(maxsize=1_024)
def backend(key: str) -> Backend:
    return Backend(key)


class SharinpixToken(Token):
    """A verified token, or a new one for a user: `SharinpixToken.for_user(user)`.

    After verification `organization_id` is whose data it opens, `user_id` and `user` the person of a user token and
    `secret` the signer of a secret token. Raises TokenError for everything that is not to be trusted.
    """

    token_type = "sharinpix"  # noqa: S105  (a name, not a password)
    lifetime = timedelta(hours=4)
    user_id: str | None = None
    secret: Secret | None = None
    organization_id: uuid.UUID

    def __init__(self, token: Any = None, verify: bool = True) -> None:
        self.signer = backend(settings.SECRET_KEY)
        if token is not None:
            self.find_signer(token)
        super().__init__(token, verify)

    @cached_property
    def user(self) -> User | None:
        """The person of a user token, read when somebody asks."""
        return User.objects.get(pk=self.user_id) if self.user_id else None

    def set_jti(self) -> None:
        # The last hook of a new token: the published ones carry neither a jti nor a token_type.
        self.payload.pop(api_settings.TOKEN_TYPE_CLAIM)

    def get_token_backend(self) -> Backend:
        return self.signer

    def find_signer(self, raw: bytes) -> None:
        """Reads the row of the secret or user that the unverified payload names; verification follows.

        An unknown, revoked or inactive one gets a key that nothing was signed with, so that refusing it takes the
        same work as refusing a wrong signature.
        """
        claims = peek(raw)
        self.signer = backend(NOBODYS_KEY)
        if "iss" in claims:
            self.secret = known_secret(claims["iss"])
            if self.secret is not None:
                self.organization_id = self.secret.organization_id
                try:
                    self.signer = backend(self.secret.key())
                except Undecipherable as error:
                    raise TokenError("The secret cannot be read") from error
        else:
            organization_id = organization_of_user(claims.get("user_id"))
            if organization_id is not None:
                self.organization_id, self.user_id = organization_id, str(claims["user_id"])
                self.signer = server_backend(raw)

    def verify(self) -> None:
        if self.user_id is None and self.secret is None:
            raise TokenError("Nobody signed this")
        if self.secret is None and "exp" not in self.payload:
            raise TokenError("A user token needs exp")
        if not abilities.is_for_the_api(self.payload):
            raise TokenError("The token was made for something else")

    def albums_granting(self, ability: str) -> list[str] | None:
        """Ids of the albums in which the token has the ability; None means every one of its organization.

        People and `admin` secrets are not limited to what their tokens list (API: abilities).
        """
        if self.secret is None or abilities.is_admin(self.payload):
            return None
        return abilities.albums_granting(self.payload, ability)

    def renewed(self) -> str:
        """X-token: the same claims from now on for four hours, in the published order (API: X-token)."""
        now = int(time.time())
        head: dict[str, Any] = {"exp": now + int(self.lifetime.total_seconds()), "iat": now}
        named: dict[str, Any] = {
            name: self.payload[name] for name in ("user_id", "iss", "storage") if name in self.payload
        }
        signer = self.signer if self.secret else backend(settings.SECRET_KEY)
        return signer.encode({**head, **named, **{k: v for k, v in self.payload.items() if k not in head}})


NOBODYS_KEY = base64.b64encode(uuid.uuid4().bytes + uuid.uuid4().bytes).decode()


def peek(raw: bytes) -> dict[str, Any]:
    """The payload before verification, only to learn whose key to verify with. Raises TokenError."""
    shape = SHAPE.fullmatch(raw) if len(raw) <= MAX_BYTES else None
    if not shape:
        raise TokenError("Token is invalid")
    try:
        payload = base64.urlsafe_b64decode(shape[1] + b"==")
        claims = orjson.loads(payload)
    except (binascii.Error, orjson.JSONDecodeError) as error:
        raise TokenError("Token is invalid") from error
    if not isinstance(claims, dict) or b"\\u0000" in payload:  # claims become parameters of queries, which hold no NUL
        raise TokenError("Token is invalid")
    return claims


def server_backend(raw: bytes) -> Backend:
    """The key of ours that verifies the token: the newest, unless an older SECRET_KEY signed it."""
    for key in settings.SECRET_KEY_FALLBACKS:
        try:
            backend(key).decode(raw)
        except TokenBackendError:
            continue
        return backend(key)
    return backend(settings.SECRET_KEY)


def known_secret(secret_id: object) -> Secret | None:
    """The secret of an active organization that is not revoked, or None; read on every request."""
    if not isinstance(secret_id, str) or not ID.fullmatch(secret_id):
        return None
    found = SECRETS.rows(id=secret_id)
    return Secret(**dict(zip(SECRET_COLUMNS, found[0], strict=True))) if found else None


def organization_of_user(user_id: object) -> uuid.UUID | None:
    """The active organization of an active person, or None; read on every request."""
    if not isinstance(user_id, str) or not ID.fullmatch(user_id):
        return None
    found = USERS.rows(id=user_id)
    return found[0][0] if found else None


SECRET_COLUMNS = ("id", "organization_id", "ciphertext", "last_used_at")
SECRETS = Statement(
    lambda: Secret.objects.filter(
        pk=Parameter("id", UUIDField()), revoked_at__isnull=True, organization__is_active=True
    ).values_list(*SECRET_COLUMNS)
)
USERS = Statement(
    lambda: User.objects.filter(
        pk=Parameter("id", UUIDField()), is_active=True, organization__is_active=True
    ).values_list("organization_id")
)
