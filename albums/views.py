"""The album endpoints that uploads need, and the webhook that ends in one (API: albums, create an image)."""

import uuid
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase, StreamingHttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from accounts.authentication import RenewsToken, token_of
from albums import answers
from albums.models import Album
from albums.serializers import AlbumSerializer, NewImageSerializer
from albums.uploads import plain, webhooks
from albums.uploads.claims import Sent, claimable
from albums.uploads.requests import demand_upload, object_in
from images.models import Image
from images.reader import Reader
from images.resync import Resync
from images.serializers import AlbumImageSerializer
from images.uploads.keys import signer_for
from sharinpix.api import JSON_TYPE, Malformed, fields_of


class AlbumViewSet(RenewsToken, ViewSet):
    """Albums as API consumers see them."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if "album_id" in kwargs:
            Album.check_public_id(kwargs["album_id"])

    @extend_schema(operation_id="create_album", request=None, responses={200: AlbumSerializer, 401: None})
    def create(self, request: Request) -> HttpResponse:
        token = token_of(request)
        if not token.is_persons_or_admin:
            raise PermissionDenied()
        return answers.json(answers.look_at(token, str(uuid.uuid4())))

    @extend_schema(operation_id="album", responses={200: AlbumSerializer, 400: None, 401: None})
    def retrieve(self, request: Request, album_id: str) -> HttpResponse:
        token = token_of(request)
        response = answers.json(answers.look_at(token, album_id))
        for name, value in answers.access_headers(token, album_id).items():
            response[name] = value
        return response

    @extend_schema(
        operation_id="album_images",
        responses={200: AlbumImageSerializer(many=True), 400: None, 401: None},
    )
    def images(self, request: Request, album_id: str) -> HttpResponseBase:
        reader = Reader(token_of(request), Resync.of_album(album_id), sync_keys=False)
        if reader.streams:
            return StreamingHttpResponse(reader.pieces(), content_type=JSON_TYPE)
        return HttpResponse(reader.body(), content_type=JSON_TYPE)

    @extend_schema(
        operation_id="create_image",
        request=NewImageSerializer,
        responses={200: AlbumImageSerializer, 400: None, 401: None, 409: None, 413: None, 422: None},
    )
    def add_image(self, request: Request, album_id: str) -> HttpResponse:
        demand_upload(token_of(request), album_id)
        file = request.FILES.get("file")
        image = self.claim(request, album_id) if file is None else plain.upload(request, album_id, file)
        return answers.image(image.pk)

    def claim(self, request: Request, album_id: str) -> Image:
        """The image of an upload whose Cloudinary answer the client hands in."""
        token, fields = token_of(request), fields_of(request)
        if "cloudinary" not in fields:
            raise Malformed("Send a file, or the answer of an upload as cloudinary.")
        upload = claimable(fields["cloudinary"], token)
        sent = Sent(infos=fields["cloudinary"], metadatas=object_in(fields, "metadatas", "metadata"))
        return Album.objects.receive(token.organization_id, album_id, upload, sent, token.user)


class WebhookView(APIView):
    """POST /api/v1/cloudinary?token=: 201 without a body, and an image in the album of the token."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(operation_id="cloudinary_webhook", request=None, responses={201: None, 401: None})
    def post(self, request: Request) -> HttpResponse:
        token = webhooks.upload_token(request)
        told = webhooks.notification(request, signer_for(token.organization_id))
        response = HttpResponse(status=201, content_type="text/html")
        if told is not None:
            webhooks.receive(token, told)
            response["X-token"] = token.renewed()
        return response
