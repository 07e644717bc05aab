"""The answer to an upload, in the form of Cloudinary's (its documentation, *Upload API: sample response*)."""

from collections.abc import Mapping
from typing import Any, BinaryIO, cast

from django.core.files.base import File
from django.utils import timezone

from images.decoding import NoDecoder, read_pixels
from images.delivery import signed_urls, signing
from images.limits import decoding_slots, picture_limits
from images.rendering import PictureError, PixelFacts
from images.uploads.keys import Signer
from images.uploads.models import Upload
from sharinpix.locks import FileLock

SLOT_WAIT = 10  # seconds


def pixel_facts_of(file: File[bytes]) -> PixelFacts | None:
    """The palette and the hash of a file; None where it cannot be decoded, or no slot or decoder gets free in time."""
    with FileLock(*decoding_slots(), wait=SLOT_WAIT) as free:
        try:
            return read_pixels(cast(BinaryIO, file), {}, limits=picture_limits()) if free else None
        except (PictureError, NoDecoder):
            return None


def upload_answer(upload: Upload, file: File[bytes], parameters: Mapping[str, str], signer: Signer) -> dict[str, Any]:
    """The documented keys in their order; colours, metadata and hash where the parameters ask for them."""
    url = signed_urls.current_delivery().url(
        "", upload.public_id, kind=upload.type, version=upload.version, extension=upload.format
    )
    asked: dict[str, Any] = {"faces": []} if on(parameters, "faces") else {}
    if on(parameters, "image_metadata") or on(parameters, "media_metadata"):
        asked["image_metadata"] = upload.exifs or {}
    pixels = pixel_facts_of(file) if on(parameters, "colors") or on(parameters, "phash") else None
    if on(parameters, "colors"):
        asked["colors"] = pixels.palette if pixels else []
    if on(parameters, "phash"):
        asked["phash"] = pixels.phash if pixels else ""
    return {
        "public_id": upload.public_id,
        "version": upload.version,
        "signature": signing.answer_signature(upload.public_id, upload.version, signer.secrets[0]),
        "width": upload.width,
        "height": upload.height,
        "format": upload.format,
        "resource_type": "image",
        "created_at": timezone.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        "tags": tags_in(parameters),
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


def tags_in(parameters: Mapping[str, str]) -> list[str]:
    return [word.strip() for word in parameters.get("tags", "").split(",") if word.strip()]
