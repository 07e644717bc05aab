"""Stores the texts of images again after a change of settings or of code."""

from collections.abc import Sequence
from typing import Any

from images.models import Image
from images.representations import stamp
from sharinpix.backfill import Backfill


class Command(Backfill):
    help = (
        "Computes the stored texts of images again where signing keys, cloud, bases, time zone or code changed. "
        "Until then each request computes them. Safe to interrupt and to run again."
    )

    def rows(self, everything: bool) -> Any:
        return Image.objects.all() if everything else Image.objects.exclude(representation__stamp=stamp())

    def work(self, keys: Sequence[Any]) -> None:
        Image.objects.store_in_batches(keys)
