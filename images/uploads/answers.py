"""What an upload is answered, in Cloudinary's shape (Cloudinary's documentation, *Upload API: sample response*)."""

from collections.abc import Mapping
from typing import Any, BinaryIO, cast

from django.core.files.base import File
from django.utils import timezone

from images import delivery, processing, signing
from images.rendering import Examined, PictureError, examine
from images.uploads.keys import Signer
from images.uploads.models import Upload
from sharinpix.locks import FileLock

SLOT_WAIT = 10  # seconds


def examined(file: File[bytes]) -> Examined | None:
    """The picture's looks, from a small decode; None where it cannot be decoded, or no turn comes in time."""
    with FileLock(*processing.slots(), wait=SLOT_WAIT) as free:
        try:
            return examine(cast(BinaryIO, file), {}, limits=processing.limits()) if free else None
        except PictureError:
            return None


def answer(upload: Upload, file: File[bytes], parameters: Mapping[str, str], signer: Signer) -> dict[str, Any]:
    """The documented keys in their order. Colours, metadata and hash are there where the parameters ask for them."""
    looks = examined(file)
    url = delivery.current().url(
        "", upload.public_id, kind=upload.type, version=upload.version, extension=upload.format
    )
    asked: dict[str, Any] = {"faces": []} if on(parameters, "faces") else {}
    if on(parameters, "image_metadata") or on(parameters, "media_metadata"):
        asked["image_metadata"] = looks.exifs if looks else {}
    if on(parameters, "colors"):
        asked["colors"] = looks.palette if looks else []
    if on(parameters, "phash"):
        asked["phash"] = looks.phash if looks else ""
    return {
        "public_id": upload.public_id,
        "version": upload.version,
        "signature": signing.answer_signature(upload.public_id, upload.version, signer.secrets[0]),
        "width": upload.width,
        "height": upload.height,
        "format": upload.format,
        "resource_type": "image",
        "created_at": timezone.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        "tags": tags(parameters),
        "bytes": upload.bytes,
        "type": upload.type,
        "etag": upload.md5,
        "url": url,
        "secure_url": url,
        **asked,
        "original_filename": upload.filename,
    }


def on(parameters: Mapping[str, str], name: str) -> bool:
    return parameters.get(name) in {"1", "true"}


def tags(parameters: Mapping[str, str]) -> list[str]:
    return [word.strip() for word in parameters.get("tags", "").split(",") if word.strip()]
