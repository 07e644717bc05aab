"""Notifications of uploads by Cloudinary (API: Cloudinary webhook, native upload)."""

import time
from contextlib import suppress
from typing import Any

import orjson
from rest_framework.request import Request
from rest_framework_simplejwt.exceptions import TokenError

from accounts.tokens import UploadToken
from albums.models import Album
from images.uploads.claims import Gone, SentData, known_upload
from images.uploads.infos import decimal
from images.uploads.keys import Signer, organization_signer
from sharinpix.errors import Denied, Malformed
from sharinpix.parsers import body_of, without_nul

WINDOW = 7_200
"""Seconds that a notification's timestamp may be off, either way."""


def notification(request: Request, signer: Signer) -> dict[str, Any] | None:
    """The body of a notification, after its signature is verified; None if it is of a failure or of no upload.

    Raises Denied for a signature or timestamp that does not hold, Malformed for a body that is no object.
    """
    body = body_of(request._request)  # type: ignore[arg-type]  # the body is JSON whatever its Content-Type is
    timestamp = request.headers.get("X-Cld-Timestamp", "")
    moment = decimal(timestamp)
    if moment is None or abs(time.time() - moment) > WINDOW:
        raise Denied()
    if not signer.verifies_notification(body, timestamp, request.headers.get("X-Cld-Signature", "")):
        raise Denied()
    try:
        sent = without_nul(orjson.loads(body))
        orjson.dumps([[sent]])  # raises for a value that could not be answered
    except (orjson.JSONDecodeError, TypeError, RecursionError) as error:
        raise Malformed("The body is not valid JSON.") from error
    if not isinstance(sent, dict):
        raise Malformed("The body must be an object.")
    return None if "error" in sent or sent.get("notification_type", "upload") != "upload" else sent


def upload_token(request: Request) -> UploadToken:
    """The token in the webhook's address. Raises Denied."""
    raw = request._request.GET.get("token", "").encode("utf-8", "replace")
    try:
        return UploadToken(raw)
    except TokenError as error:
        raise Denied() from error


def receive_upload(token: UploadToken, answer: dict[str, Any]) -> None:
    """Makes the image of the upload in the token's album, unless it was made before. Raises Malformed, Denied."""
    try:
        upload = known_upload(answer, token.organization_id)
        Album.objects.receive(
            token.organization_id, token.album_id, upload, SentData(infos=answer), token.user, by_client=False
        )
    except Gone:
        pass


def receive_native(request: Request) -> None:
    """Makes the Upload row of a native upload, which a batch may claim. Raises as `notification`, and Malformed."""
    answer = notification(request, organization_signer(None))
    if answer is not None:
        with suppress(Denied):  # it is claimed already
            known_upload(answer, None)
