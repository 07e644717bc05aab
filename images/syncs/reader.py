"""Reads the answer of a resync: ids, order and stored texts, joined as bytes (API: image syncs). It never writes.

Texts that are missing or whose stamp is stale are computed. A long answer reads the order first and then the texts in
chunks, so that no database sorts megabytes, no process holds them, and no transaction is open while a client reads.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache, partial
from itertools import chain
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection
from django.db.models import (
    BigIntegerField,
    CharField,
    DateTimeField,
    F,
    Field,
    Func,
    TextField,
    UUIDField,
)

from images import payload_rows
from images.models import Image, Representation
from images.querysets import ORDER, Token
from images.representations import stamp, without_spans
from images.syncs.request import Cursor, SyncRequest
from sharinpix.outages import patiently
from sharinpix.prepared import Parameter, PreparedQuery

AT_ONCE = 250
"""Up to this number of ids, one statement reads order and texts together."""
CHUNK = 1_000
"""Images whose texts are read at once. A longer answer is streamed."""

Row = tuple[bytes, bytes | None, bytes | None]
"""(id, stamp, text) as the bytes of the database; stamp and text are None where no text is stored."""


class Conditions(NamedTuple):
    """The conditions of a resync's query; each combination is compiled to one statement."""

    albums: bool
    album_id: bool
    ids: bool
    after: bool


class TokenParameters(NamedTuple):
    """A Token with query parameters as its values, so that `visible_to` is compiled once for all tokens."""

    organization_id: Any
    albums: Any

    def albums_granting(self, ability: str) -> Any:
        return self.albums


class AsBytes(Func):
    """A column as the bytes of its text, for a PreparedQuery with `as_bytes`."""

    output_field = TextField()

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, template="CAST(%(expressions)s AS BLOB)")

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, template="(%(expressions)s)::text")


def cursor_parameters() -> tuple[Parameter, ...]:
    """Query parameters in place of a Cursor's fields, under their names."""
    fields: list[Field[Any, Any]] = [BigIntegerField(), BigIntegerField(), DateTimeField(), UUIDField()]
    return tuple(Parameter(name, field) for name, field in zip(Cursor._fields, fields, strict=True))


def matching(conditions: Conditions) -> Any:
    """The images of a resync under these conditions, in order; the values are query parameters."""
    albums = Parameter("albums", CharField(), many=True) if conditions.albums else None
    found = Image.objects.visible_to(TokenParameters(Parameter("organization", UUIDField()), albums)).in_order()
    if conditions.album_id:
        found = found.filter(album__public_id=Parameter("album_id", CharField()))
    if conditions.ids:
        found = found.filter(id__any=Parameter("ids", UUIDField(), many=True))
    return found.after(cursor_parameters()) if conditions.after else found


@lru_cache
def ordered_ids(conditions: Conditions) -> PreparedQuery:
    return PreparedQuery(lambda: matching(conditions).values_list(AsBytes(F("id"))), as_bytes=True)


@lru_cache
def ordered_cursors(conditions: Conditions) -> PreparedQuery:
    columns = *ORDER, AsBytes(F("id"))
    return PreparedQuery(lambda: matching(conditions).values_list(*columns), as_bytes=True, planned=False)


@lru_cache
def ordered_texts(conditions: Conditions) -> PreparedQuery:
    columns = AsBytes(F("id")), AsBytes(F("representation__stamp")), AsBytes(F("representation__document"))
    return PreparedQuery(lambda: matching(conditions).values_list(*columns), as_bytes=True)


def stored(*columns: str) -> PreparedQuery:
    """These columns of the stored representations of the images with these `ids`."""
    wanted = Parameter("ids", UUIDField(), many=True)
    shown = [AsBytes(F(column)) for column in ("image_id", "stamp", "document", *columns)]
    found = Representation.objects.filter(image__id__any=wanted)
    return PreparedQuery(lambda: found.values_list(*shown), as_bytes=True)


TEXTS = stored()
TEXTS_TO_CUT = stored("resync_spans")


class Reader:
    """The answer of one request: `body` or, where `streams`, `pieces`. `next` is the Cursor of the next page, or None.

    With `resync_keys` each image has the keys of a resync, else those of every other answer.
    """

    def __init__(self, token: Token, asked: SyncRequest, *, resync_keys: bool = True) -> None:
        self.next: Cursor | None = None
        self.resync_keys = resync_keys
        self.stamp = stamp().encode()
        albums = token.albums_granting("image_list")
        self.conditions = Conditions(
            albums is not None, asked.album_id is not None, asked.ids is not None, asked.after is not None
        )
        self.values = {
            "organization": token.organization_id,
            "albums": albums,
            "album_id": asked.album_id,
            "ids": asked.ids,
            **(asked.after._asdict() if asked.after else {}),
        }
        if asked.ids == [] or albums == []:
            self.ids: Sequence[bytes] | None = []
        elif asked.per_page and asked.ids is None:
            self.ids = self.page(asked.per_page)
        elif asked.ids is None or len(asked.ids) > AT_ONCE:
            self.ids = [image_id for (image_id,) in ordered_ids(self.conditions).rows(**self.values)]
        else:
            self.ids = None  # one statement reads them with their texts

    def page(self, size: int) -> list[bytes]:
        """The ids of a page of `size` images; sets `next` if more follow."""
        cursors = ordered_cursors(self.conditions).rows(limit=size + 1, **self.values)
        if len(cursors) > size:
            self.next = Cursor(*cursors[size - 1][: len(ORDER)])
        return [cursor[-1] for cursor in cursors[:size]]

    @property
    def streams(self) -> bool:
        """Whether the answer is longer than CHUNK images."""
        return self.ids is not None and len(self.ids) > CHUNK

    def body(self) -> bytes:
        """The whole answer. The brackets are added before joining, which copies megabytes once instead of twice."""
        texts = list(chain.from_iterable(self.chunks()))
        if not texts:
            return b"[]"
        texts[0] = b"[" + texts[0]
        texts[-1] += b"]"
        return b",".join(texts)

    def pieces(self) -> Iterator[bytes]:
        """The answer in pieces. The first is read at once, while an exception can still become an error's answer."""
        chunks = self.chunks()
        first = next(chunks, [])
        return bracketed(chain([first], chunks))

    def chunks(self) -> Iterator[list[bytes]]:
        """The texts in order, those of CHUNK images at a time."""
        if self.ids is None:
            yield current_texts(ordered_texts(self.conditions).rows(**self.values), self.stamp)
            return
        for start in range(0, len(self.ids), CHUNK):
            read = partial(self.texts, self.ids[start : start + CHUNK])
            yield patiently(read) if start else read()  # with the second the answer has begun

    def texts(self, part: Sequence[bytes]) -> list[bytes]:
        """The texts of these images in this order."""
        if not self.resync_keys:
            return texts_to_cut(part)
        found: dict[bytes, Row] = {row[0]: row for row in TEXTS.rows(ids=part)}
        return current_texts([found.get(image_id) or (image_id, None, None) for image_id in part], self.stamp)


def current_texts(rows: Sequence[Row], stamp: bytes) -> list[bytes]:
    """The texts in order, computed where the stored ones are stale; images deleted in between are left out."""
    stale = [UUID(image_id.decode()) for image_id, found, _ in rows if found != stamp]
    if not stale:
        return [text for _, _, text in rows]  # type: ignore[misc]  # what has a stamp has a text
    computed = {text.image_id: text.json for text in payload_rows.computed_texts(Image, stale)}
    texts = (text if found == stamp else computed.get(UUID(key.decode())) for key, found, text in rows)
    return [text for text in texts if text is not None]


def texts_of(ids: Sequence[UUID]) -> list[bytes]:
    """The texts of these images in this order, as every answer but a resync has them."""
    written = (UUIDField().get_db_prep_value(image_id, connection) for image_id in ids)
    return texts_to_cut([str(image_id).encode() for image_id in written])


def texts_to_cut(ids: Sequence[bytes]) -> list[bytes]:
    """The same of ids as the database writes them."""
    current, found = stamp().encode(), dict[bytes, bytes]()
    for image_id, stored_stamp, text, spans in TEXTS_TO_CUT.rows(ids=ids):
        if stored_stamp == current:
            found[image_id] = without_spans(text, orjson.loads(spans))
    stale = {UUID(image_id.decode()): image_id for image_id in ids if image_id not in found}
    if stale:
        found |= {
            stale[text.image_id]: text.without_resync_keys for text in payload_rows.computed_texts(Image, list(stale))
        }
    return [found[image_id] for image_id in ids if image_id in found]


def bracketed(chunks: Iterable[list[bytes]]) -> Iterator[bytes]:
    """The chunks as one JSON array. Brackets are added to single texts, so that joined pieces are not copied again."""
    opening = b"["
    for texts in chunks:
        if texts:
            texts[0] = opening + texts[0]
            yield b",".join(texts)
            opening = b","
    yield b"]" if opening == b"," else b"[]"
