"""HTML of images and JSON for the pages of the admin."""

import json
from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from images.delivery import signed_urls
from images.models import Image


def preview_of(image: Image, variant: str, side: int) -> SafeString:
    """An <img> of a variant in a square of `side` pixels; for a trashed image its name."""
    if image.trashed_at:
        return format_html('<span class="picture-gone">{}<br>in the trash</span>', str(image))
    return format_html(
        '<img class="picture" src="{}" alt="{}" title="{}" loading="lazy" width="{}" height="{}">',
        ready(signed_urls.current_delivery().thumbnails(image)[variant]),
        str(image),
        str(image),
        side,
        side,
    )


def ready(url: str) -> str:
    """The URL without BLANK before it: delivery renders what is not stored yet."""
    return url.removeprefix(f"{signed_urls.BLANK}#")


def link_to(image: Image) -> SafeString:
    return format_html('<a href="{}">{}</a>', reverse("admin:images_image_change", args=[image.pk]), str(image))


def as_json(value: Any) -> SafeString:
    return format_html('<pre class="facts">{}</pre>', json.dumps(value, indent=2, ensure_ascii=False))
