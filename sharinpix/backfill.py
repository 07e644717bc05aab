"""Base classes of commands that go through a table in batches by primary key; safe to interrupt and to run again."""

from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet
from tqdm import tqdm

from sharinpix.outages import DATABASE_ERRORS


class Backfill(BaseCommand):
    """Calls `work` for the primary keys of `rows()`, batch by batch; each batch commits by itself."""

    batch = 1_000
    failures: list[str]
    """A line for each row that could not be done."""
    skipped: int
    """Rows that were looked at and found up to date."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--batch", type=int, default=self.batch, help="rows to a transaction")
        parser.add_argument("--all", action="store_true", help="also what is up to date")

    def rows(self, everything: bool) -> QuerySet[Any]:
        """The rows that need the work; with `everything` also those that are up to date."""
        raise NotImplementedError

    def chosen(self, everything: bool) -> QuerySet[Any]:
        """The rows, narrowed by the command's options."""
        return self.rows(everything)

    def work(self, keys: Sequence[Any]) -> None:
        """Does the work for one batch of primary keys."""
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        rows = self.chosen(options["all"])
        done, self.failures, self.skipped = 0, [], 0
        with tqdm(total=rows.count(), unit="row", disable=None if options["verbosity"] else True) as bar:
            for keys in row_batches(rows, max(1, options["batch"])):
                self.work(keys)
                done += len(keys)
                bar.update(len(keys))
        self.stdout.write(f"{done - len(self.failures) - self.skipped} refreshed.")


def row_batches(rows: QuerySet[Any], size: int) -> Iterator[list[Any]]:
    """The primary keys of the rows, in order: each query begins after the last key of the one before."""
    keys: list[Any] = []
    while True:
        following = rows.filter(pk__gt=keys[-1]) if keys else rows
        keys = list(following.order_by("pk").values_list("pk", flat=True)[:size])
        if not keys:
            return
        yield keys


class OneByOne(Backfill):
    """A backfill of one row at a time, of all albums or one; an exception of a row is reported at the end."""

    batch = 100

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--album", help="only the images of the album with this id")
        parser.add_argument("--digests", action="store_true", help="read every file and compare its digest, too")

    def due(self, row: Any) -> bool:
        """Whether the row needs the work, which its files may tell. An exception is reported as one of `one` is."""
        return True

    def one(self, row: Any) -> None:
        """Does the work for one row. An exception becomes a line of `failures`, and the next row follows."""
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        self.album, self.everything, self.digests = options["album"], options["all"], options["digests"]
        super().handle(*args, **options)
        for failure in self.failures:
            self.stderr.write(failure)
        if self.failures:
            raise CommandError(f"{len(self.failures)} could not be done.")

    def chosen(self, everything: bool) -> QuerySet[Any]:
        rows = super().chosen(everything)
        return rows if self.album is None else rows.filter(album__public_id=self.album)

    def work(self, keys: Sequence[Any]) -> None:
        for key in keys:
            row = self.chosen(everything=True).filter(pk=key).first()  # read again: it may be gone by now
            try:
                if row is not None and (self.everything or self.due(row)):
                    self.one(row)
                else:
                    self.skipped += 1
            except DATABASE_ERRORS:
                raise  # the database fails, so the next row would too
            except Exception as error:  # whatever a damaged file raises: the other rows do not depend on it
                self.failures.append(f"{key}: {str(error) or type(error).__name__}")
