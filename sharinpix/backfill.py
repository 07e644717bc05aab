"""The base of long jobs over a table: in batches by primary key, safe to interrupt and to run again."""

from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import QuerySet
from tqdm import tqdm


class Backfill(BaseCommand):
    """A command whose `work` is done when no row is left in `rows()`; each batch commits by itself."""

    batch = 1_000

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--batch", type=int, default=self.batch, help="rows to a transaction")
        parser.add_argument("--all", action="store_true", help="also what is up to date")

    def rows(self, everything: bool) -> QuerySet[Any]:
        """What there is to do."""
        raise NotImplementedError

    def work(self, keys: Sequence[Any]) -> None:
        """Does it for one batch of primary keys."""
        raise NotImplementedError

    def handle(self, *args: Any, **options: Any) -> None:
        rows = self.rows(options["all"])
        done = 0
        with tqdm(total=rows.count(), unit="row", disable=None if options["verbosity"] else True) as bar:
            for keys in batches(rows, max(1, options["batch"])):
                self.work(keys)
                done += len(keys)
                bar.update(len(keys))
        self.stdout.write(f"{done} refreshed.")


def batches(rows: QuerySet[Any], size: int) -> Iterator[list[Any]]:
    """The primary keys of the rows, in order: each query begins after the last key of the one before."""
    keys: list[Any] = []
    while True:
        following = rows.filter(pk__gt=keys[-1]) if keys else rows
        keys = list(following.order_by("pk").values_list("pk", flat=True)[:size])
        if not keys:
            return
        yield keys
