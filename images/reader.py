"""Reads the answer of a resync: ids, order and stored texts, joined as bytes. It never writes.

Texts whose stamp is stale or missing are computed on the spot. A long answer reads the order first and then the texts
in chunks, so that nobody sorts megabytes, holds them, or keeps a transaction open while a slow client reads.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import CharField, F, Func, TextField, UUIDField

from images import refresh
from images.models import Image, Representation
from images.querysets import ORDER, Place, Token, place_parameters
from images.representation import without_sync_keys
from images.resync import Resync
from sharinpix.statements import Parameter, Statement

AT_ONCE = 250
"""Up to so many ids, one statement reads order and texts together."""
CHUNK = 1_000
"""Images whose texts are read, and where stale computed, at once. A longer answer is streamed."""

Row = tuple[bytes, bytes | None, bytes | None]
"""(id, stamp, text) as the database writes them; stamp and text are None where no text is stored."""


class Shape(NamedTuple):
    """Which conditions a resync has; each combination is one statement."""

    albums: bool
    album_id: bool
    ids: bool
    after: bool


class Anyone(NamedTuple):
    """A token whose facts are parameters, so that `visible_to` is compiled once for all tokens."""

    organization_id: Any
    albums: Any

    def albums_granting(self, ability: str) -> Any:
        return self.albums


class AsBytes(Func):
    """A column as the bytes of its text; of a Statement with `as_bytes`."""

    output_field = TextField()

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, template="CAST(%(expressions)s AS BLOB)")

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, template="(%(expressions)s)::text")


def matching(shape: Shape) -> Any:
    """The images of a resync of this shape, in order."""
    albums = Parameter("albums", CharField(), many=True) if shape.albums else None
    found = Image.objects.visible_to(Anyone(Parameter("organization", UUIDField()), albums)).in_order()
    if shape.album_id:
        found = found.filter(album__public_id=Parameter("album_id", CharField()))
    if shape.ids:
        found = found.filter(id__any=Parameter("ids", UUIDField(), many=True))
    return found.after(place_parameters()) if shape.after else found


@lru_cache
def ordered_ids(shape: Shape) -> Statement:
    return Statement(lambda: matching(shape).values_list(AsBytes(F("id"))), as_bytes=True)


@lru_cache
def ordered_places(shape: Shape) -> Statement:
    return Statement(lambda: matching(shape).values_list(*ORDER, AsBytes(F("id"))), as_bytes=True, planned=False)


@lru_cache
def ordered_texts(shape: Shape) -> Statement:
    columns = AsBytes(F("id")), AsBytes(F("representation__stamp")), AsBytes(F("representation__document"))
    return Statement(lambda: matching(shape).values_list(*columns), as_bytes=True)


TEXTS = Statement(
    lambda: Representation.objects.filter(image__id__any=Parameter("ids", UUIDField(), many=True)).values_list(
        AsBytes(F("image_id")), AsBytes(F("stamp")), AsBytes(F("document"))
    ),
    as_bytes=True,
)


class Reader:
    """One resync of one token. `next` is where the following page begins, or None."""

    def __init__(self, token: Token, asked: Resync, *, sync_keys: bool = True) -> None:
        self.next: Place | None = None
        self.sync_keys = sync_keys
        self.stamp = refresh.stamp().encode()
        albums = token.albums_granting("image_list")
        self.shape = Shape(
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
        elif asked.ids is None:
            self.ids = self.page(asked.per_page)
        elif len(asked.ids) > AT_ONCE:
            self.ids = [image_id for (image_id,) in ordered_ids(self.shape).rows(**self.values)]
        else:
            self.ids = None  # not known apart from their texts

    def page(self, size: int) -> list[bytes]:
        """The ids of a page, having noted where the next one begins."""
        places = ordered_places(self.shape).rows(limit=size + 1, **self.values)
        if len(places) > size:
            self.next = Place(*places[size - 1][: len(ORDER)])
        return [place[-1] for place in places[:size]]

    @property
    def streams(self) -> bool:
        """Whether the answer is too long to be held in memory."""
        return self.ids is not None and len(self.ids) > CHUNK

    def body(self) -> bytes:
        """The whole answer, joined once: three megabytes are not copied again for a bracket."""
        texts = list(chain.from_iterable(self.chunks()))
        if not texts:
            return b"[]"
        texts[0] = b"[" + texts[0]
        texts[-1] += b"]"
        return b",".join(texts)

    def pieces(self) -> Iterator[bytes]:
        """The answer in pieces. The first is read at once, while trouble can still be answered."""
        chunks = self.chunks()
        first = next(chunks, [])
        return bracketed(chain([first], chunks))

    def chunks(self) -> Iterator[list[bytes]]:
        """The texts in order, those of CHUNK images at a time."""
        if self.ids is None:
            yield self.told(ordered_texts(self.shape).rows(**self.values))
            return
        for start in range(0, len(self.ids), CHUNK):
            part = self.ids[start : start + CHUNK]
            found: dict[bytes, Row] = {row[0]: row for row in TEXTS.rows(ids=part)}
            yield self.told([found.get(image_id) or (image_id, None, None) for image_id in part])

    def told(self, rows: Sequence[Row]) -> list[bytes]:
        texts = believed(rows, self.stamp)
        return texts if self.sync_keys else [without_sync_keys(text) for text in texts]


def believed(rows: Sequence[Row], stamp: bytes) -> list[bytes]:
    """The texts in order, computed where they are not to be believed; an image that is gone by then is left out."""
    stale = [UUID(image_id.decode()) for image_id, found, _ in rows if found != stamp]
    if not stale:
        return [text for _, _, text in rows]  # type: ignore[misc]  # what has a stamp has a text
    computed = {image_id: text.encode() for image_id, text in refresh.computed(stale)}
    texts = (text if found == stamp else computed.get(UUID(key.decode())) for key, found, text in rows)
    return [text for text in texts if text is not None]


def texts_of(ids: Sequence[UUID]) -> list[bytes]:
    """The texts of these images in this order, as every answer but a resync has them (35 keys)."""
    found: dict[UUID, Row] = {UUID(row[0].decode()): row for row in TEXTS.rows(ids=ids)}
    rows = [found.get(image_id) or (str(image_id).encode(), None, None) for image_id in ids]
    return [without_sync_keys(text) for text in believed(rows, refresh.stamp().encode())]


def bracketed(chunks: Iterable[list[bytes]]) -> Iterator[bytes]:
    """The chunks as one JSON array. Brackets go onto the nearest text, so that long pieces are not copied again."""
    opening = b"["
    for texts in chunks:
        if texts:
            texts[0] = opening + texts[0]
            yield b",".join(texts)
            opening = b","
    yield b"]" if opening == b"," else b"[]"
