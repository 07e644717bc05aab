from django.urls import re_path

from images.views import ImageViewSet

urlpatterns = [
    re_path(
        r"^image_syncs/?$",
        ImageViewSet.as_view({"get": "image_syncs", "post": "image_syncs"}),
        name="image_syncs",
    ),
]
