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
from django.db.models.functions import Cast

from images import refresh
from images.models import Image, Representation
from images.querysets import ORDER, Place, Token, place_parameters
from images.resync import Resync
from sharinpix.statements import Parameter, Statement

AT_ONCE = 250
"""Up to so many ids, one statement reads order and texts together."""
CHUNK = 1_000
"""Images whose texts are read, and where stale computed, at once. A longer answer is streamed."""

Row = tuple[str, str | None, str | bytes | None]
"""(id, stamp, text); stamp and text are None where no text is stored."""


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
    """A text column without the detour through str where the driver offers that; elsewhere the str."""

    output_field = TextField()

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, template="CAST(%(expressions)s AS BLOB)")

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, template="%(expressions)s")


def matching(shape: Shape) -> Any:
    """The images of a resync of this shape, in order."""
    albums = Parameter("albums", CharField(), many=True) if shape.albums else None
    found = Image.objects.visible_to(Anyone(Parameter("organization", UUIDField()), albums)).in_order()
    if shape.album_id:
        found = found.filter(album__public_id=Parameter("album_id", CharField()))
    if shape.ids:
        found = found.filter(id__any=Parameter("ids", UUIDField(), many=True))
    return found.after(place_parameters()) if shape.after else found


def as_text(column: str) -> Cast:
    return Cast(column, CharField())


@lru_cache
def ordered_ids(shape: Shape) -> Statement:
    return Statement(lambda: matching(shape).values_list(as_text("id")))


@lru_cache
def ordered_places(shape: Shape) -> Statement:
    return Statement(lambda: matching(shape).values_list(*ORDER, as_text("id")))


@lru_cache
def ordered_texts(shape: Shape) -> Statement:
    text = AsBytes(F("representation__document"))
    return Statement(lambda: matching(shape).values_list(as_text("id"), "representation__stamp", text))


TEXTS = Statement(
    lambda: Representation.objects.filter(image__id__any=Parameter("ids", UUIDField(), many=True)).values_list(
        as_text("image_id"), "stamp", AsBytes(F("document"))
    )
)


class Reader:
    """One resync of one token. `next` is where the following page begins, or None."""

    def __init__(self, token: Token, asked: Resync) -> None:
        self.next: Place | None = None
        self.stamp = refresh.stamp()
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
            self.ids: Sequence[str] | None = []
        elif asked.ids is None:
            self.ids = self.page(asked.per_page)
        elif len(asked.ids) > AT_ONCE:
            self.ids = [image_id for (image_id,) in ordered_ids(self.shape).rows(**self.values)]
        else:
            self.ids = None  # not known apart from their texts

    def page(self, size: int) -> list[str]:
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
        """The whole answer."""
        return b"".join(self.pieces())

    def pieces(self) -> Iterator[bytes]:
        """The answer in pieces. The first is read at once, while trouble can still be answered."""
        chunks = self.chunks()
        first = next(chunks, [])
        return bracketed(chain([first], chunks))

    def chunks(self) -> Iterator[list[str | bytes]]:
        """The texts in order, those of CHUNK images at a time."""
        if self.ids is None:
            yield self.believed(ordered_texts(self.shape).rows(**self.values))
            return
        for start in range(0, len(self.ids), CHUNK):
            part = self.ids[start : start + CHUNK]
            found = {row[0]: row for row in TEXTS.rows(ids=part)}
            yield self.believed([found.get(image_id) or (image_id, None, None) for image_id in part])

    def believed(self, rows: Sequence[Row]) -> list[str | bytes]:
        """The texts in order, computed where they are not to be believed; an image that is gone by then is left out."""
        stale = [UUID(image_id) for image_id, stamp, _ in rows if stamp != self.stamp]
        if not stale:
            return [text for _, _, text in rows]  # type: ignore[misc]  # what has a stamp has a text
        computed = {image_id: text.encode() for image_id, text in refresh.computed(stale)}
        found = (text if stamp == self.stamp else computed.get(UUID(image_id)) for image_id, stamp, text in rows)
        return [text if isinstance(text, bytes) else text.encode() for text in found if text is not None]


def bracketed(chunks: Iterable[list[str | bytes]]) -> Iterator[bytes]:
    """The chunks as one JSON array. Brackets go onto the nearest text, so that long pieces are not copied again."""
    opening = "["
    for texts in chunks:
        if not texts:
            continue
        as_bytes = isinstance(texts[0], bytes)
        texts[0] = opening.encode() + texts[0] if as_bytes else opening + texts[0]  # type: ignore[operator]
        # Joining first and encoding once costs half of encoding each.
        yield b",".join(texts) if as_bytes else ",".join(texts).encode()  # type: ignore[arg-type]
        opening = ","
    yield b"]" if opening == "," else b"[]"
