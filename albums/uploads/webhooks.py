"""Cloudinary tells of an upload (API: Cloudinary webhook, native upload)."""

import time
from contextlib import suppress
from typing import Any

import orjson
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request
from rest_framework_simplejwt.exceptions import TokenError

from accounts.tokens import UploadToken
from albums.models import Album
from albums.uploads.claims import Gone, Sent, known_upload
from images.infos import decimal
from images.uploads.keys import Signer, signer_for
from sharinpix.api import Malformed, body_of, without_nul

WINDOW = 7_200
"""Seconds that a notification's timestamp may be off, either way."""


def notification(request: Request, signer: Signer) -> dict[str, Any] | None:
    """The body of a notification, whose signature is verified over its very bytes; None where it tells of a failure,
    or of anything else but an upload.

    Raises AuthenticationFailed for a signature or timestamp that does not hold, Malformed for a body that is no object.
    """
    body = body_of(request._request)  # type: ignore[arg-type]  # the Content-Type it is sent with is not the truth
    timestamp = request.headers.get("X-Cld-Timestamp", "")
    moment = decimal(timestamp)
    if moment is None or abs(time.time() - moment) > WINDOW:
        raise AuthenticationFailed()
    if not signer.notifies(body, timestamp, request.headers.get("X-Cld-Signature", "")):
        raise AuthenticationFailed()
    try:
        told = without_nul(orjson.loads(body))
        orjson.dumps([[told]])
    except (orjson.JSONDecodeError, TypeError, RecursionError) as error:
        raise Malformed("The body is not valid JSON.") from error
    if not isinstance(told, dict):
        raise Malformed("The body must be an object.")
    return None if "error" in told or told.get("notification_type", "upload") != "upload" else told


def upload_token(request: Request) -> UploadToken:
    """The token in the webhook's address. Raises AuthenticationFailed."""
    raw = request._request.GET.get("token", "").encode("utf-8", "replace")
    try:
        return UploadToken(raw)
    except TokenError as error:
        raise AuthenticationFailed() from error


def receive(token: UploadToken, told: dict[str, Any]) -> None:
    """Makes the image of the upload in the token's album, unless it is made already or was deleted since."""
    try:
        upload = known_upload(told, token.organization_id)
        Album.objects.receive(token.organization_id, token.album_id, upload, Sent(infos=told), token.user)
    except Gone:
        pass


def receive_native(request: Request) -> None:
    """Notes an upload of the mobile app, for a batch to claim. Raises as notification does."""
    told = notification(request, signer_for(None))
    if told is not None:
        with suppress(PermissionDenied):  # claimed meanwhile
            known_upload(told, None)
