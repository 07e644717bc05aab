"""Makes what tests need: tokens, albums, images with and without a stored original."""

import io
from itertools import count
from pathlib import Path
from typing import Any

import jwt
from django.core.files.storage import default_storage
from django.utils import timezone
from PIL import Image as Pillow

from accounts.models import Organization, Secret, User
from accounts.tokens import SharinpixToken
from albums.models import Album
from albums.ordering import STEP
from images import processing, storage
from images.models import Image
from images.rendering import examine

numbers = count(1)


def bearer(token: str) -> str:
    return f'Token token="{token}"'


def user_token(user: User) -> str:
    return str(SharinpixToken.for_user(user))


def secret_token(secret: Secret, **claims: Any) -> str:
    """As the node client signs: iss and the given claims, neither exp nor iat."""
    return jwt.encode({**claims, "iss": str(secret.pk)}, secret.key(), algorithm="HS256")


def sign(claims: Any, key: str, **header: Any) -> str:
    return jwt.encode(claims, key, algorithm="HS256", headers=header or None)


def make_album(organization: Organization, public_id: str | None = None) -> Album:
    return Album.objects.create(organization=organization, public_id=public_id or f"album-{next(numbers)}")


def make_image(album: Album, **fields: Any) -> Image:
    """A row whose original is not in our storage, at the end of the album."""
    number = next(numbers)
    defaults: dict[str, Any] = {
        "album": album,
        "position": number * STEP,
        "filename": f"Photo {number}",
        "format": "jpg",
        "infos": {"bytes": 1000 + number, "original_filename": f"Photo {number}"},
        "delivery_id": storage.new_public_id(),
        "delivery_version": 123123,
        "processed": True,
        "created_at": timezone.now(),
    }
    image = Image.objects.create(**{**defaults, **fields})
    Image.objects.refresh([image.pk])
    return image


def jpeg(width: int = 64, height: int = 48, color: str = "#3366CC", **options: Any) -> bytes:
    """A picture of one colour; `orientation=6` and other EXIF by keyword `exif`."""
    buffer = io.BytesIO()
    Pillow.new("RGB", (width, height), color).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def make_stored_image(album: Album, content: bytes | None = None, **fields: Any) -> Image:
    """A processed image with its original and thumbnails in our storage."""
    content = jpeg() if content is None else content
    examined = examine(content, processing.stored_transformations())
    public_id = storage.new_public_id()
    storage.write(storage.original_key(public_id), content)
    facts = {
        **processing.facts_of(examined),
        "delivery_id": public_id,
        "original": storage.original_key(public_id),
        **fields,
    }
    image = make_image(album, **facts)
    processing.keep_thumbnails(image, processing.store_thumbnails(image, examined.renditions))
    return image


def make_waiting_image(album: Album, content: bytes | None = None, **fields: Any) -> Image:
    """An image that is work: its original is in our storage, and nobody has processed it."""
    public_id = storage.new_public_id()
    storage.write(storage.original_key(public_id), jpeg() if content is None else content)
    facts = {"delivery_id": public_id, "original": storage.original_key(public_id), "processed": False}
    return make_image(album, **facts, **fields)


def files_below(prefix: str) -> set[str]:
    """Keys of the files that our storage holds there."""
    root = Path(default_storage.path(prefix))
    return {f"{prefix}/{path.relative_to(root)}" for path in root.rglob("*") if path.is_file()}
