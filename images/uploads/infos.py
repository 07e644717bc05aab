"""Reads and makes `infos` (pure; API: infos). They come from clients: values may be of any type."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from images.rendering import exif
from images.uploads.filenames import shown

MAX_SIDE = 2**31 - 1
LONGEST_NUMBER = 40
Infos = Mapping[str, Any]


class ArrivedFile(Protocol):
    """The facts about an original that infos hold; implemented by Upload and FileFacts."""

    @property
    def bytes(self) -> int | None: ...
    @property
    def md5(self) -> str: ...
    @property
    def format(self) -> str: ...
    @property
    def width(self) -> int | None: ...
    @property
    def height(self) -> int | None: ...


def infos_of(read: ArrivedFile, filename: str, album: str, moment: datetime) -> dict[str, Any]:
    """The infos of an image whose client sends none, in the published order of keys."""
    return {
        "bytes": read.bytes,
        "created_at": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "etag": read.md5,
        "format": read.format,
        "height": read.height,
        "resource_type": "image",
        "tags": [album],
        "type": "authenticated",
        "width": read.width,
        "original_filename": filename,
    }


def side(value: object) -> int | None:
    """A width or height in pixels, from a number or its text; None for anything else."""
    number = decimal(value)
    return int(number) if number is not None and 1 <= number <= MAX_SIDE else None


def decimal(value: object) -> float | None:
    """A finite number, from a number or its text; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, str) and len(value) > LONGEST_NUMBER:
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def text_of(value: object, most: int = 255) -> str:
    return value[:most] if isinstance(value, str) else ""


def exifs(infos: Infos) -> dict[str, Any]:
    """`image_metadata` of a Cloudinary answer, or `exifs` of a storage file; {} where neither is an object."""
    found = infos.get("image_metadata") or infos.get("exifs")
    return dict(found) if isinstance(found, Mapping) else {}


def location(infos: Infos) -> tuple[float, float] | None:
    """(latitude, longitude) in degrees of `location`; None where it has no valid point."""
    return point_in(infos.get("location"))


def point_in(place: object) -> tuple[float, float] | None:
    """(`latitude`, `longitude`) of an object, in degrees; None where they are missing or out of range."""
    if not isinstance(place, Mapping):
        return None
    lat, lng = decimal(place.get("latitude")), decimal(place.get("longitude"))
    return (lat, lng) if lat is not None and lng is not None and abs(lat) <= 90 and abs(lng) <= 180 else None


def color(infos: Infos) -> str | None:
    """The main colour: `color`, else the first of `colors`; None without one."""
    if found := text_of(infos.get("color"), 32):
        return found
    colors = infos.get("colors")
    first = colors[0] if isinstance(colors, list) and colors else None
    return text_of(first[0], 32) or None if isinstance(first, list | str) and first else None


def moment_in_infos(infos: Infos) -> datetime | None:
    """`DateTimeOriginal` of the uploader's EXIF, with its offset from UTC where there is one."""
    said = exifs(infos)
    return exif.moment_of(text_of(said.get("DateTimeOriginal")), text_of(said.get("OffsetTimeOriginal")))


def columns(infos: Infos) -> dict[str, Any]:
    """The columns of an image by its infos, until its original is read."""
    width, height = side(infos.get("width")), side(infos.get("height"))
    sides = {"width": width, "height": height, "original_width": width, "original_height": height}
    lat, lng = location(infos) or (None, None)
    bytes_ = decimal(infos.get("bytes"))
    return {
        **(sides if width and height else {}),
        **({"color": found} if (found := color(infos)) else {}),
        "filename": shown(text_of(infos.get("original_filename"), 1_000)),
        "format": text_of(infos.get("format"), 32),
        "size": int(bytes_) if bytes_ is not None and 0 <= bytes_ < 2**63 else None,
        "exifs": exifs(infos),
        "taken_at": moment_in_infos(infos),
        "gps_html_lat": lat,
        "gps_html_lng": lng,
    }
