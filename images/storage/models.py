"""Files that no row names any more, and that a sweep is to remove."""

from collections.abc import Iterable

from django.db import models
from django.utils import timezone


class DiscardedFileQuerySet(models.QuerySet["DiscardedFile"]):
    def discard(self, keys: Iterable[str]) -> None:
        """Has a sweep remove these files once its grace is over, unless a row names them then.

        To be called in the transaction that deletes or replaces their rows. They are not removed by its commit: a
        request that has read the row before opens the file afterwards, and nginx in front of it later still.
        """
        rows = [DiscardedFile(key=key) for key in sorted(set(keys))]  # in order, so that no two transactions deadlock
        self.bulk_create(rows, batch_size=1_000, ignore_conflicts=True)


class DiscardedFile(models.Model):
    """The key of a stored file, or of a folder with a slash behind it, whose rows were deleted or replaced."""

    key = models.CharField(max_length=255, primary_key=True)
    discarded_at = models.DateTimeField(default=timezone.now, db_index=True)

    objects = DiscardedFileQuerySet.as_manager()

    def __str__(self) -> str:
        return self.key
