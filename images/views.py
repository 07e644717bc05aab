"""The image endpoints of the API (API: image syncs)."""

from typing import Any

from django.conf import settings
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from accounts.authentication import token_of
from accounts.viewsets import TokenViewSet
from images.serializers import ImageSerializer
from images.syncs.reader import Reader
from images.syncs.request import MAX_IDS, SyncQuerySerializer, SyncRequest, SyncRequestSerializer
from sharinpix.renderers import JSON_TYPE

RESYNC: dict[str, Any] = {
    "description": (
        "The images that the client knows, each as it is now, in the order of their albums. Unknown, trashed and "
        "foreign ids are absent, all alike; members that are not UUIDs are skipped and counted in `X-message`. "
        f"Up to {MAX_IDS:,} ids. Without ids: everything visible to the token in pages, with a `Link` to the next."
    ),
    "parameters": [SyncQuerySerializer],
    "responses": {200: ImageSerializer(many=True), 400: None, 401: None},
}


class ImageViewSet(TokenViewSet):
    """Images of the API."""

    @extend_schema(methods=["GET"], operation_id="image_syncs", **RESYNC)
    @extend_schema(methods=["POST"], operation_id="image_syncs_by_post", request=SyncRequestSerializer, **RESYNC)
    def image_syncs(self, request: Request) -> HttpResponseBase:
        """GET and POST /api/v1/image_syncs (API: image syncs)."""
        asked = SyncRequest.read(request)
        reader = Reader(token_of(request), asked)
        response = response_of(reader)
        if reader.next:
            address = settings.PUBLIC_URL + request.path_info  # never of Host, which a client chooses
            response["Link"] = f'<{address}?{asked.next_query(reader.next)}>; rel="next"'
        if message := asked.message():
            response["X-message"] = message
        return response


def response_of(reader: Reader) -> HttpResponseBase:
    """The answer that a reader reads, streamed if it is long."""
    if reader.streams:
        return StreamingHttpResponse(reader.pieces(), content_type=JSON_TYPE)
    return HttpResponse(reader.body(), content_type=JSON_TYPE)
