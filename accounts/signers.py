"""Whose key verifies a token: rows of people and secrets, read on every request, and the keys that they stand for."""

import base64
import re
import uuid
from functools import lru_cache
from typing import Any, NamedTuple

import jwt
from django.conf import settings
from django.db.models import UUIDField
from django.urls.converters import UUIDConverter
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenBackendExpiredToken

from accounts.models import Secret, User, login_state
from sharinpix.key_derivation import derived_key
from sharinpix.patches import quick_jwt
from sharinpix.prepared import Parameter, PreparedQuery

LEEWAY = 30
"""Seconds by which the clocks of two machines may differ."""
ID = re.compile(UUIDConverter.regex)
UNUSED_KEY = base64.b64encode(uuid.uuid4().bytes + uuid.uuid4().bytes).decode()
JWT = quick_jwt()


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


class TimelessBackend(Backend):
    """`exp` is not checked: what the token came with says how long it is good."""

    OPTIONS = {**Backend.OPTIONS, "verify_exp": False}


@lru_cache(maxsize=1_024)
def backend(key: str) -> Backend:
    return Backend(key)


class Login(NamedTuple):
    """What of a person's row decides whether and by which keys tokens are believed; read on every request."""

    id: uuid.UUID
    organization_id: uuid.UUID
    password: str
    log_outs: int

    def backend(self, server_key: str) -> Backend:
        """The key of the person's tokens under a SECRET_KEY, as long as the password and the count of log-outs stay."""
        return login_backend(server_key, f"{self.id}.{login_state(self.password, self.log_outs)}")

    def signer_of(self, raw: bytes) -> Backend:
        """The key that verifies the token: the newest, unless it was signed under an older SECRET_KEY."""
        for server_key in settings.SECRET_KEY_FALLBACKS:
            older = self.backend(server_key)
            try:
                older.decode(raw)
            except TokenBackendError:
                continue
            return older
        return self.backend(settings.SECRET_KEY)


@lru_cache(maxsize=10_000)
def login_backend(server_key: str, login: str) -> Backend:
    return Backend(derived_key(server_key, f"user tokens.{login}"))


def known_secret(secret_id: object) -> Secret | None:
    """The secret of an active organization that is not revoked, or None; read on every request."""
    if not isinstance(secret_id, str) or not ID.fullmatch(secret_id):
        return None
    found = SECRETS.rows(id=secret_id)
    return Secret(**dict(zip(SECRET_COLUMNS, found[0], strict=True))) if found else None


def known_login(user_id: object) -> Login | None:
    """The login of an active person of an active organization, or None; read on every request."""
    if not isinstance(user_id, str) or not ID.fullmatch(user_id):
        return None
    found = USERS.rows(id=user_id)
    return Login(*found[0]) if found else None


SECRET_COLUMNS = ("id", "organization_id", "ciphertext", "last_used_at")
SECRETS = PreparedQuery(
    lambda: Secret.objects.filter(
        pk=Parameter("id", UUIDField()), revoked_at__isnull=True, organization__is_active=True
    ).values_list(*SECRET_COLUMNS)
)
USERS = PreparedQuery(
    lambda: User.objects.filter(
        pk=Parameter("id", UUIDField()), is_active=True, organization__is_active=True
    ).values_list(*Login._fields)
)
