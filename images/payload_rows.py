"""The rows that texts are computed from: columns of images, of their albums, uploaders and tags, read by one query.

The columns are those that ImageSerializer's fields name. The functions take the Image model as an argument, since its
queryset imports this module.
"""

from collections import namedtuple
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import F, OuterRef, Subquery, UUIDField

from images import representations
from images.serializers import image_serializer
from sharinpix.fields import OrderedJSONField
from sharinpix.prepared import Parameter, PreparedQuery

if TYPE_CHECKING:
    from django.db.models import Model


class PayloadValue(Subquery):
    """One value of another row in an image's payload. On PostgreSQL `locking` locks that row (FOR SHARE), so that it
    is not renamed before the transaction ends; SQLite has one writer at a time."""

    shape = "({})"

    def __init__(self, queryset: Any, *, locking: bool, **extra: Any) -> None:
        super().__init__(queryset, **extra)
        self.locking = locking

    def as_sqlite(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        return self.as_sql(compiler, connection, self.shape.format("%(subquery)s"))

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        lock = " FOR SHARE" if self.locking else ""
        return self.as_sql(compiler, connection, self.shape.format(f"%(subquery)s{lock}"))


class PayloadList(PayloadValue):
    """All values of the column `value`, as one JSON array."""

    output_field = OrderedJSONField()
    shape = "(SELECT json_group_array(value) FROM ({}) _)"

    def as_postgresql(self, compiler: Any, connection: Any, **extra: Any) -> Any:
        self.shape = "(SELECT coalesce(json_agg(value), '[]')::text FROM ({}) _)"
        return super().as_postgresql(compiler, connection, **extra)


@lru_cache
def locked_ids(images: "type[Model]") -> PreparedQuery:
    """The ids of the images with these `ids`, which it locks, in the order of ids."""
    wanted = Parameter("ids", UUIDField(), many=True)
    found = images._default_manager.filter(id__any=wanted).order_by("id")
    return PreparedQuery(lambda: found.select_for_update(of=("self",), no_key=True).values_list("id"))


@lru_cache
def payload_row_query(images: "type[Model]", *, locking: bool) -> PreparedQuery:
    """The columns of ImageSerializer for the images with these `ids`; `locking` as in PayloadValue."""
    return PreparedQuery(lambda: annotated(images, locking=locking).values_list(*image_serializer().columns))


def annotated(images: "type[Model]", *, locking: bool) -> Any:
    columns: Any = images._meta  # untyped: the models of the foreign keys are known at run time
    album, uploader, tags = (columns.get_field(name) for name in ("album", "uploader", "tags"))
    named = album.related_model._default_manager.filter(pk=OuterRef("album_id")).values("public_id")
    person = uploader.related_model._default_manager.filter(pk=OuterRef("uploader_id")).values("sfid")
    taggings = tags.remote_field.through._default_manager.filter(image=OuterRef("pk"))
    return images._default_manager.filter(id__any=Parameter("ids", UUIDField(), many=True)).annotate(
        album_name=PayloadValue(named, locking=locking),
        user_sfid=PayloadValue(person, locking=locking),
        tag_names=PayloadList(taggings.values(value=F("tag__name")), locking=locking),
    )


@lru_cache(maxsize=1)
def row_class() -> Any:
    return namedtuple("PayloadRow", image_serializer().columns)


def computed_texts(
    images: "type[Model]", ids: Sequence[UUID], *, locking: bool = False
) -> Iterator[representations.Text]:
    """The texts of these images as they are now, with one query."""
    rows = payload_row_query(images, locking=locking).rows(ids=ids)
    return map(representations.row_text, map(row_class()._make, rows))
