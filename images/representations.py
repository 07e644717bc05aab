"""Representations: ImageSerializer's output as JSON text, stored beside each image's row with a stamp.

The stamp is a fingerprint of all that a text depends on besides rows. `syncs.reader` sends texts with the present stamp
and computes the others. ImageQuerySet stores texts in the transaction of each change (`changing`, `changing_related`).
"""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection
from django.utils import timezone

from images.delivery import signed_urls
from images.serializers import image_serializer, resync_keys
from sharinpix.renderers import JSONRenderer

VERSION = 1
"""Raise it when the same row gives another text, but the text of SAMPLE stays the same."""
SUMMER = datetime(2024, 7, 1, 12, tzinfo=UTC)
WINTER = datetime(2024, 1, 1, 12, tzinfo=UTC)
SAMPLE: dict[str, Any] = {
    "id": UUID(int=1), "infos": {"bytes": 1}, "gps_exifs_lat": 1.0, "gps_exifs_lng": 2.0, "created_at": SUMMER,
    "updated_at": WINTER, "taken_at": SUMMER, "rotation": 90, "crop_x": 1.0, "crop_y": 2.0, "crop_w": 40.0,
    "crop_h": 30.0, "filename": "Été", "format": "png", "processed": False, "delivery_id": "sample",
    "delivery_version": 1, "delivery_type": "authenticated", "album_name": "a", "user_sfid": "c", "tag_names": ["b"],
}  # fmt: skip
"""A sample row, with values in the columns whose text depends on settings or code; the other columns are None."""
RENDERER = JSONRenderer()


class Text(NamedTuple):
    """The text of one image, with the keys that it was written of."""

    image_id: UUID
    keys: dict[str, Any]
    json: bytes

    @property
    def spans(self) -> list[tuple[int, int]]:
        """Where in the text (bytes) the keys stand that a resync alone has."""
        return spans_of(self.keys, len(self.json))

    @property
    def without_resync_keys(self) -> bytes:
        return without_spans(self.json, self.spans)


def row_text(row: Any) -> Text:
    """One image as the API's own renderer writes them."""
    keys = image_serializer().to_representation(row)
    return Text(row.id, keys, RENDERER.render(keys))


def spans_of(keys: dict[str, Any], length: int) -> list[tuple[int, int]]:
    """Where the keys of a resync stand in the text of all keys, which has so many bytes: by the length of what follows.

    A span takes along the comma before its key, or where no other key stands before it, the comma behind.
    """
    items, names, spans = list(keys.items()), resync_keys(), []
    for name in names:
        at = list(keys).index(name)
        start = length - len(RENDERER.render(dict(items[at:]))) + 1
        behind = items[at + 1 :]
        end = length - len(RENDERER.render(dict(behind))) if behind else length - 1  # where its value ends
        follows = any(earlier not in names for earlier, _ in items[:at])
        spans.append((start - 1, end) if follows else (start, end + 1))
    return spans


def without_spans(text: bytes, spans: Iterable[Sequence[int]]) -> bytes:
    """The text without these spans, which are in order and do not overlap."""
    kept, at = [], 0
    for start, end in spans:
        kept.append(text[at:start])
        at = end
    return b"".join((*kept, text[at:]))


def stamp() -> str:
    """The present stamp, 16 hex digits."""
    return fingerprint(signed_urls.current_delivery(), timezone.get_default_timezone())


@lru_cache(maxsize=8)
def fingerprint(delivery: signed_urls.Delivery, zone: tzinfo) -> str:
    """The stamp under a Delivery and a time zone: a hash of SAMPLE's text, which every new key or chain changes."""
    columns = dict.fromkeys(image_serializer().columns)
    text = row_text(SimpleNamespace(**columns | SAMPLE)).json.decode()
    return hashlib.sha256(f"{VERSION}|{zone}|{text}".encode()).hexdigest()[:16]


def store(texts: Iterable[Text]) -> None:
    """Writes texts under the present stamp, in one statement."""
    columns = ("stamp", "document", "resync_spans")
    upsert = "ON CONFLICT (image_id) DO UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in columns)
    insert = f"INSERT INTO images_representation (image_id, {', '.join(columns)})"
    current = stamp()
    rows = [(text.image_id, text.json.decode(), orjson.dumps(text.spans).decode()) for text in texts]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            arrays: Sequence[Any] = [
                [str(row[0]) for row in rows],
                *([row[column] for row in rows] for column in (1, 2)),
            ]
            select = (
                "SELECT id, %s, text, spans FROM unnest(%s::uuid[], %s::text[], %s::text[]) AS new (id, text, spans)"
            )
            cursor.execute(f"{insert} {select} {upsert}", [current, *arrays])
        else:
            values = [(image_id.hex, current, json, spans) for image_id, json, spans in rows]
            cursor.executemany(f"{insert} VALUES (%s, %s, %s, %s) {upsert}", values)
