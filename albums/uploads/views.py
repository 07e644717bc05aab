"""Storage files and native uploads over HTTP (API: storage files, native upload)."""

from http import HTTPStatus
from typing import Any
from uuid import UUID
from xml.sax.saxutils import escape

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import token_of
from accounts.permissions import HasAbility, HasAbilitySomewhere
from accounts.viewsets import TokenViewSet, permitted
from albums import answers
from albums.uploads import native, storage_files, webhooks
from albums.uploads.forms import native_form
from albums.uploads.serializers import (
    AnnouncedFileSerializer,
    NativeFormSerializer,
    NewStorageFileSerializer,
    StoredFileSerializer,
)
from images.uploads import quotas
from images.uploads.policy import PolicyViolated
from sharinpix.api import exception_handler
from sharinpix.client_address import client_address
from sharinpix.parsers import fields_of


class StorageFileViewSet(TokenViewSet):
    """Storage files: files that clients send to the storage."""

    @extend_schema(
        operation_id="announce_storage_file",
        request=NewStorageFileSerializer,
        responses={200: AnnouncedFileSerializer, 400: None, 401: None, 413: None},
    )
    @permitted(HasAbility("image_upload"))
    def create(self, request: Request) -> Response:
        """POST /api/v1/storage_files (API: storage files)."""
        file = storage_files.announce(token_of(request), NewStorageFileSerializer.read(request))
        file.upload_parameters = storage_files.upload_parameters(file)  # type: ignore[attr-defined]
        return Response(AnnouncedFileSerializer(file).data)

    @extend_schema(
        operation_id="announce_file_of_storage",
        request=NewStorageFileSerializer,
        responses={200: AnnouncedFileSerializer, 400: None, 401: None, 413: None},
    )
    @permitted(HasAbility("image_upload"))
    def create_in(self, request: Request, storage_id: str) -> Response:
        """POST /api/v1/storages/<id>/storage_files: the same, for any `storage_id` (API: storage files)."""
        return self.create(request)

    @extend_schema(
        operation_id="storage_file_sent",
        request=None,
        responses={200: StoredFileSerializer, 400: None, 401: None, 404: None, 409: None},
    )
    @permitted(HasAbilitySomewhere("image_upload"))
    def update(self, request: Request, file_id: UUID) -> Response:
        """PUT /api/v1/storage_files/<id> (API: storage files)."""
        # The body is not read: clients send the storage's answer, in any form, or nothing.
        file, image = storage_files.claim_file(file_id, token_of(request))
        file.image = answers.image_text(image.pk)  # type: ignore[attr-defined]
        return Response(StoredFileSerializer(file).data)


class StorageUploadView(APIView):
    """POST /storage_files: the form of a storage file and the file, where no bucket takes them; answers as S3 does."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(exclude=True)
    def post(self, request: Request) -> HttpResponse:
        content = request.FILES.get("file")
        if content is None:
            return s3_error(HTTPStatus.BAD_REQUEST, "InvalidArgument", "The form holds no file.")
        try:
            file, upload = storage_files.receive_file(fields_of(request), content)
        except PolicyViolated as error:
            return s3_error(HTTPStatus.FORBIDDEN, "AccessDenied", str(error))
        location = f"{settings.PUBLIC_URL}/{file.key}"
        body = (
            f"<PostResponse><Location>{escape(location)}</Location><Bucket>{storage_files.BUCKET}</Bucket>"
            f'<Key>{escape(file.key)}</Key><ETag>"{upload.md5}"</ETag></PostResponse>'
        )
        return xml(HTTPStatus.CREATED, body)

    def handle_exception(self, error: Exception) -> HttpResponse:  # type: ignore[override]
        response = exception_handler(error, self.get_exception_handler_context())
        if response is None:
            raise error
        if "Retry-After" not in response:
            return s3_error(HTTPStatus(response.status_code), "InvalidRequest", response["X-message"])
        answer = s3_error(HTTPStatus(response.status_code), "ServiceUnavailable", response["X-message"])
        answer["Retry-After"] = response["Retry-After"]
        return answer


def xml(status: HTTPStatus, body: str) -> HttpResponse:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'
    return HttpResponse(text, status=status, content_type="application/xml")


def s3_error(status: HTTPStatus, code: str, sentence: str) -> HttpResponse:
    return xml(status, f"<Error><Code>{code}</Code><Message>{escape(sentence)}</Message></Error>")


@require_safe
def upload_test(request: HttpRequest) -> HttpResponse:
    """GET /upload_test, the `test_url` of upload forms: 200 without a body (API: routes)."""
    return HttpResponse(content_type="text/html")


class NativeAPIView(APIView):
    """A route of native uploads: 404, whatever is asked of it, unless NATIVE_UPLOAD is set (API: native upload)."""

    authentication_classes = ()
    permission_classes = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if not settings.NATIVE_UPLOAD:
            raise NotFound("Native uploads are switched off here.")
        super().initial(request, *args, **kwargs)


class NativeView(NativeAPIView):
    """GET /api/v1/native_upload[?app_version=2], without a token (API: native form)."""

    @extend_schema(
        operation_id="native_upload",
        parameters=[OpenApiParameter("app_version", str)],
        responses={200: NativeFormSerializer, 404: None},
    )
    def get(self, request: Request) -> Response:
        form = native_form(by_image=request.query_params.get("app_version") == "2")
        return Response(NativeFormSerializer(form).data)


class NativeImageView(NativeAPIView):
    """POST /api/v1/native_upload/image: Cloudinary's notification of an upload for a batch (API: native upload)."""

    @extend_schema(operation_id="native_upload_image", request=None, responses={201: None, 401: None, 404: None})
    def post(self, request: Request) -> HttpResponse:
        webhooks.receive_native(request)
        return HttpResponse(status=HTTPStatus.CREATED, content_type="text/html")


class NativeBatchView(NativeAPIView):
    """POST /api/v1/native_upload/batch: 200 without a body whatever comes of it, or 429 (API: native upload)."""

    @extend_schema(operation_id="native_upload_batch", request=None, responses={200: None, 404: None, 429: None})
    def post(self, request: Request) -> HttpResponse:
        quotas.spend(client_address(request), requests=1, size=native.length_of(request))
        native.receive_batch(request)
        return HttpResponse(content_type="text/html")
