"""Queries and changes of many images."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from django.conf import settings
from django.db import models, transaction
from django.db.models import F
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan
from django.utils import timezone

from accounts.models import Organization
from images import payload_rows, representations
from images.storage.keys import derived_folder
from images.storage.models import DiscardedFile

if TYPE_CHECKING:
    from images.models.image import Image  # noqa: F401  (named in a string below)

ORDER = ("album_id", "position", "created_at", "id")
"""The order of a resync: album, position, then created_at and id where positions tie."""
BATCH = 1_000
"""Images whose texts a change stores in its own transaction; of more it empties the stamps and stores after commit."""


class Token(Protocol):
    """What of a token decides which images it sees; accounts.tokens.SharinpixToken implements it."""

    @property
    def organization_id(self) -> UUID: ...

    def albums_granting(self, ability: str) -> Sequence[str] | None: ...


class ImageQuerySet(models.QuerySet["Image"]):
    # Visibility and order

    def visible_to(self, token: Token) -> "ImageQuerySet":
        """The images that the token may list: of its organization, of its albums, not trashed (API: abilities)."""
        found = self.filter(album__organization_id=token.organization_id, trashed_at__isnull=True)
        albums = token.albums_granting("image_list")
        return found if albums is None else found.filter(album__public_id__any=albums)

    def in_order(self) -> "ImageQuerySet":
        return self.order_by(*ORDER)

    def after(self, place: Sequence[Any]) -> "ImageQuerySet":
        """The images that follow the one with these values of ORDER; the index image_order serves it."""
        return self.filter(TupleGreaterThan(Tuple(*(F(name) for name in ORDER)), tuple(place)))

    def delivered_as(self, public_id: str, kind: str, version: int | None) -> "ImageQuerySet":
        """The images whose original an image URL names, without trashed ones; `kind` is the delivery type."""
        return self.filter(delivery_id=public_id, delivery_type=kind, delivery_version=version, trashed_at__isnull=True)

    # The stored representations

    def changing(self) -> AbstractContextManager[list[UUID]]:
        """For changes of these images: `with images.changing(): ...` locks them and stores their new texts.

        No deadlock: this locks image rows by id, then (shared) the rows of other tables in their payload, then the
        texts; `changing_related` locks the organization, so that there is one at a time, then its row, then the texts.
        """
        return self.changing_ids(list(self.values_list("id", flat=True)))

    @contextmanager
    def changing_ids(self, ids: Sequence[UUID]) -> Iterator[list[UUID]]:
        """Locks the images, runs the block and stores their texts in one transaction; yields the ids that exist."""
        with transaction.atomic():
            locked = [row[0] for row in payload_rows.locked_ids(self.model).rows(ids=ids)]
            yield locked
            self.store_representations(locked)

    @contextmanager
    def changing_related(self, row: Any) -> Iterator[None]:
        """For changes of a row in the payload of these images: `with tag.images.changing_related(tag): ...`.

        Such changes wait for the row of their organization, so that none stores a text with a value that another one
        is changing.
        """
        with transaction.atomic():
            Organization.objects.select_for_update(no_key=True).get(pk=row.organization_id)
            type(row)._default_manager.select_for_update().get(pk=row.pk)
            ids = list(self.values_list("id", flat=True))
            yield
            self.store_representations(ids)

    def store_representations(self, ids: Sequence[UUID]) -> None:
        """Stores the texts of these images now, or of more than BATCH after commit.

        Rows of other tables in their payload are read and locked by one query: it waits for a change of such a row that
        has begun, and a later change waits for this transaction.
        """
        if len(ids) <= BATCH:
            representations.store(payload_rows.computed_texts(self.model, ids, locking=True))
            return
        stored = self.model._meta.get_field("representation").related_model._default_manager
        stored.filter(image__id__any=ids).update(stamp="")
        transaction.on_commit(partial(self.store_in_batches, ids))

    def store_in_batches(self, ids: Sequence[UUID]) -> None:
        for start in range(0, len(ids), BATCH):
            with self.changing_ids(ids[start : start + BATCH]):
                pass  # leaving the block stores the texts

    # The queue of processing

    def waiting(self) -> "ImageQuerySet":
        """Unclaimed images that are not processed."""
        return self.unclaimed().filter(processed=False)

    def unrendered(self) -> "ImageQuerySet":
        """Unclaimed processed images whose stored thumbnails are missing since an edit."""
        return self.unclaimed().filter(processed=True, thumbnails_due=True)

    def unclaimed(self) -> "ImageQuerySet":
        """Images with a stored original and no error that have no claim, or one that has expired."""
        abandoned = timezone.now() - abandoned_after()
        free = models.Q(processing_since__isnull=True) | models.Q(processing_since__lt=abandoned)
        return self.filter(free, processing_error__isnull=True).exclude(original="")

    # Deletion

    def delete(self) -> tuple[int, dict[str, int]]:
        """Deletes the rows and discards their files, which a sweep removes where no other row names them.

        The rows are locked first, so that a concurrent insert of a thumbnail either finishes before or fails.
        """
        with transaction.atomic():
            every = self.model.objects.filter(id__any=list(self.values_list("id", flat=True)))
            list(every.order_by("id").select_for_update().values_list("id"))
            originals = self.exclude(original="").values_list("original", "delivery_id")
            files = {key for original, public_id in originals for key in (original, derived_folder(public_id))}
            files |= set(self.exclude(thumbnails=None).values_list("thumbnails__file", flat=True))
            deleted = super().delete()
            DiscardedFile.objects.discard(files)
        return deleted

    delete.alters_data = True  # type: ignore[attr-defined]
    delete.queryset_only = True  # type: ignore[attr-defined]


def abandoned_after() -> timedelta:
    """The age at which a claim expires, since no job may run that long. If the clocks of two hosts differ by more, both
    may process the same image; the later claim wins."""
    return timedelta(seconds=settings.PROCESSING_TIMEOUT + 5)
