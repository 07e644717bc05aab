from django.conf import settings
from django.urls import path, re_path

from images import serve

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

urlpatterns = [
    path("assets/blank.jpg", serve.blank, name="blank"),
    re_path(rf"^images/(?P<image_id>{UUID})/thumbnails/(?P<link>[^/]+)$", serve.thumbnail, name="thumbnail"),
    re_path(r"^proxy/(?P<slug>[^/]+)$", serve.proxy, name="proxy"),
]
if settings.DELIVERY == "local":
    urlpatterns.append(re_path(rf"^{settings.CLOUD_NAME}/image/(?P<path>(?s:.+))$", serve.image, name="delivery"))
