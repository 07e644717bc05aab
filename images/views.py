"""The image endpoints of the API."""

from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.viewsets import ViewSet

from accounts.authentication import RenewsToken, token_of
from images.reader import Reader
from images.resync import MAX_IDS, MAX_PAGE, PAGE, Resync
from images.serializers import ImageSerializer
from sharinpix.api import JSON_TYPE

RESYNC: dict[str, Any] = {
    "description": (
        "The images that the client knows, each as it is now, in the order of their albums. Unknown, trashed and "
        "foreign ids are absent, all alike; members that are not UUIDs are skipped and counted in `X-message`. "
        f"Up to {MAX_IDS:,} ids. Without ids: everything visible to the token in pages, with a `Link` to the next."
    ),
    "responses": {200: ImageSerializer(many=True), 400: None, 401: None},
    "parameters": [
        OpenApiParameter("ids[]", {"type": "array", "items": {"type": "string", "format": "uuid"}}, explode=True),
        OpenApiParameter("album_id", str, description="Only images of this album."),
        OpenApiParameter("per_page", int, description=f"Without ids: images a page, {PAGE:,} to {MAX_PAGE:,} at most."),
        OpenApiParameter("cursor", str, description="Without ids: where a page begins, from `Link`."),
    ],
}
IDS = inline_serializer("ResyncIds", {"ids": serializers.ListField(child=serializers.UUIDField(), required=False)})


class ImageViewSet(RenewsToken, ViewSet):
    """Images as API consumers see them."""

    @extend_schema(methods=["GET"], operation_id="image_syncs", **RESYNC)
    @extend_schema(methods=["POST"], operation_id="image_syncs_by_post", request=IDS, **RESYNC)
    def image_syncs(self, request: Request) -> HttpResponseBase:
        asked = Resync.asked_by(request)
        reader = Reader(token_of(request), asked)
        response: HttpResponseBase
        if reader.streams:
            response = StreamingHttpResponse(reader.pieces(), content_type=JSON_TYPE)
        else:
            response = HttpResponse(reader.body(), content_type=JSON_TYPE)
        if reader.next:
            address = request.build_absolute_uri(request.path)
            response["Link"] = f'<{address}?{asked.next_query(reader.next)}>; rel="next"'
        if message := asked.message():
            response["X-message"] = message
        return response
