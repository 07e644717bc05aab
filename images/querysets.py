"""Which images: the questions that are asked of many rows."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from uuid import UUID

from django.db import models, transaction
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan
from django.utils import timezone

from accounts.models import Organization
from images import processing, refresh, storage
from sharinpix.statements import Parameter

if TYPE_CHECKING:
    from images.models import Image  # noqa: F401  (named in a string below)

ORDER = ("album_id", "position", "created_at", "id")
"""The order of a resync: album, position, then created_at and id where positions tie."""


PLACE = Tuple(*(models.F(name) for name in ORDER))


class Token(Protocol):
    """What decides who sees what; accounts.tokens.SharinpixToken is the one that is used."""

    @property
    def organization_id(self) -> UUID: ...

    def albums_granting(self, ability: str) -> Sequence[str] | None: ...


class Place(NamedTuple):
    """Where an image stands in the order of a resync: the values of ORDER. A page begins after one."""

    album: int
    position: int
    created_at: datetime
    id: UUID

    def __str__(self) -> str:
        micros = (self.created_at - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)
        return f"{self.album}.{self.position}.{micros}.{self.id.hex}"

    @classmethod
    def parse(cls, text: str) -> "Place":
        """The inverse of str(). Raises ValueError for anything else."""
        album, position, micros, image_id = text.split(".")
        if not text.isascii() or len(text) > 120 or len(image_id) != 32:
            raise ValueError(text)
        numbers = [int(number) for number in (album, position, micros)]
        if not all(-(2**63) <= number < 2**63 for number in numbers):
            raise ValueError(text)
        try:
            moment = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=numbers[2])
        except OverflowError as error:
            raise ValueError(text) from error
        return cls(numbers[0], numbers[1], moment, UUID(image_id))


def place_parameters() -> tuple[Parameter, ...]:
    """A Place that is known when a Statement runs, by its own field names."""
    fields: list[models.Field[Any, Any]] = [
        models.BigIntegerField(),
        models.BigIntegerField(),
        models.DateTimeField(),
        models.UUIDField(),
    ]
    return tuple(Parameter(name, field) for name, field in zip(Place._fields, fields, strict=True))


class ImageQuerySet(models.QuerySet["Image"]):
    def visible_to(self, token: Token) -> "ImageQuerySet":
        """The images that exist for the token: never another organization's, never trashed ones."""
        found = self.filter(album__organization_id=token.organization_id, trashed_at__isnull=True)
        albums = token.albums_granting("image_list")
        return found if albums is None else found.filter(album__public_id__any=albums)

    def in_order(self) -> "ImageQuerySet":
        return self.order_by(*ORDER)

    def after(self, place: Sequence[Any]) -> "ImageQuerySet":
        """What follows a Place in the order; the index on ORDER answers it."""
        return self.filter(TupleGreaterThan(PLACE, tuple(place)))

    def delivered_as(self, public_id: str, kind: str, version: int | None) -> "ImageQuerySet":
        """The images whose original has this delivery id, and that may be shown."""
        return self.filter(delivery_id=public_id, delivery_type=kind, delivery_version=version, trashed_at__isnull=True)

    def changing(self) -> AbstractContextManager[list[UUID]]:
        """The door for changes of these images: `with images.changing(): ...` (see `refresh`)."""
        return self.changing_ids(list(self.values_list("id", flat=True)))

    @contextmanager
    def changing_ids(self, ids: Sequence[UUID]) -> Iterator[list[UUID]]:
        """Locks the images, lets the block change what they print, and renders what then stands, in one transaction."""
        with transaction.atomic():
            locked = [row[0] for row in refresh.LOCK.rows(ids=ids)]
            yield locked
            self.refresh(locked)

    @contextmanager
    def renaming(self, row: Any) -> Iterator[None]:
        """The door for changes of a row that these images print: `with tag.images.renaming(tag): ...`.

        Renames of one organization queue for its row, so that two of them never render each other's past.
        """
        with transaction.atomic():
            Organization.objects.select_for_update(no_key=True).get(pk=row.organization_id)
            type(row)._default_manager.select_for_update().get(pk=row.pk)
            ids = list(self.values_list("id", flat=True))
            yield
            self.refresh(ids)

    def refresh(self, ids: Sequence[UUID]) -> None:
        """Renders the texts of these images now, or of too many for one transaction, in batches after it."""
        if len(ids) <= refresh.BATCH:
            refresh.refresh(ids)
            return
        refresh.distrust(ids)
        transaction.on_commit(partial(self.refresh_in_batches, ids))

    def refresh_in_batches(self, ids: Sequence[UUID]) -> None:
        for start in range(0, len(ids), refresh.BATCH):
            with self.changing_ids(ids[start : start + refresh.BATCH]):
                pass  # rendering what stands, under its locks, is all there is to do

    def waiting(self) -> "ImageQuerySet":
        """The queue of processing: what nobody works on, or whose worker has died."""
        abandoned = timezone.now() - processing.abandoned_after()
        free = models.Q(processing_since__isnull=True) | models.Q(processing_since__lt=abandoned)
        return self.filter(free, processed=False, processing_error__isnull=True).exclude(original="")

    def with_fewer_thumbnails(self, count: int) -> "ImageQuerySet":
        """Images that have fewer stored thumbnails than they should."""
        return self.alias(kept=models.Count("thumbnails")).filter(kept__lt=count)

    def delete(self) -> tuple[int, dict[str, int]]:
        """Deletes the rows, and after commit the files that no other row names, if the storage answers."""
        with transaction.atomic():
            # Whoever is about to add a thumbnail comes first or finds nothing.
            every = self.model.objects.filter(id__any=list(self.values_list("id", flat=True)))
            list(every.order_by("id").select_for_update().values_list("id"))
            originals = set(self.exclude(original="").values_list("original", "delivery_id"))
            thumbnails = set(self.exclude(thumbnails=None).values_list("thumbnails__file", flat=True))
            deleted = super().delete()
            transaction.on_commit(lambda: self.model.objects.forget_files(originals, thumbnails), robust=True)
        return deleted

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]

    def forget_files(self, originals: set[tuple[str, str]], thumbnails: set[str]) -> None:
        """Removes files of deleted rows; a duplicate may still share its original."""
        storage.remove(thumbnails)
        for original, public_id in originals:
            if not self.filter(original=original).exists():
                storage.remove([original])
                storage.remove_derived(public_id)
