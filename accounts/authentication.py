"""Reads the Authorization header, verifies its token, and renews it in the answer (API: authentication, X-token)."""

import re
from typing import Any, cast

from django.contrib.auth.models import AnonymousUser
from django.utils.functional import SimpleLazyObject
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import TokenError

from accounts.models import User
from accounts.tokens import MAX_BYTES, SharinpixToken

HEADER = re.compile(
    rb'\s*(?:Token|Bearer)\s+(?:token=)?(?:"([^"]*)"|([^\s",;]+))\s*(?:[,;].*)?', re.IGNORECASE | re.DOTALL
)
RENEWED_MAX_BYTES = MAX_BYTES
"""A longer renewed token is not sent, since the server would refuse it."""


class TokenAuthentication(JWTAuthentication):
    """`Authorization: Token token="<jwt>"`, also unquoted, and `Bearer <jwt>` (API: authentication).

    `request.auth` is the verified SharinpixToken; `request.user` is the user of a user token, else anonymous.
    """

    def authenticate_header(self, request: Request) -> str:
        return 'Token realm="Application"'

    def get_raw_token(self, header: bytes) -> bytes | None:
        if len(header) > MAX_BYTES + 100:
            raise AuthenticationFailed()
        found = HEADER.fullmatch(header)
        if not found:
            raise AuthenticationFailed()
        return found[1] if found[1] is not None else found[2]

    def get_validated_token(self, raw_token: bytes) -> SharinpixToken:
        try:
            return SharinpixToken(raw_token)
        except TokenError as error:
            raise AuthenticationFailed() from error

    def get_user(self, validated_token: Any) -> User | AnonymousUser:  # type: ignore[override]
        token: SharinpixToken = validated_token
        if token.secret is not None:
            token.secret.touch()
        return cast(User, SimpleLazyObject(lambda: token.user)) if token.user_id else AnonymousUser()


def token_of(request: Request) -> SharinpixToken:
    """The verified token of a request that HasToken permits."""
    return cast(SharinpixToken, request.auth)


class RenewsToken:
    """Mixin of API views: adds X-token to every authenticated answer below 300 (API: X-token)."""

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]
        token = getattr(request, "auth", None) if response.status_code < 300 else None
        renewed = token.renewed() if isinstance(token, SharinpixToken) else None
        if renewed and len(renewed) <= RENEWED_MAX_BYTES:
            response["X-token"] = renewed
        return response
