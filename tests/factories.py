"""Makes what tests need: tokens, albums, images with and without a stored original."""

import io
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import jwt
from django.conf import settings
from django.core.files.storage import default_storage
from django.utils import timezone
from PIL import Image as Pillow

from accounts.models import Organization, Secret, User
from accounts.signers import Login
from accounts.tokens import SharinpixToken
from albums import sweeping
from albums.models import Album
from albums.ordering import STEP
from images.models import Image
from images.processing import work
from images.rendering import examine
from images.storage import storage
from images.storage.keys import new_public_id, original_key

numbers = count(1)


def bearer(token: str) -> str:
    """The value of the Authorization header."""
    return f'Token token="{token}"'


def user_token(user: User) -> str:
    """A token of the person, as the API issues it."""
    return str(SharinpixToken.for_user(user))


def login_key(user: User) -> str:
    """What tokens of the person are signed with, as the row says it now."""
    row = User.objects.filter(pk=user.pk).values_list(*Login._fields).get()
    return str(Login(*row).backend(settings.SECRET_KEY).signing_key)


def secret_token(secret: Secret, **claims: Any) -> str:
    """As the node client signs: iss and the given claims, neither exp nor iat."""
    return jwt.encode({**claims, "iss": str(secret.pk)}, secret.key(), algorithm="HS256")


def sign(claims: Any, key: str, **header: Any) -> str:
    """A token of any claims under any key (HS256); headers by keyword."""
    return jwt.encode(claims, key, algorithm="HS256", headers=header or None)


def make_album(organization: Organization, public_id: str | None = None) -> Album:
    """An empty album; its public id is made up where none is given."""
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
        "delivery_id": new_public_id(),
        "delivery_version": 123123,
        "processed": True,
        "created_at": timezone.now(),
    }
    image = Image.objects.create(**{**defaults, **fields})
    Image.objects.store_representations([image.pk])
    return image


def jpeg(width: int = 64, height: int = 48, color: str = "#3366CC", **options: Any) -> bytes:
    """A picture of one colour; `orientation=6` and other EXIF by keyword `exif`."""
    buffer = io.BytesIO()
    Pillow.new("RGB", (width, height), color).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def make_stored_image(album: Album, content: bytes | None = None, **fields: Any) -> Image:
    """A processed image with its original and thumbnails in our storage."""
    content = jpeg() if content is None else content
    examined = examine(content, work.stored_transformations())
    public_id = new_public_id()
    storage.write(original_key(public_id), content)
    read = Image()
    facts = {name: getattr(read, name) for name in read.set_from_original(examined, examined)}
    facts |= {"delivery_id": public_id, "original": original_key(public_id), **fields}
    image = make_image(album, **facts)
    image.keep_thumbnails(work.store_thumbnails(image, examined.renditions))
    return image


def make_waiting_image(album: Album, content: bytes | None = None, **fields: Any) -> Image:
    """An image that is work: its original is in our storage, and it was never processed."""
    public_id = new_public_id()
    storage.write(original_key(public_id), jpeg() if content is None else content)
    facts = {"delivery_id": public_id, "original": original_key(public_id), "processed": False}
    return make_image(album, **facts, **fields)


def remove_discarded() -> None:
    """Removes the files of deleted and replaced rows, as a sweep does it after their grace."""
    sweeping.remove_discarded(timedelta(0))


def files_below(prefix: str) -> set[str]:
    """Keys of the files that our storage holds there."""
    root = Path(default_storage.path(prefix))
    return {f"{prefix}/{path.relative_to(root)}" for path in root.rglob("*") if path.is_file()}
