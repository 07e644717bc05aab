from django.conf import settings
from django.urls import path, re_path
from django.urls.converters import UUIDConverter

from images.serve import answers, links, pictures

UUID = UUIDConverter.regex

urlpatterns = [
    path("assets/blank.jpg", answers.blank, name="blank"),
    re_path(rf"^images/(?P<image_id>{UUID})/thumbnails/(?P<link>[^/]+)$", links.thumbnail, name="thumbnail"),
    re_path(r"^proxy/(?P<slug>[^/]+)$", links.proxy, name="proxy"),
]
if settings.DELIVERY == "local":
    urlpatterns += [
        re_path(rf"^{settings.CLOUD_NAME}/image/(?P<path>(?s:.+))$", pictures.picture, name="delivery"),
    ]
