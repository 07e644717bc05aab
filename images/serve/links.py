"""Thumbnail links and proxy URLs: both redirect to the current image URL of a variant (API: proxy URLs)."""

import re

from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.utils.html import escape

from images.delivery import signed_urls, variants
from images.models import Image
from images.serve.answers import only_read

LINK = re.compile(rf"({'|'.join(variants.BY_KIND)})-([0-9a-f]{{11}})\.jpg")
PROXIED = re.compile(r"([^/]+)/images/([0-9a-f-]{36})/thumbnails/([^/]+)")


def invalid() -> HttpResponse:
    return HttpResponse("Invalid url", status=400, content_type="text/plain; charset=utf-8")


@only_read
def thumbnail(request: HttpRequest, image_id: str, link: str) -> HttpResponseBase:
    """GET /images/<id>/thumbnails/<kind>-<11 hex>.jpg: 302 to the current image URL of the variant.

    400 `Invalid url` for a wrong signature, 404 `image/jpeg` without a body for no such image (API: image rendering).
    """
    here, found = signed_urls.current_delivery(), LINK.fullmatch(link)
    if not found or not here.verifies_thumbnail(image_id, found[1], found[2]):
        return invalid()
    row = Image.objects.filter(pk=image_id, trashed_at__isnull=True).first()
    if row is None:
        return HttpResponse(status=404, content_type="image/jpeg")
    chains = variants.chains(signed_urls.edit_of(row))
    location = here.image_url(chains[variants.BY_KIND[found[1]]], row)
    body = f'<html><body>You are being <a href="{escape(location)}">redirected</a>.</body></html>'
    return HttpResponseRedirect(location, content=body, headers={"Cache-Control": "no-cache"})


@only_read
def proxy(request: HttpRequest, slug: str) -> HttpResponseBase:
    """GET /proxy/<slug>.<ext>?s=&url=<host>/images/<id>/thumbnails/<kind>-<11 hex>.jpg: the same redirect.

    Fetches nothing. 400 unless `url` is a thumbnail link of this server and both signatures hold (API: proxy URLs).
    """
    here = signed_urls.current_delivery()
    found = PROXIED.fullmatch(request.GET.get("url", ""))
    link = LINK.fullmatch(found[3]) if found else None
    if not found or not link or found[1] != here.host:
        return invalid()
    if not here.verifies_proxy(found[2], link[1], request.GET.get("s", "")):
        return invalid()
    return thumbnail(request, found[2], found[3])
