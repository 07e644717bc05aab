"""EXIF of a picture as values that JSON can hold (pure; Pillow only).

Files may be malformed or hostile: every read is guarded, no function raises, and values that make no sense are absent.
"""

import json
import math
import re
import struct
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from numbers import Rational
from typing import IO

from PIL import ExifTags, Image, PngImagePlugin

JSON = None | bool | int | float | str | list["JSON"] | dict[str, "JSON"]

MAX_BYTES = 64 * 1024
"""Bytes of JSON that one picture's tags may take."""

FAULTS: tuple[type[Exception], ...] = (
    OSError,
    ValueError,
    TypeError,
    EOFError,
    SyntaxError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    RuntimeError,
    MemoryError,
    struct.error,
    Warning,
)
"""What Pillow's parsers raise on malformed files; Warning since warnings may be set to raise."""

_EXIF = ExifTags.IFD.Exif
_GPS = ExifTags.IFD.GPSInfo
_XP_TAGS = range(0x9C9B, 0x9CA0)
_USER_COMMENT = 0x9286
_ENCODED = {b"ASCII\0\0\0": "ascii", b"UNICODE\0": "utf-16", b"\0" * 8: "utf-8"}
_LAYOUT = frozenset({0x0111, 0x0117, 0x0144, 0x0145, 0x014A, 0x015B, 0x0201, 0x0202, 0x8769, 0x8825, 0x927C, 0xA005})
"""Tags that are left out: positions of bytes in the file, and maker notes."""
_MAX_ITEMS = 4096
_MAX_CHUNKS = 100_000
"""Chunks of a PNG that are read: more than one of 100 MB has, at the usual 8 KB."""
_FIRST_PHOTOGRAPH = 1826
_MOMENT = re.compile(r"(\d{4})[:-](\d\d)[:-](\d\d)[ T](\d\d):(\d\d):(\d\d)(?:[.,]\d*)?", re.ASCII)
_OFFSET = re.compile(r"([+-])(\d\d):([0-5]\d)", re.ASCII)
_FARTHEST = timedelta(hours=14)
_MOMENTS = (
    (ExifTags.Base.DateTimeOriginal, ExifTags.Base.OffsetTimeOriginal),
    (ExifTags.Base.DateTimeDigitized, ExifTags.Base.OffsetTimeDigitized),
    (ExifTags.Base.DateTime, ExifTags.Base.OffsetTime),
)
"""Tags of the time, best first, each with the tag of its offset from UTC."""


def read_exif(image: Image.Image) -> Image.Exif:
    """The EXIF of an opened image; empty where there is none or it cannot be read. No pixel is decoded.

    For a TIFF or PNG it reads from the image's own file, so call it before the pixels are loaded.
    """
    try:
        if isinstance(image, PngImagePlugin.PngImageFile) and "exif" not in image.info and image.fp is not None:
            # With this key set, getexif() does not decode all pixels to find a chunk behind them.
            image.info["exif"] = _behind_pixels(image.fp)
        return image.getexif()
    except FAULTS:
        return Image.Exif()


def _behind_pixels(file: IO[bytes]) -> bytes | None:
    """The EXIF chunk of a PNG, before or behind the pixels; the file's position is restored."""
    before = file.tell()
    try:
        file.seek(8)
        for _ in range(_MAX_CHUNKS):
            length, kind = struct.unpack(">I4s", file.read(8))
            if kind == b"eXIf":
                return file.read(length)
            file.seek(length + 4, 1)
        return None
    except struct.error:  # the end
        return None
    finally:
        file.seek(before)


def exif_tags(source: Image.Image | Image.Exif) -> dict[str, JSON]:
    """Tag name -> value of the main, Exif and GPS directories: at most 64 KB as JSON, the largest dropped first.

    Numbers that are not finite are None; bytes that are not text are left out.
    """
    exif = read_exif(source) if isinstance(source, Image.Image) else source
    tags: dict[str, JSON] = {}
    for directory, names in (
        (exif, ExifTags.TAGS),
        (_directory(exif, _EXIF), ExifTags.TAGS),
        (_directory(exif, _GPS), ExifTags.GPSTAGS),
    ):
        for tag in _keys(directory):
            if tag in names and not (tag in _LAYOUT and names is ExifTags.TAGS):
                raw = _decoded(tag, _value(directory, tag))
                value = _json(raw)
                if value not in (None, "", []) or isinstance(raw, float | Rational):
                    tags.setdefault(names[tag], value)
    return _bounded(tags)


def taken_at(exif: Image.Exif) -> datetime | None:
    """When the picture was taken, in UTC; None without a valid tag. A time without an offset is read as UTC."""
    photo = _directory(exif, _EXIF)
    for tag, offset in _MOMENTS:
        directory = exif if tag == ExifTags.Base.DateTime else photo
        moment = moment_of(_text(_value(directory, tag)), _text(_value(photo, offset)))
        if moment is not None:
            return moment
    return None


def moment_of(text: str, offset: str) -> datetime | None:
    """ "2018:01:01 08:00:00" and "+02:00" (or no offset) as a datetime in UTC; None for another text."""
    found = _MOMENT.fullmatch(text)
    if found is None or int(found[1]) < _FIRST_PHOTOGRAPH:
        return None
    year, month, day, hour, minute, second = map(int, found.groups())
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    try:
        return moment - _offset(offset)
    except OverflowError:  # the last hours of year 9999
        return moment


def gps(exif: Image.Exif) -> tuple[float, float] | None:
    """Latitude and longitude in degrees, north and east positive; None unless both are complete and possible."""
    directory = _directory(exif, _GPS)
    latitude = _degrees(directory, ExifTags.GPS.GPSLatitude, ExifTags.GPS.GPSLatitudeRef, "NS", 90)
    longitude = _degrees(directory, ExifTags.GPS.GPSLongitude, ExifTags.GPS.GPSLongitudeRef, "EW", 180)
    return None if latitude is None or longitude is None else (latitude, longitude)


def orientation(exif: Image.Exif) -> int:
    """The EXIF orientation, 1 to 8; anything else counts as 1, upright."""
    value = _value(exif, ExifTags.Base.Orientation)
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _directory(exif: Image.Exif, tag: int) -> Mapping[int, object]:
    try:
        return exif.get_ifd(tag)
    except FAULTS:
        return {}


def _keys(directory: Mapping[int, object] | Image.Exif) -> Iterator[int]:
    try:
        return iter(sorted(directory))
    except FAULTS:
        return iter(())


def _value(directory: Mapping[int, object] | Image.Exif, tag: int) -> object:
    # Pillow decodes a value on first access, so it raises here.
    try:
        return directory.get(tag)
    except FAULTS:
        return None


def _decoded(tag: int, value: object) -> object:
    """Bytes that are text by the tag's definition become text."""
    if not isinstance(value, bytes) or len(value) > MAX_BYTES:
        return value
    if tag in _XP_TAGS:
        return value.decode("utf-16-le", "ignore")
    if tag == _USER_COMMENT and value[:8] in _ENCODED:
        return value[8:].decode(_ENCODED[value[:8]], "ignore")
    return value


def _text(value: object) -> str:
    """The value as text without NUL, surrogates or outer blanks; "" where it is no text."""
    if isinstance(value, bytes):
        if len(value) > MAX_BYTES:
            return ""
        try:
            value = value.rstrip(b"\0").decode("utf-8")
        except UnicodeDecodeError:
            return ""
        if not value.replace("\n", "").replace("\r", "").replace("\t", "").isprintable():
            return ""
    elif isinstance(value, str):
        # Pillow reads text as Latin-1, though phones write UTF-8.
        try:
            value = value.encode("latin-1").decode("utf-8")
        except UnicodeError:
            value = value.encode("utf-8", "ignore").decode("utf-8")
    else:
        return ""
    return value.replace("\0", "").strip()


def _json(value: object, depth: int = 0) -> JSON:
    if isinstance(value, str | bytes):
        return _text(value)
    if isinstance(value, int):
        return value if abs(value) < 1 << 64 else None
    if isinstance(value, float | Rational):
        return _number(value)
    if isinstance(value, tuple | list) and len(value) <= _MAX_ITEMS and depth < 2:
        return [_json(item, depth + 1) for item in value]
    return None


def _number(value: object) -> float | None:
    """A finite float, or None: JSON has neither NaN nor infinity, and a rational may divide by zero."""
    if not isinstance(value, int | float | Rational):
        return None
    try:
        number = float(value)
    except FAULTS:
        return None
    return number if math.isfinite(number) else None


def _bounded(tags: dict[str, JSON]) -> dict[str, JSON]:
    # The escaped form is the longest one, so the bound holds for every JSON encoder.
    sizes = {name: len(name) + len(json.dumps(value)) + len('"": , ') for name, value in tags.items()}
    total = sum(sizes.values()) + 2
    for name in sorted(sizes, key=sizes.__getitem__, reverse=True):
        if total <= MAX_BYTES:
            break
        del tags[name]
        total -= sizes[name]
    return tags


def _offset(text: str) -> timedelta:
    """How far "+02:00" is ahead of UTC: 0 for "Z", for another text and for more than 14 hours."""
    found = _OFFSET.fullmatch(text)
    if found is None:
        return timedelta()
    ahead = timedelta(hours=int(found[2]), minutes=int(found[3]))
    if ahead > _FARTHEST:
        return timedelta()
    return -ahead if found[1] == "-" else ahead


def _degrees(directory: Mapping[int, object], tag: int, reference: int, letters: str, most: int) -> float | None:
    parts, letter = _value(directory, tag), _text(_value(directory, reference)).upper()
    if not isinstance(parts, tuple | list) or len(parts) != 3 or len(letter) != 1 or letter not in letters:
        return None
    numbers = [number for number in map(_number, parts) if number is not None and number >= 0]
    if len(numbers) != 3:
        return None
    degrees = numbers[0] + numbers[1] / 60 + numbers[2] / 3600
    if degrees > most:
        return None
    return -degrees if letter == letters[1] else degrees
