"""Claims uploads, and plays Cloudinary: its settings, answers and notifications (no tests in here)."""

import time
from typing import Any

import orjson
from django.test import Client

from images.delivery.signing import answer_signature
from images.uploads.keys import Signer, organization_signer
from tests.albums.uploads.sending import ALBUM, sent_by_form
from tests.factories import jpeg

SECRET = "cloud-secret"
CLAIMS = f"/api/v1/albums/{ALBUM}/images"


def use(settings: Any) -> None:
    """DELIVERY=cloudinary, as the environment would set it."""
    settings.DELIVERY, settings.CLOUD_NAME, settings.CLOUD_API_KEY = "cloudinary", "example", "874837483274837"
    settings.DELIVERY_KEYS, settings.DELIVERY_URL = [SECRET], "https://res.cloudinary.com"


def answer(public_id: str = "abcd", version: Any = 1_700_000_000, **more: Any) -> dict[str, Any]:
    """What Cloudinary answers to an upload, as far as it matters here."""
    return {
        "public_id": public_id,
        "version": version,
        "signature": answer_signature(public_id, version, SECRET),
        "width": 1_024,
        "height": 768,
        "format": "jpg",
        "type": "authenticated",
        "bytes": 5_000,
        "original_filename": "Façade",
        **more,
    }


def claim(api: Client, answer: Any, path: str = CLAIMS, **more: Any) -> Any:
    """The answer to a claim of what an upload was answered."""
    body = orjson.dumps({"cloudinary": answer, "album_id": ALBUM, **more})
    return api.post(path, body, content_type="application/json")


def uploaded(api: Client, content: bytes = jpeg(640, 480)) -> dict[str, Any]:
    """What our own end of the form answers to this file, ready to be claimed."""
    return dict(sent_by_form(api, content).json())


def posted(
    body: bytes, signer: Signer | None = None, timestamp: Any = None, signature: str | None = None
) -> dict[str, Any]:
    """Arguments of a client's post of a notification."""
    moment = str(int(time.time()) if timestamp is None else timestamp)
    made = (
        (signer or organization_signer(None)).notification_signature(body, moment) if signature is None else signature
    )
    headers = {"X-Cld-Timestamp": moment, "X-Cld-Signature": made}
    return {"data": body, "content_type": "application/x-www-form-urlencoded", "headers": headers}


def notified(told: Any, **options: Any) -> dict[str, Any]:
    """Arguments of a client's post of the notification that tells this; options as `posted` has them."""
    return posted(orjson.dumps(told), **options)
