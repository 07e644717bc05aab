"""What a resync asks for (API: image syncs): ids, an album, a page."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

from rest_framework.request import Request

from images.querysets import Place
from sharinpix.api import Form, Malformed, pairs

MAX_IDS = 10_000
PAGE = 1_000
MAX_PAGE = 5_000
EVERYTHING = 2**31
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


class Resync(NamedTuple):
    """`ids` None means everything visible, by pages; `skipped` counts the members of ids that were no UUIDs."""

    ids: Sequence[str] | None
    skipped: int
    album_id: str | None
    per_page: int
    after: Place | None

    @classmethod
    def asked_by(cls, request: Request) -> "Resync":
        """Reads the query string and, of a POST, the body. Raises Malformed with a sentence."""
        raw = request.META.get("QUERY_STRING", "").encode("latin-1", "replace")  # WSGI hands bytes over as Latin-1
        query = pairs(raw.decode(errors="replace"))  # not request.GET: Django limits its fields
        sent = sent_ids(request) if request.method == "POST" else None
        given = ids_of(query) if sent is None else sent
        single = dict(query) | single_values(request)
        ids = None if given is None else wellformed(given)
        return cls(
            ids=None if ids is None else list(dict.fromkeys(ids)),
            skipped=0 if given is None or ids is None else len(given) - len(ids),
            album_id=single.get("album_id"),
            per_page=per_page(single.get("per_page", str(PAGE))),
            after=place(single["cursor"]) if "cursor" in single else None,
        )

    @classmethod
    def of_album(cls, album_id: str) -> "Resync":
        """Everything in one album, however much."""
        return cls(ids=None, skipped=0, album_id=album_id, per_page=EVERYTHING, after=None)

    def message(self) -> str | None:
        if not self.skipped:
            return None
        noun = "id was" if self.skipped == 1 else "ids were"
        return f"{self.skipped:,} {noun} skipped: not a UUID."

    def next_query(self, last: Place) -> str:
        """The query string of the page that follows the image at `last`."""
        album = {} if self.album_id is None else {"album_id": self.album_id}
        return urlencode({**album, "per_page": self.per_page, "cursor": str(last)})


def ids_of(fields: Sequence[tuple[str, str]]) -> list[Any] | None:
    """The values of `ids[]` and `ids`, however often each is repeated; None where neither occurs."""
    found = [value for key, value in fields if key in {"ids[]", "ids"}]
    return found or None


def sent_ids(request: Request) -> list[Any] | None:
    """The ids in the body of a POST: a JSON object with a list, or a form; None where it names none."""
    body = request.data
    if isinstance(body, Form):
        return ids_of(body.pairs)
    if not isinstance(body, dict):
        raise Malformed('The body must be an object such as {"ids": [...]}.')
    if "ids" not in body:
        return None
    ids = body["ids"]
    if not isinstance(ids, list):
        raise Malformed("ids must be a list.")
    return ids


def single_values(request: Request) -> dict[str, str]:
    """album_id, per_page and cursor of the body of a POST, where they are given; null is not."""
    body: Mapping[str, Any] = request.data if request.method == "POST" else {}  # type: ignore[assignment]
    return {name: str(body[name]) for name in ("album_id", "per_page", "cursor") if body.get(name) is not None}


def wellformed(given: Sequence[Any]) -> list[str]:
    if len(given) > MAX_IDS:
        raise too_many(len(given))
    return [value for value in given if isinstance(value, str) and ID.fullmatch(value)]


def too_many(count: int) -> Malformed:
    return Malformed(f"At most {MAX_IDS:,} ids can be asked for at once.")


def per_page(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text) or not 1 <= int(text) <= MAX_PAGE:
        raise Malformed(f"per_page must be a number from 1 to {MAX_PAGE:,}.")
    return int(text)


def place(text: str) -> Place:
    try:
        return Place.parse(text)
    except ValueError as error:
        raise Malformed("The cursor is not one of ours.") from error
