"""Uploads originals that the server received to Cloudinary (DELIVERY=cloudinary)."""

from typing import Any

from django.conf import settings

from images.models import Image
from images.storage import storage

CHUNK = 6_000_000
"""Bytes sent at once: the package's plain upload would read the whole file into memory."""
TIMEOUT = 30  # seconds that one chunk may take


class Rejected(Exception):
    """Cloudinary refuses the picture; str() is its reason."""


class NotAnswering(Exception):
    """Cloudinary does not answer, or with an error that may pass."""


def publish(image: Image) -> int:
    """Uploads the original under the image's delivery id and returns the version it has there.

    Raises Rejected and NotAnswering.
    """
    from cloudinary import exceptions, uploader  # here, since the import reads CLOUDINARY_URL

    with storage.open(str(image.original)) as original:
        try:
            answer: dict[str, Any] = uploader.upload_large(
                original,
                public_id=image.delivery_id,
                type=image.delivery_type,
                resource_type="image",
                chunk_size=CHUNK,
                timeout=TIMEOUT,
                filename=image.delivery_id,  # else it would be the path on this machine
                cloud_name=settings.CLOUD_NAME,
                api_key=settings.CLOUD_API_KEY,
                api_secret=settings.DELIVERY_KEYS[0],
            )
        except (exceptions.BadRequest, exceptions.NotAllowed, exceptions.AuthorizationRequired) as error:
            raise Rejected(str(error)) from error
        except exceptions.Error as error:
            raise NotAnswering(str(error)) from error
    return int(answer["version"])
