"""The only maker of image URLs (API: image URLs): ours or Cloudinary's, by the settings.

`current()` is the Delivery that the settings describe. It signs with the newest key and believes every key.
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

from images import signing, variants

BLANK = "/assets/blank.jpg"
"""Shown until the picture is ready: stands before the derived URLs of unprocessed images, joined by `#`."""
RAW_PLACEHOLDER = "raw_placeholder"
DELETED_PLACEHOLDER = "deleted_placeholder"
PLACEHOLDERS = (RAW_PLACEHOLDER, DELETED_PLACEHOLDER)
TYPES = ("authenticated", "private", "upload")


class Picture(Protocol):
    """What of an image decides its URLs."""

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


class Delivery(NamedTuple):
    """Signs and checks URLs. `base` is the scheme, host and cloud that they begin with, `host` stands in proxy URLs."""

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

    def image_url(self, chain: str, image: Picture) -> str:
        """The URL of an image under a chain; the placeholder's where the image has no picture at all."""
        if not image.delivery_id:
            return self.url(chain, RAW_PLACEHOLDER, kind="authenticated", version=None)
        return self.url(chain, image.delivery_id, kind=image.delivery_type, version=image.delivery_version)

    def verifies(self, path: str, signature: str) -> bool:
        """Whether one of our keys signed `<chain>/<public id>.<ext>`, in the short form or the long."""
        long = len(signature) > 8
        return signing.matches(signature, (signing.delivery_signature(path, key, long=long) for key in self.keys))

    def original_url(self, image: Picture) -> str:
        return self.image_url(variants.ORIGINAL, image)

    def external_urls(self, image: Picture) -> dict[str, str]:
        prefix = self.prefix(image)
        found = {
            name: prefix + self.image_url(chain, image)
            for name, chain in zip(variants.EXTERNAL, variants.external_chains(edit_of(image)), strict=True)
        }
        slug = f"{slug_of(image.filename)}.{slug_of(image.format, 'jpg')}"
        image_id = str(image.id)
        for name, kind in (("mini", "mini"), ("large", "thumbnail"), ("full", "full")):
            found[name] = self.proxy_url(image_id, kind, slug)
        return found

    def thumbnails(self, image: Picture) -> dict[str, str]:
        prefix = self.prefix(image)
        chains = variants.thumbnail_chains(edit_of(image))
        return {
            name: prefix + self.image_url(chain, image) for name, chain in zip(variants.THUMBNAILS, chains, strict=True)
        }

    def prefix(self, image: Picture) -> str:
        return "" if image.processed or not image.delivery_id else f"{BLANK}#"

    def proxy_url(self, image_id: str, kind: str, slug: str) -> str:
        """A link that outlives edits: it leads to the current picture (API: proxy URLs)."""
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


def edit_of(image: Picture) -> variants.Edit:
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
def current() -> Delivery:
    """The Delivery that the settings describe; they change in tests alone, which say so."""
    return Delivery(
        f"{settings.DELIVERY_URL}/{settings.CLOUD_NAME}",
        tuple(settings.DELIVERY_KEYS),
        tuple(settings.SIGNING_KEYS),
        settings.PROXY_URL,
        settings.PUBLIC_URL.partition("://")[2],
        settings.LONG_SIGNATURES,
    )


@receiver(setting_changed)
def forget(**_: object) -> None:
    current.cache_clear()
