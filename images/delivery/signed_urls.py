"""Image URLs, of this server or of Cloudinary, by the settings (API: image URLs, proxy URLs).

`current_delivery()` is the Delivery of the settings. It signs with the newest signing key and accepts every one.
"""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple, Protocol
from urllib.parse import quote
from uuid import UUID

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver

from images.delivery import signing, variants

BLANK = "/assets/blank.jpg"
"""Stands before the URLs of unprocessed images, joined by `#`, so that clients show a blank picture."""
RAW_PLACEHOLDER = "raw_placeholder"
DELETED_PLACEHOLDER = "deleted_placeholder"
PLACEHOLDERS = (RAW_PLACEHOLDER, DELETED_PLACEHOLDER)
TYPES = ("authenticated", "private", "upload")
EXTERNAL_URLS = [(name, variants.VARIANTS[name].kind) for name in variants.names_of("external_urls")]
THUMBNAILS = variants.names_of("thumbnails")


class DeliveredImage(Protocol):
    """The columns of an image that decide its URLs."""

    @property
    def id(self) -> UUID: ...
    @property
    def filename(self) -> str: ...
    @property
    def format(self) -> str: ...
    @property
    def processed(self) -> bool: ...
    @property
    def rotation(self) -> int: ...
    @property
    def crop_x(self) -> float: ...
    @property
    def crop_y(self) -> float: ...
    @property
    def crop_w(self) -> float: ...
    @property
    def crop_h(self) -> float: ...
    @property
    def delivery_id(self) -> str: ...
    @property
    def delivery_version(self) -> int | None: ...
    @property
    def delivery_type(self) -> str: ...


COLUMNS = tuple(name for name, value in vars(DeliveredImage).items() if isinstance(value, property))


class Delivery(NamedTuple):
    """Signs and checks URLs.

    `base` is the scheme, host and cloud that image URLs begin with, `proxy` what proxy URLs begin with, `host` the host
    and port in their `url`. `keys` sign image URLs, `link_keys` proxy URLs and thumbnail links, newest first; with
    `long` image URLs have signatures of 32 characters.
    """

    base: str
    keys: tuple[str, ...]
    link_keys: tuple[str, ...]
    proxy: str
    host: str
    long: bool = False

    def url(self, chain: str, public_id: str, *, kind: str, version: int | None, extension: str = "jpg") -> str:
        """`<base>/image/<kind>/s--<signature>--/<chain>/v<version>/<public id>.<extension>` (API: image URLs)."""
        file = f"{escape(public_id)}.{extension}"
        path = f"{chain}/{file}" if chain else file
        signature = signing.delivery_signature(path, self.keys[0], long=self.long)
        head = f"{self.base}/image/{kind}/s--{signature}--/"
        return f"{head}{path}" if version is None else f"{head}{f'{chain}/' if chain else ''}v{version}/{file}"

    def image_url(self, chain: str, image: DeliveredImage) -> str:
        """The URL of an image under a chain; that of RAW_PLACEHOLDER for an image without delivery id."""
        if not image.delivery_id:
            return self.url(chain, RAW_PLACEHOLDER, kind="authenticated", version=None)
        return self.url(chain, image.delivery_id, kind=image.delivery_type, version=image.delivery_version)

    def verifies(self, path: str, signature: str) -> bool:
        """Whether one of `keys` signed `<chain>/<public id>.<ext>`, in the short form or the long."""
        long = len(signature) > 8
        return signing.matches(signature, (signing.delivery_signature(path, key, long=long) for key in self.keys))

    def original_url(self, image: DeliveredImage) -> str:
        return self.image_url(variants.ORIGINAL, image)

    def external_urls(self, image: DeliveredImage) -> dict[str, str]:
        """Variant -> URL: image URLs under the present edit, and proxy URLs, which outlive edits (API: image URLs)."""
        chains, prefix = variants.chains(edit_of(image)), self.prefix(image)
        slug = f"{slug_of(image.filename)}.{slug_of(image.format, 'jpg')}"
        image_id = str(image.id)
        return {
            name: self.proxy_url(image_id, kind, slug) if kind else prefix + self.image_url(chains[name], image)
            for name, kind in EXTERNAL_URLS
        }

    def thumbnails(self, image: DeliveredImage) -> dict[str, str]:
        """Variant -> image URL under the present edit (API: image URLs)."""
        chains, prefix = variants.chains(edit_of(image)), self.prefix(image)
        return {name: prefix + self.image_url(chains[name], image) for name in THUMBNAILS}

    def prefix(self, image: DeliveredImage) -> str:
        return "" if image.processed or not image.delivery_id else f"{BLANK}#"

    def proxy_url(self, image_id: str, kind: str, slug: str) -> str:
        """A URL that outlives edits: it redirects to the current picture (API: proxy URLs)."""
        signature = signing.proxy_signature(image_id, kind, self.link_keys[0])
        return f"{self.proxy}/{slug}?s={signature}&url={self.host}{self.thumbnail_path(image_id, kind)}"

    def thumbnail_path(self, image_id: str, kind: str) -> str:
        signature = signing.thumbnail_signature(image_id, kind, self.link_keys[0])
        return f"/images/{image_id}/thumbnails/{kind}-{signature}.jpg"

    def verifies_thumbnail(self, image_id: str, kind: str, signature: str) -> bool:
        return signing.matches(signature, (signing.thumbnail_signature(image_id, kind, key) for key in self.link_keys))

    def verifies_proxy(self, image_id: str, kind: str, signature: str) -> bool:
        return signing.matches(signature, (signing.proxy_signature(image_id, kind, key) for key in self.link_keys))


def escape(public_id: str) -> str:
    """A public id as URLs write it, before it is signed; Cloudinary escapes the tilde, which Python does not."""
    return quote(public_id, safe="/:").replace("~", "%7E")


def edit_of(image: DeliveredImage) -> variants.Edit:
    """The rotation and crop of an image; a crop of less than a pixel is none."""
    if image.crop_w < 1 or image.crop_h < 1:
        return variants.Edit(image.rotation)
    return variants.Edit(image.rotation, (image.crop_x, image.crop_y, image.crop_w, image.crop_h))


@lru_cache(maxsize=4_096)
def slug_of(text: str, default: str = "image") -> str:
    """`Super Image` -> `super-image`: accents transliterated, every other run a hyphen (API: proxy URLs)."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9_]+", "-", plain).strip("-") or default


@lru_cache(maxsize=1)
def current_delivery() -> Delivery:
    """The Delivery of the settings; cached, since they change in tests alone, which send `setting_changed`."""
    return Delivery(
        f"{settings.DELIVERY_URL}/{settings.CLOUD_NAME}",
        tuple(settings.DELIVERY_KEYS),
        tuple(settings.SIGNING_KEYS),
        settings.PROXY_URL,
        settings.PUBLIC_URL.partition("://")[2],
        settings.LONG_SIGNATURES,
    )


@receiver(setting_changed)
def settings_changed(**_: object) -> None:
    current_delivery.cache_clear()
