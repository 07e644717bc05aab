"""The endpoint of upload forms: it takes and answers uploads as Cloudinary's upload API does (API: upload form)."""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.core.files.base import File
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from images.delivery import signed_urls, signing
from images.uploads import parts, quotas
from images.uploads.answers import upload_answer
from images.uploads.arrival import storing_original
from images.uploads.infos import decimal
from images.uploads.keys import NATIVE, Signer, signer_with_key
from images.uploads.models import Upload
from sharinpix import fetching, queue
from sharinpix.api import exception_handler
from sharinpix.client_address import client_address
from sharinpix.errors import Malformed, Unavailable
from sharinpix.parsers import fields_of

UNSIGNED = ("file", "cloud_name", "resource_type", "api_key", "signature")
BEHIND = 3_600
AHEAD = {True: 30 * 86_400 + 60, False: 7 * 86_400 + 60}
"""Seconds that a timestamp may lie ahead (that of a form is its expiry), in native uploads and others."""


Receiver = Callable[[Upload], object]


class Unsigned(APIException):
    """401: no upload key made the signature, or the timestamp is out of range."""

    status_code = HTTPStatus.UNAUTHORIZED
    default_code = "unauthorized"
    default_detail = "Invalid signature."


class UploadView(APIView):
    """POST /v1_1/<cloud>/(auto|image|raw|video)/upload: one file, whole or in parts, under signed parameters.

    albums.uploads.form_uploads makes images of uploads.
    """

    authentication_classes = ()
    permission_classes = ()

    def receiver(self, signer: Signer, parameters: dict[str, str]) -> Receiver:
        """What is called with the saved upload, in the transaction that saves it. Raises Unsigned."""
        return lambda upload: None

    @extend_schema(exclude=True)
    def post(self, request: Request, cloud: str) -> Response:
        if cloud != settings.CLOUD_NAME:
            raise Malformed("There is no such cloud here.")
        signer, parameters = signed_upload(request)
        received = self.receiver(signer, parameters)
        native = signer.api_key == NATIVE
        if native:
            quotas.spend(client_address(request), requests=1)
        with file_of(request) as file:
            if native:
                quotas.spend(client_address(request), size=file.size or 0)
            answer = stored_upload(request, signer, parameters, file, received)
        notify_uploader(answer, parameters, signer)
        return Response(answer)

    def handle_exception(self, error: Exception) -> Response:
        response = exception_handler(error, self.get_exception_handler_context())
        if response is None:
            raise error
        headers = {name: response[name] for name in ("X-message", "Retry-After") if name in response}
        body = {"error": {"message": response["X-message"]}}
        return Response(body, status=response.status_code, headers=headers)


def signed_upload(request: Request) -> tuple[Signer, dict[str, str]]:
    """The key that signed the upload, and its signed parameters as texts. Raises Unsigned, and Malformed for a
    parameter that cannot be a text."""
    fields = fields_of(request)
    given = {name: value for name, value in fields.items() if name not in UNSIGNED and value is not None}
    if not all(map(is_parameter, given.values())):
        raise Malformed("A parameter must be a text, a number or a list of texts.")
    signer = signer_with_key(str(fields.get("api_key", "")))
    if signer is None or not signer.verifies(given, str(fields.get("signature", ""))):
        raise Unsigned()
    parameters = {name: signing.parameter_text(value) for name, value in given.items()}
    timestamp, now = decimal(parameters.get("timestamp")), time.time()
    if timestamp is None or not now - BEHIND <= timestamp <= now + AHEAD[signer.api_key == NATIVE]:
        raise Unsigned("The upload's time has passed.")
    if signer.api_key == NATIVE and not settings.NATIVE_UPLOAD:
        raise Unsigned()
    return signer, parameters


def is_parameter(value: object) -> bool:
    """Whether the value can be signed as a text; an object, and a list that holds one, cannot."""
    members = value if isinstance(value, list) else [value]
    return all(isinstance(member, str | int | float) for member in members)


@contextmanager
def file_of(request: Request) -> Iterator[File[bytes]]:
    """The file of the upload, fetched where `file` is a URL. Raises Malformed and Unavailable."""
    file = request.FILES.get("file")
    if file is not None:
        yield file
        return
    url = fields_of(request).get("file")
    if not isinstance(url, str) or not url:
        raise Malformed("Missing required parameter - file")
    with tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR) as buffer:
        try:
            found = fetching.fetch(url, {}, buffer, most=settings.MAX_UPLOAD)
        except fetching.TooManyFetches as error:
            raise Unavailable(str(error)) from error
        except (fetching.Refused, fetching.Failed) as error:
            raise Malformed(str(error)) from error
        yield File(buffer, found.filename or "file")


def stored_upload(
    request: Request, signer: Signer, parameters: dict[str, str], file: File[bytes], received: Receiver
) -> dict[str, Any]:
    """Stores the file, or a part of it by Content-Range, and returns the answer. Raises as `storing_original` does."""
    kind = parameters.get("type") or "upload"
    if kind not in signed_urls.TYPES:
        raise Malformed(f"type must be one of {', '.join(signed_urls.TYPES)}.")

    def answer(upload: Upload, content: File[bytes]) -> dict[str, Any]:
        return upload_answer(upload, content, parameters, signer)

    if "Content-Range" in request.headers:
        span = parts.Span.parse(request.headers["Content-Range"])
        upload_id = request.headers.get("X-Unique-Upload-Id", "")
        return parts.add_part(signer, upload_id, span, file, parameters, parts.Whole(answer, received))
    if "public_id" in parameters:
        raise Malformed("public_id is made by this server; leave it out.")
    with (
        storing_original(
            file,
            organization_id=signer.organization_id,
            name=file.name or "",
            type=kind,
            answer=lambda upload: answer(upload, file),
        ) as upload,
        quotas.saving_unclaimed(signer.api_key, upload.bytes or 0),
    ):
        upload.save(force_insert=True)
        received(upload)
    return dict(upload.answer)


def notify_uploader(answer: dict[str, Any], parameters: dict[str, str], signer: Signer) -> None:
    """Sends a job that notifies the upload's `notification_url`, unless it is below PUBLIC_URL or parts are missing."""
    url = parameters.get("notification_url", "")
    ours = f"{url}/".lower().startswith(f"{settings.PUBLIC_URL}/".lower())
    if url and not ours and "done" not in answer:
        queue.later("images.tasks.notify", url, answer["public_id"], signer.api_key)
