from functools import lru_cache
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from benchmarks.baseline.views import PlainImageSyncs
from images.models import Image
from images.querysets import ORDER
from images.serializers import image_serializer
from sharinpix.forms import pairs

COLUMNS = [name for name in image_serializer().columns if name not in {"album_name", "user_sfid", "tag_names"}]


def ids_of(request: HttpRequest) -> list[str]:
    return [value for key, value in pairs(request.META["QUERY_STRING"]) if key == "ids[]"]


def floor(request: HttpRequest) -> HttpResponse:
    """The payload's columns and orjson: no authentication, no URLs, no tags."""
    rows = Image.objects.filter(id__any=ids_of(request)).order_by(*ORDER).values(*COLUMNS)
    return HttpResponse(orjson.dumps(list(rows)), content_type="application/json")


@lru_cache
def prepared(count: int) -> bytes:
    return b"[" + b",".join([b'"' + b"x" * 2_990 + b'"'] * count) + b"]"


def memory(request: HttpRequest) -> HttpResponse:
    """A body that lies ready."""
    return HttpResponse(prepared(int(request.GET["count"])), content_type="application/json")


urlpatterns: list[Any] = [
    path("plain", PlainImageSyncs.as_view()),
    path("floor", floor),
    path("memory", memory),
    path("", include("sharinpix.urls")),
]
