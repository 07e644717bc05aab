"""Reads originals again for the columns that they decide."""

from typing import Any

from images.models import Image
from images.processing.work import reread
from sharinpix.backfill import OneByOne


class Command(OneByOne):
    help = "Reads EXIF, places, times, colours and hashes again where some were never read; with --all of every image."

    def rows(self, everything: bool) -> Any:
        images = Image.objects.exclude(original="").filter(processed=True, processing_error__isnull=True)
        return images if everything else images.filter(phash="")

    def one(self, image: Image) -> None:
        reread(image)
