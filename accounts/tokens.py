"""Tokens: simplejwt's classes, taught the published dialect (API: authentication, X-token).

Two kinds. A *user token* (`exp`, `iat`, `user_id`) is signed by the server with a key of the person's own, which ends
with the password and with each log-out everywhere. A *secret token* (`iss`) is signed with that secret; a `user_id` in
it is an attribute and never an identity.
"""

import base64
import binascii
import re
import time
import uuid
from collections import defaultdict
from datetime import timedelta
from functools import cached_property
from typing import Any, Self

import orjson
from django.conf import settings
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.settings import api_settings
from rest_framework_simplejwt.tokens import Token

from accounts import abilities
from accounts.encryption import Undecipherable
from accounts.models import Secret, User
from accounts.signers import UNUSED_KEY, Backend, Login, TimelessBackend, backend, known_login, known_secret
from sharinpix.errors import Denied

MAX_BYTES = 8_192
"""A longer token is refused before it is decoded: decoding costs time in proportion."""
SHAPE = re.compile(rb"[A-Za-z0-9_-]+\.([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]+")


class SharinpixToken(Token):
    """A verified token, or a new one for a user: `SharinpixToken.for_user(user)`.

    After verification `organization_id` is whose data it opens, `user_id` and `user` the person of a user token and
    `secret` the signer of a secret token. Raises TokenError for everything that is not to be trusted.
    """

    token_type = "sharinpix"  # noqa: S105  (a name, not a password)
    lifetime = timedelta(hours=4)
    purpose = staticmethod(abilities.is_for_the_api)
    user_id: str | None = None
    secret: Secret | None = None
    organization_id: uuid.UUID

    def __init__(self, token: Any = None, verify: bool = True) -> None:
        self.signer = self.newest = backend(UNUSED_KEY)
        if token is not None:
            self.find_signer(token)
        super().__init__(token, verify)

    @classmethod
    def for_user(cls, user: Any) -> Self:
        token = super().for_user(user)
        login = Login(*(getattr(user, name) for name in Login._fields))
        token.signer = token.newest = login.backend(settings.SECRET_KEY)
        return token

    @cached_property
    def user(self) -> User | None:
        """The person of a user token, read on first use. Raises Denied where it was deleted since the verification."""
        found = User.objects.filter(pk=self.user_id).first() if self.user_id else None
        if found is None and self.user_id:
            raise Denied()
        return found

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
        if "iss" in claims:
            self.secret = known_secret(claims["iss"])
            if self.secret is not None:
                self.organization_id = self.secret.organization_id
                try:
                    self.signer = self.newest = backend(self.secret.key())
                except Undecipherable as error:
                    raise TokenError("The secret cannot be read") from error
        else:
            login = known_login(claims.get("user_id"))
            if login is not None:
                self.organization_id, self.user_id = login.organization_id, str(claims["user_id"])
                self.signer, self.newest = login.signer_of(raw), login.backend(settings.SECRET_KEY)

    def verify(self) -> None:
        if self.user_id is None and self.secret is None:
            raise TokenError("No known key signed this")
        if self.secret is None and "exp" not in self.payload:
            raise TokenError("A user token needs exp")
        if not self.purpose(self.payload):
            raise TokenError("The token was made for something else")

    def albums_granting(self, ability: str) -> list[str] | None:
        """Ids of the albums in which the token has the ability; None means every one of its organization.

        People and `admin` secrets are not limited to what their tokens list (API: abilities).
        """
        if self.is_persons_or_admin:
            return None
        return abilities.albums_granting(self.payload, ability)

    @property
    def is_persons_or_admin(self) -> bool:
        """Whether it opens every album of its organization: people's tokens and `admin` secrets do."""
        return self.secret is None or abilities.is_admin(self.payload)

    def allows(self, ability: str, album_id: str) -> bool:
        """Whether the token may do this in the album, which need not exist (API: abilities)."""
        return self.is_persons_or_admin or abilities.access(self.payload, album_id).get(ability) is True

    def may_create_tag(self, name: str) -> bool:
        return self.is_persons_or_admin or abilities.may_create_tag(self.payload, name)

    def shown_access(self, album_id: str) -> dict[str, bool]:
        """The abilities in the album as X-access headers tell them; those of a person are the published defaults."""
        listed = abilities.access(self.payload, album_id)
        if self.secret is not None and abilities.is_admin(self.payload):
            return defaultdict(lambda: True)
        own = abilities.PERSONS_ABILITIES if self.secret is None else frozenset()
        return defaultdict(bool, dict.fromkeys((*own, *(n for n, v in listed.items() if v is True)), True))

    def for_uploads(self, album_id: str, expires: int) -> str:
        """The token in the address of an upload's webhook: good for this album and nothing else (API: upload form).

        `expires` is Unix time. It is signed with the key of this one, and ends with it.
        """
        holder = {name: self.payload[name] for name in ("user_id",) if not self.secret} or {"iss": self.payload["iss"]}
        claims = {"exp": expires, "iat": int(time.time()), **holder, "album_id": album_id}
        return self.newest.encode({**claims, "organization_id": str(self.organization_id)})

    def renewed(self) -> str | None:
        """X-token: the same claims from now on for four hours, in the published order (API: X-token).

        With SECRET_TOKEN_MAX_HOURS a secret token that has an `exp` keeps its `iat`, and none lives longer than that
        from then on; None when that time is over.
        """
        now = int(time.time())
        begun, until = now, now + int(self.lifetime.total_seconds())
        if settings.SECRET_TOKEN_MAX_HOURS and self.secret and "exp" in self.payload:
            begun = issued_at(self.payload.get("iat"), now)
            until = min(until, begun + settings.SECRET_TOKEN_MAX_HOURS * 3_600)
        if until <= now:
            return None
        head: dict[str, Any] = {"exp": until, "iat": begun}
        named: dict[str, Any] = {
            name: self.payload[name] for name in ("user_id", "iss", "storage") if name in self.payload
        }
        return self.newest.encode({**head, **named, **{k: v for k, v in self.payload.items() if k not in head}})


class UploadToken(SharinpixToken):
    """A token of `for_uploads`, come back in the address of a webhook."""

    purpose = staticmethod(abilities.is_for_uploads)

    @property
    def album_id(self) -> str:
        return str(self.payload["album_id"])

    def verify(self) -> None:
        super().verify()
        if self.payload["organization_id"] != str(self.organization_id) or not isinstance(
            self.payload["album_id"], str
        ):
            raise TokenError("The token names another organization than its signer's")


class FormToken(UploadToken):
    """The same in the signed parameters of an upload form, whose own time decides how long it is good."""

    def get_token_backend(self) -> Backend:
        return TimelessBackend(str(self.signer.signing_key))


def issued_at(claim: object, now: int) -> int:
    """The Unix time of a claim that is not checked: what is none, or is to come, counts as now."""
    sound = isinstance(claim, int | float) and not isinstance(claim, bool) and claim < now
    return max(int(claim), 0) if sound else now  # type: ignore[call-overload]


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
