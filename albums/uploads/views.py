"""Storage files and native uploads over HTTP (API: storage files, native upload)."""

from http import HTTPStatus
from uuid import UUID
from xml.sax.saxutils import escape

import orjson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from accounts.authentication import RenewsToken, token_of
from albums import answers
from albums.serializers import (
    AnnouncedFileSerializer,
    NativeFormSerializer,
    NewStorageFileSerializer,
    StoredFileSerializer,
)
from albums.uploads import native, storage_files, webhooks
from albums.uploads.forms import native_form
from albums.uploads.requests import album_id_in, demand_upload
from images.uploads.policy import Refused
from sharinpix.api import exception_handler, fields_of


class StorageFileViewSet(RenewsToken, ViewSet):
    """Files that clients send to the storage themselves."""

    @extend_schema(
        operation_id="announce_storage_file",
        request=NewStorageFileSerializer,
        responses={200: AnnouncedFileSerializer, 400: None, 401: None, 413: None},
    )
    def create(self, request: Request) -> HttpResponse:
        token, fields = token_of(request), fields_of(request)
        demand_upload(token, album_id_in(fields))
        file = storage_files.announce(fields, token)
        parameters = storage_files.upload_parameters(file)
        named = {"id": str(file.pk), "organization_id": str(file.organization_id)}
        return answers.json({**named, "upload_parameters": parameters})

    @extend_schema(
        operation_id="announce_file_of_storage",
        request=NewStorageFileSerializer,
        responses={200: AnnouncedFileSerializer, 400: None, 401: None, 413: None},
    )
    def create_in(self, request: Request, storage_id: str) -> HttpResponse:
        """The same under the name of a storage, whichever: there is one."""
        return self.create(request)

    @extend_schema(
        operation_id="storage_file_sent",
        request=None,
        responses={200: StoredFileSerializer, 400: None, 401: None, 404: None, 409: None},
    )
    def update(self, request: Request, file_id: UUID) -> HttpResponse:
        # The body is not looked at: clients send what the storage answered them, in many shapes or none.
        file, image = storage_files.claim(file_id, token_of(request))
        named = {"id": str(file.pk), "organization_id": str(file.organization_id)}
        return answers.json({**named, "image": orjson.Fragment(answers.image_text(image.pk))})


class StorageUploadView(APIView):
    """POST /storage_files: the form of a storage file and the file, where no bucket takes them; answers as S3 does."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(exclude=True)
    def post(self, request: Request) -> HttpResponse:
        content = request.FILES.get("file")
        if content is None:
            return fault(HTTPStatus.BAD_REQUEST, "InvalidArgument", "The form holds no file.")
        try:
            file, upload = storage_files.receive(fields_of(request), content)
        except Refused as error:
            return fault(HTTPStatus.FORBIDDEN, "AccessDenied", str(error))
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
        return fault(HTTPStatus(response.status_code), "InvalidRequest", response["X-message"])


def xml(status: HTTPStatus, body: str) -> HttpResponse:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'
    return HttpResponse(text, status=status, content_type="application/xml")


def fault(status: HTTPStatus, code: str, sentence: str) -> HttpResponse:
    return xml(status, f"<Error><Code>{code}</Code><Message>{escape(sentence)}</Message></Error>")


@require_safe
def upload_test(request: HttpRequest) -> HttpResponse:
    """GET /upload_test: a form's `test_url`. Whoever gets this answer can reach us."""
    return HttpResponse(content_type="text/html")


class NativeView(APIView):
    """GET /api/v1/native_upload[?app_version=2], without a token."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(
        operation_id="native_upload",
        parameters=[OpenApiParameter("app_version", str)],
        responses={200: NativeFormSerializer},
    )
    def get(self, request: Request) -> HttpResponse:
        return answers.json(native_form(by_image=request.query_params.get("app_version") == "2"))


class NativeImageView(APIView):
    """POST /api/v1/native_upload/image: Cloudinary tells of an upload that a batch will claim."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(operation_id="native_upload_image", request=None, responses={201: None, 401: None})
    def post(self, request: Request) -> HttpResponse:
        webhooks.receive_native(request)
        return HttpResponse(status=HTTPStatus.CREATED, content_type="text/html")


class NativeBatchView(APIView):
    """POST /api/v1/native_upload/batch: 200 without a body, whatever comes of it."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(operation_id="native_upload_batch", request=None, responses={200: None})
    def post(self, request: Request) -> HttpResponse:
        native.receive_batch(request)
        return HttpResponse(content_type="text/html")
