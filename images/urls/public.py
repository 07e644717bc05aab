from django.conf import settings
from django.urls import path, re_path

from images import serve
from images.uploads.views import UploadView

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

urlpatterns = [
    path("assets/blank.jpg", serve.blank, name="blank"),
    re_path(rf"^images/(?P<image_id>{UUID})/thumbnails/(?P<link>[^/]+)$", serve.thumbnail, name="thumbnail"),
    re_path(r"^proxy/(?P<slug>[^/]+)$", serve.proxy, name="proxy"),
]
if settings.DELIVERY == "local":
    urlpatterns += [
        re_path(r"^v1_1/(?P<cloud>[^/]+)/(?:auto|image|raw|video)/upload$", UploadView.as_view(), name="upload"),
        re_path(rf"^{settings.CLOUD_NAME}/image/(?P<path>(?s:.+))$", serve.image, name="delivery"),
    ]
