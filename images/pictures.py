"""Images as the pages of the admin show them."""

import json
from typing import Any

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from images import delivery
from images.models import Image


def picture(image: Image, variant: str, side: int) -> SafeString:
    """The image's picture in a square of the side (pixels); its name where the picture cannot be shown."""
    if image.trashed_at:
        return format_html('<span class="picture-gone">{}<br>in the trash</span>', str(image))
    return format_html(
        '<img class="picture" src="{}" alt="{}" title="{}" loading="lazy" width="{}" height="{}">',
        ready(delivery.current().thumbnails(image)[variant]),
        str(image),
        str(image),
        side,
        side,
    )


def ready(url: str) -> str:
    """The picture's own URL: staff need no blank in its place, since delivery renders what is not ready."""
    return url.removeprefix(f"{delivery.BLANK}#")


def link_to(image: Image) -> SafeString:
    return format_html('<a href="{}">{}</a>', reverse("admin:images_image_change", args=[image.pk]), str(image))


def as_json(value: Any) -> SafeString:
    return format_html('<pre class="facts">{}</pre>', json.dumps(value, indent=2, ensure_ascii=False))
