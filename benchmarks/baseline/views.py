from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework_simplejwt.authentication import JWTAuthentication

from benchmarks.baseline.serializers import PlainImageSerializer
from images.models import Image


class PlainImageSyncs(APIView):
    authentication_classes = (JWTAuthentication,)
    permission_classes = (IsAuthenticated,)
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = DefaultContentNegotiation

    def get(self, request):
        images = Image.objects.filter(
            album__organization_id=request.user.organization_id,
            trashed_at__isnull=True,
            id__in=request.GET.getlist("ids[]"),
        )
        images = images.select_related("album", "uploader").prefetch_related("tags")
        images = images.order_by("album_id", "position", "created_at", "id")
        return Response(PlainImageSerializer(images, many=True).data)
