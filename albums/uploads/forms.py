"""Upload forms: the URL and the signed parameters for an upload (API: upload form, native form)."""

import time
from typing import Any

from django.conf import settings
from django.urls import reverse

from accounts.tokens import SharinpixToken
from images.uploads.keys import organization_signer

ALBUM_DAYS = 7
NATIVE_DAYS = 30
DAY = 86_400  # seconds
NATIVE_TAG = "sharinpix_mobile_app_images"


def url() -> str:
    """The URL that takes uploads: Cloudinary's, or this server's endpoint of the same form."""
    if settings.DELIVERY == "cloudinary":
        return f"https://api.cloudinary.com/v1_1/{settings.CLOUD_NAME}/auto/upload"
    return f"{settings.PUBLIC_URL}/v1_1/{settings.CLOUD_NAME}/auto/upload"


def parameters(expires: int, tags: str, notification_url: str) -> dict[str, Any]:
    """The signed parameters in their published order; the timestamp is the form's expiry, in Unix seconds."""
    return {
        "colors": 1,
        "faces": 1,
        "image_metadata": 1,
        "notification_url": notification_url,
        "phash": 1,
        "tags": tags,
        "timestamp": expires,
        "type": "authenticated",
    }


def album_form(token: SharinpixToken, album_id: str) -> dict[str, Any]:
    """The upload form of an album, valid for a week."""
    expires = int(time.time()) + ALBUM_DAYS * DAY
    notified = f"{settings.PUBLIC_URL}{reverse('webhook')}?token={token.for_uploads(album_id, expires)}"
    return {
        "url": url(),
        "expires_at": expires,
        "name": album_id,
        "id": f"{token.organization_id}-{album_id}",
        "params": organization_signer(token.organization_id).signed(parameters(expires, album_id, notified)),
        "test_url": "/upload_test",
    }


def native_form(*, by_image: bool) -> dict[str, Any]:
    """The form of the mobile app, for uploads without an album, valid for thirty days; `by_image` is the newer form."""
    expires = int(time.time()) + NATIVE_DAYS * DAY
    notified = settings.PUBLIC_URL + reverse("native_image" if by_image else "native_upload")
    return {
        "url": url(),
        "expires_at": expires,
        "params": organization_signer(None).signed(parameters(expires, NATIVE_TAG, notified)),
    }
