"""Refreshes the read model after a change of settings or of code."""

from collections.abc import Sequence
from typing import Any

from images import refresh
from images.models import Image
from sharinpix.backfill import Backfill


class Command(Backfill):
    help = (
        "Renders the stored answers of images anew where signing keys, cloud, bases, time zone or code changed. "
        "Until then they are computed as they are asked for. Safe to interrupt and to run again."
    )

    def rows(self, everything: bool) -> Any:
        return Image.objects.all() if everything else Image.objects.exclude(representation__stamp=refresh.stamp())

    def work(self, keys: Sequence[Any]) -> None:
        Image.objects.refresh_in_batches(keys)
