"""The endpoints of albums and Cloudinary's webhook (API: albums, create an image, Cloudinary webhook)."""

import uuid
from dataclasses import replace
from functools import partial
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.authentication import token_of
from accounts.permissions import HasAbility, IsPersonOrAdmin
from accounts.viewsets import TokenViewSet, permitted
from albums import answers
from albums.models import Album
from albums.serializers import AlbumSerializer
from albums.uploads import webhooks
from albums.uploads.idempotency import idempotency_key
from albums.uploads.permissions import MayGiveTags
from albums.uploads.plain import sent_beside, upload_plainly
from albums.uploads.serializers import ClaimedUploadSerializer, NewImageSerializer
from images.serializers import AlbumImageSerializer
from images.syncs.reader import Reader
from images.syncs.request import SyncRequest
from images.uploads.claims import claimable
from images.uploads.keys import organization_signer
from images.views import response_of


class AlbumViewSet(TokenViewSet):
    """Albums and their images."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if "album_id" in kwargs:
            Album.check_public_id(kwargs["album_id"])

    @extend_schema(operation_id="create_album", request=None, responses={200: AlbumSerializer, 401: None})
    @permitted(IsPersonOrAdmin)
    def create(self, request: Request) -> Response:
        """POST /api/v1/albums (API: albums)."""
        return Response(answers.answer_creating_album(token_of(request), str(uuid.uuid4())))

    @extend_schema(operation_id="album", responses={200: AlbumSerializer, 400: None, 401: None})
    def retrieve(self, request: Request, album_id: str) -> Response:
        """GET /api/v1/albums/<id> (API: albums, X-access headers)."""
        token = token_of(request)
        answer = answers.answer_creating_album(token, album_id)
        return Response(answer, headers=answers.access_headers(token, album_id))

    @extend_schema(operation_id="album_images", responses={200: AlbumImageSerializer(many=True), 400: None, 401: None})
    def images(self, request: Request, album_id: str) -> HttpResponseBase:
        """GET /api/v1/albums/<id>/images (API: albums)."""
        return response_of(Reader(token_of(request), SyncRequest.of_album(album_id), resync_keys=False))

    @extend_schema(
        operation_id="create_image",
        request={
            "multipart/form-data": NewImageSerializer,
            "application/json": ClaimedUploadSerializer,
            "application/x-www-form-urlencoded": ClaimedUploadSerializer,
        },
        responses={200: AlbumImageSerializer, 400: None, 401: None, 409: None, 413: None, 422: None},
    )
    @permitted(HasAbility("image_upload"), MayGiveTags())
    def add_image(self, request: Request, album_id: str) -> Response:
        """POST /api/v1/albums/<id>/images (API: create an image)."""
        token = token_of(request)
        if "file" in request.FILES:
            fields, key = NewImageSerializer.read(request), idempotency_key(request)
            image = upload_plainly(token, album_id, fields["file"], sent_beside(fields), key)
        else:
            fields = ClaimedUploadSerializer.read(request)
            upload = claimable(fields["cloudinary"], token)
            sent = replace(sent_beside(fields), infos=fields["cloudinary"])
            image = Album.objects.receive(
                token.organization_id,
                album_id,
                upload,
                sent,
                token.user,
                may_take=partial(token.allows, "image_upload"),
            )
        return answers.image_answer(image.pk)


class WebhookView(APIView):
    """POST /api/v1/cloudinary?token=: makes an image in the token's album (API: Cloudinary webhook)."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(operation_id="cloudinary_webhook", request=None, responses={201: None, 401: None})
    def post(self, request: Request) -> HttpResponse:
        token = webhooks.upload_token(request)
        answer = webhooks.notification(request, organization_signer(token.organization_id))
        response = HttpResponse(status=201, content_type="text/html")
        if answer is not None:
            webhooks.receive_upload(token, answer)
            if renewed := token.renewed():
                response["X-token"] = renewed
        return response
