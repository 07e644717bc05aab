"""The read model: the text of each image's representation, kept beside its row (write side; `reader` reads it).

Every change of what an image prints goes through one of two doors, both on ImageQuerySet: `changing` for the images
themselves, `renaming` for a row that they print (a tag, an album, a person). Each writes the texts in the transaction
of the change. Nobody waits in a circle: `changing` locks image rows by id, then (shared) the rows that they print, then
the texts; `renaming` locks the organization, so that there is one at a time, then the renamed row, then the texts.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import connection
from django.db.models import F, OuterRef, Subquery, UUIDField
from django.utils import timezone

from images import delivery
from images.representation import Facts, fingerprint, rendered
from sharinpix.fields import OrderedJSONField
from sharinpix.statements import Parameter, Statement

BATCH = 1_000
"""Images that one change renders in its own transaction; of more it empties the stamps, and renders after commit."""


class Printed(Subquery):
    """The one value of another row that an image prints. `locking` keeps that row from being renamed until the
    transaction ends, on PostgreSQL; SQLite has one writer at a time and needs no such thing."""

    shape = "({})"

    def __init__(self, queryset: Any, *, locking: bool, **extra: Any) -> None:
        super().__init__(queryset, **extra)
        self.locking = locking

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, self.shape.format("%(subquery)s"))

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        lock = " FOR SHARE" if self.locking else ""
        return self.as_sql(compiler, connection, self.shape.format(f"%(subquery)s{lock}"))


class PrintedList(Printed):
    """All values of the column `value`, as one JSON array."""

    output_field = OrderedJSONField()
    shape = "(SELECT json_group_array(value) FROM ({}) _)"

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        self.shape = "(SELECT coalesce(json_agg(value), '[]')::text FROM ({}) _)"
        return super().as_postgresql(compiler, connection, **extra)


def facts_of_images(*, locking: bool) -> Any:
    image, tagging = apps.get_model("images", "Image"), apps.get_model("images", "Tagging")
    album, user = apps.get_model("albums", "Album"), apps.get_model("accounts", "User")
    names = tagging.objects.filter(image=OuterRef("pk")).values(value=F("tag__name"))
    printed = {
        "album_name": Printed(album.objects.filter(pk=OuterRef("album_id")).values("public_id"), locking=locking),
        "user_sfid": Printed(user.objects.filter(pk=OuterRef("uploader_id")).values("sfid"), locking=locking),
        "tag_names": PrintedList(names, locking=locking),
    }
    wanted = image.objects.filter(id__any=Parameter("ids", UUIDField(), many=True))
    return wanted.annotate(**printed).values_list(*Facts._fields)


LOCK = Statement(
    lambda: (
        apps.get_model("images", "Image")
        .objects.filter(id__any=Parameter("ids", UUIDField(), many=True))
        .order_by("id")
        .select_for_update(of=("self",), no_key=True)
        .values_list("id")
    )
)
"""Locks images by id and says which of them there are."""
FACTS = Statement(lambda: facts_of_images(locking=False))
LOCKED_FACTS = Statement(lambda: facts_of_images(locking=True))


@lru_cache(maxsize=8)
def _stamp(here: delivery.Delivery, zone: Any) -> str:
    return fingerprint(here, zone)


def stamp() -> str:
    """The fingerprint that a text must carry to be believed under the present settings."""
    return _stamp(delivery.current(), timezone.get_default_timezone())


def computed(ids: Sequence[UUID], facts: Statement = FACTS) -> Iterator[tuple[UUID, str]]:
    """The texts of these images as they are now, with one query."""
    here, zone = delivery.current(), timezone.get_default_timezone()
    for row in map(Facts._make, facts.rows(ids=ids)):
        yield row.id, rendered(row, here, zone)


def refresh(ids: Sequence[UUID]) -> None:
    """Renders and stores the texts of these images. What they print of other rows is read and locked in one query:
    whoever is renaming such a row is waited for, and whoever comes later waits for us."""
    store(computed(ids, LOCKED_FACTS))


def store(texts: Iterable[tuple[UUID, str]]) -> None:
    """Writes texts under the present stamp, in one statement."""
    upsert = "ON CONFLICT (image_id) DO UPDATE SET stamp = excluded.stamp, document = excluded.document"
    insert = "INSERT INTO images_representation (image_id, stamp, document)"
    current, rows = stamp(), list(texts)
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            arrays = [[str(image_id) for image_id, _ in rows], [text for _, text in rows]]
            select = "SELECT id, %s, text FROM unnest(%s::uuid[], %s::text[]) AS new (id, text)"
            cursor.execute(f"{insert} {select} {upsert}", [current, *arrays])
        else:
            values = [(image_id.hex, current, text) for image_id, text in rows]
            cursor.executemany(f"{insert} VALUES (%s, %s, %s) {upsert}", values)


def distrust(ids: Sequence[UUID]) -> None:
    """Empties the stamps of these images in one statement: until they are refreshed, reads compute them."""
    representations = apps.get_model("images", "Representation")._default_manager
    representations.filter(image__id__any=ids).update(stamp="")
