"""The documented answer about one image (pure; API: image syncs): the one place that knows the payload."""

import hashlib
from datetime import UTC, datetime, tzinfo
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from sharinpix.wire import dumps

Point = tuple[float, float]
VERSION = 1
"""Raise it when the same facts give another text in a way that SAMPLE does not show."""


class Facts(NamedTuple):
    """All that an image prints, with what it prints of other rows (`album_name`, `user_sfid`, `tag_names`)."""

    id: UUID
    infos: dict[str, Any]
    exifs: dict[str, Any]
    metadatas: Any
    gps_ip_lat: float | None
    gps_ip_lng: float | None
    gps_exifs_lat: float | None
    gps_exifs_lng: float | None
    gps_html_lat: float | None
    gps_html_lng: float | None
    created_at: datetime
    updated_at: datetime
    taken_at: datetime | None
    width: int
    height: int
    rotation: int
    crop_x: float
    crop_y: float
    crop_w: float
    crop_h: float
    original_width: int
    original_height: int
    filename: str
    format: str
    title: str | None
    description: str | None
    page: int
    group_id: UUID | None
    color: str
    processed: bool
    processing_error: str | None
    delivery_id: str
    delivery_version: int | None
    delivery_type: str
    album_name: str
    user_sfid: str | None
    tag_names: list[str]

    @property
    def gps_ip(self) -> Point | None:
        return point(self.gps_ip_lat, self.gps_ip_lng)

    @property
    def gps_exifs(self) -> Point | None:
        return point(self.gps_exifs_lat, self.gps_exifs_lng)

    @property
    def gps_html(self) -> Point | None:
        return point(self.gps_html_lat, self.gps_html_lng)


def point(lat: float | None, lng: float | None) -> Point | None:
    return None if lat is None or lng is None else (lat, lng)


class URLs(Protocol):
    """Makes the URLs of an image; `delivery.Delivery` is the one that does."""

    def original_url(self, image: Facts) -> str: ...
    def external_urls(self, image: Facts) -> dict[str, str]: ...
    def thumbnails(self, image: Facts) -> dict[str, str]: ...


def timestamp(moment: datetime, zone: tzinfo) -> str:
    """ISO 8601 with three digits of milliseconds and the zone's offset: 2019-04-08T19:38:56.184+02:00."""
    return moment.astimezone(zone).isoformat(timespec="milliseconds")


def represent(image: Facts, urls: URLs, zone: tzinfo) -> dict[str, Any]:
    """The 37 keys in the published order (API: image syncs).

    GPS points are [latitude, longitude] in degrees; sizes and crops are pixels; `taken_at` is printed in UTC, which
    cameras that tell no offset are taken to run on. `size` is whatever the uploader called `infos.bytes`, untyped.
    """
    image_id = str(image.id)
    return {
        "id": image_id,
        "public_id": image_id,
        "infos": image.infos,
        "exifs": image.exifs,
        "gps": image.gps_html or image.gps_exifs or image.gps_ip,
        "gps_ip": image.gps_ip,
        "gps_exifs": image.gps_exifs,
        "gps_html": image.gps_html,
        "created_at": timestamp(image.created_at, zone),
        "updated_at": timestamp(image.updated_at, zone),
        "taken_at": timestamp(image.taken_at, UTC) if image.taken_at else None,
        "width": image.width,
        "height": image.height,
        "rotation": image.rotation,
        "crop_x": image.crop_x,
        "crop_y": image.crop_y,
        "crop_w": image.crop_w,
        "crop_h": image.crop_h,
        "metadatas": image.metadatas,
        "original_url": urls.original_url(image),
        "original_width": image.original_width,
        "original_height": image.original_height,
        "external_urls": urls.external_urls(image),
        "filename": image.filename,
        "format": image.format,
        "title": image.title,
        "description": image.description,
        "page": image.page,
        "group_id": str(image.group_id) if image.group_id else None,
        "color": image.color,
        "size": image.infos.get("bytes"),
        "processed": image.processed,
        "processing_error": image.processing_error,
        "album_id": image.album_name,
        "tag_names": sorted(image.tag_names),
        "user_sfid": image.user_sfid,
        "thumbnails": urls.thumbnails(image),
    }


def rendered(image: Facts, urls: URLs, zone: tzinfo) -> str:
    """The same as the text that stands in an answer."""
    return dumps(represent(image, urls, zone)).decode()


def without_sync_keys(text: bytes) -> bytes:
    """The text of the 35 keys that every other answer about an image has: a resync alone tells tags and user_sfid.

    What follows `tag_names` holds no such key, and in no string is its quote unescaped: the last one is the image's.
    """
    start, end = text.rindex(b',"tag_names":['), text.rindex(b',"thumbnails":{')
    return text[:start] + text[end:]


SUMMER = datetime(2024, 7, 1, 12, tzinfo=UTC)
WINTER = datetime(2024, 1, 1, 12, tzinfo=UTC)
SAMPLE = Facts(
    id=UUID(int=1), infos={"bytes": 1}, exifs={}, metadatas={}, gps_ip_lat=None, gps_ip_lng=None, gps_exifs_lat=1.0,
    gps_exifs_lng=2.0, gps_html_lat=None, gps_html_lng=None, created_at=SUMMER, updated_at=WINTER, taken_at=SUMMER,
    width=30, height=40, rotation=90, crop_x=1.0, crop_y=2.0, crop_w=40.0, crop_h=30.0, original_width=100,
    original_height=100, filename="Été", format="png", title=None, description=None, page=1, group_id=None,
    color="#7D7D7D", processed=False, processing_error=None, delivery_id="sample", delivery_version=1,
    delivery_type="authenticated", album_name="a", user_sfid="c", tag_names=["b"],
)  # fmt: skip
"""An image that has everything which a setting or a rule could change."""


def fingerprint(urls: URLs, zone: tzinfo) -> str:
    """16 hex digits of everything that a representation depends on besides its image's rows.

    They are taken from the representation of SAMPLE, so that a new key, chain or signing key changes them by itself.
    """
    text = rendered(SAMPLE, urls, zone)
    return hashlib.sha256(f"{VERSION}|{zone}|{text}".encode()).hexdigest()[:16]
