"""The request of a resync (API: image syncs): ids, an album, a page."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from django.urls.converters import UUIDConverter
from rest_framework import serializers
from rest_framework.fields import empty
from rest_framework.request import Request

from sharinpix.errors import Malformed
from sharinpix.forms import Form, pairs

MAX_IDS = 10_000
PAGE = 1_000
MAX_PAGE = 5_000
EPOCH = datetime.fromtimestamp(0, UTC)
ID = re.compile(UUIDConverter.regex)


class Cursor(NamedTuple):
    """The place of an image in the order of a resync: its values of querysets.ORDER. A page begins after it."""

    album: int
    position: int
    created_at: datetime
    id: UUID

    def __str__(self) -> str:
        micros = (self.created_at - EPOCH) // timedelta(microseconds=1)
        return f"{self.album}.{self.position}.{micros}.{self.id.hex}"

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """The inverse of str(). Raises ValueError for anything else."""
        album, position, micros, image_id = text.split(".")
        if not text.isascii() or len(text) > 120 or len(image_id) != 32:
            raise ValueError(text)
        numbers = [int(number) for number in (album, position, micros)]
        if not all(-(2**63) <= number < 2**63 for number in numbers):
            raise ValueError(text)
        try:
            moment = EPOCH + timedelta(microseconds=numbers[2])
        except OverflowError as error:
            raise ValueError(text) from error
        return cls(numbers[0], numbers[1], moment, UUID(image_id))


class Ids(NamedTuple):
    """The well-formed ids, each once, and how many members of the list were no UUIDs."""

    found: list[str]
    skipped: int


class IdsField(serializers.ListField):
    """At most 10,000 ids; None where the field is absent, which means every visible image."""

    def __init__(self) -> None:
        super().__init__(child=serializers.UUIDField(), required=False, max_length=MAX_IDS)

    def run_validation(self, data: Any = empty) -> Ids | None:
        if data is empty:
            return None
        if not isinstance(data, list):
            raise Malformed("ids must be a list.")
        if len(data) > MAX_IDS:
            raise Malformed(f"At most {MAX_IDS:,} ids can be asked for at once.")
        found = [value for value in data if isinstance(value, str) and ID.fullmatch(value)]
        return Ids(list(dict.fromkeys(found)), len(data) - len(found))


class PerPageField(serializers.IntegerField):
    def run_validation(self, data: Any = empty) -> int:
        text = str(PAGE if data in (empty, None) else data)
        if not re.fullmatch(r"[0-9]{1,6}", text) or not 1 <= int(text) <= MAX_PAGE:
            raise Malformed(f"per_page must be a number from 1 to {MAX_PAGE:,}.")
        return int(text)


class CursorField(serializers.CharField):
    def run_validation(self, data: Any = empty) -> Cursor | None:
        if data in (empty, None):
            return None
        try:
            return Cursor.parse(str(data))
        except ValueError as error:
            raise Malformed("The cursor is not one of ours.") from error


class AlbumFilterField(serializers.CharField):
    def run_validation(self, data: Any = empty) -> str | None:
        return None if data in (empty, None) else str(data)


class SyncRequestSerializer(serializers.Serializer[Any]):
    """Which images a resync asks for."""

    ids = IdsField()
    album_id = AlbumFilterField(required=False, allow_blank=True, help_text="Only images of this album.")
    per_page = PerPageField(
        required=False, min_value=1, max_value=MAX_PAGE, help_text=f"Without ids: images a page, {PAGE:,} by default."
    )
    cursor = CursorField(required=False, help_text="Without ids: where a page begins, from `Link`.")

    def run_validation(self, data: Any = empty) -> dict[str, Any]:
        """Field by field: the framework's own bookkeeping takes longer than the whole resync of an image."""
        return {name: field.run_validation(data.get(name, empty)) for name, field in self.fields.items()}


class SyncQuerySerializer(SyncRequestSerializer):
    """The fields as the OpenAPI description of the query string names them: `ids[]` for `ids`."""

    def get_fields(self) -> dict[str, Any]:
        return {"ids[]" if name == "ids" else name: field for name, field in super().get_fields().items()}


@lru_cache(maxsize=1)
def sync_request_serializer() -> SyncRequestSerializer:
    """Built once: building it takes longer than a resync of four ids."""
    return SyncRequestSerializer()


class SyncRequest(NamedTuple):
    """The validated fields of a resync.

    `ids` None means every visible image, by pages, or with `per_page` None in one answer. `skipped` counts the ids that
    were no UUIDs. `after` is the cursor.
    """

    ids: Sequence[str] | None
    skipped: int
    album_id: str | None
    per_page: int | None
    after: Cursor | None

    @classmethod
    def read(cls, request: Request) -> "SyncRequest":
        """Reads the query string and, of a POST, the body. Raises Malformed."""
        fields = sync_request_serializer().run_validation(sent_fields(request))
        ids = fields["ids"]
        return cls(
            ids=ids and ids.found,
            skipped=ids.skipped if ids else 0,
            album_id=fields["album_id"],
            per_page=fields["per_page"],
            after=fields["cursor"],
        )

    @classmethod
    def of_album(cls, album_id: str) -> "SyncRequest":
        """Every visible image of one album, in one answer."""
        return cls(ids=None, skipped=0, album_id=album_id, per_page=None, after=None)

    def message(self) -> str | None:
        """The sentence of X-message that counts the skipped ids; None without any."""
        if not self.skipped:
            return None
        noun = "id was" if self.skipped == 1 else "ids were"
        return f"{self.skipped:,} {noun} skipped: not a UUID."

    def next_query(self, last: Cursor) -> str:
        """The query string of the page that begins after `last`."""
        album = {} if self.album_id is None else {"album_id": self.album_id}
        return urlencode({**album, "per_page": self.per_page, "cursor": str(last)})


def sent_fields(request: Request) -> dict[str, Any]:
    """The fields of the query string, overridden by those of a POST's body that are not null.

    `ids` are all values of `ids[]` and `ids`, or `empty` where there are none.
    """
    raw = request.META.get("QUERY_STRING", "").encode("latin-1", "replace")  # WSGI decodes bytes as Latin-1
    query = pairs(raw.decode(errors="replace"))  # not request.GET, which Django limits to fewer fields
    fields, ids = dict[str, Any](query), ids_of(query)
    if request.method == "POST":
        body = request.data
        if not isinstance(body, dict):
            raise Malformed('The body must be an object such as {"ids": [...]}.')
        fields |= {name: value for name, value in body.items() if value is not None}
        sent = ids_of(body.pairs) if isinstance(body, Form) else body.get("ids", empty)
        ids = ids if sent is empty else sent
    return {**fields, "ids": ids}


def ids_of(fields: Sequence[tuple[str, str]]) -> Any:
    return [value for key, value in fields if key in {"ids[]", "ids"}] or empty
