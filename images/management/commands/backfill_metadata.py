"""Reads originals again for the columns that they decide, and looks whether they are whole."""

from typing import Any

from images.models import Image
from images.processing.work import noting_faults, reread
from sharinpix.backfill import OneByOne


class Command(OneByOne):
    help = (
        "Reads EXIF, places, times, colours and hashes again where some were never read, and lists originals that are "
        "missing or damaged; with --all reads every image."
    )

    def rows(self, everything: bool) -> Any:
        return Image.objects.exclude(original="").filter(processed=True, processing_error__isnull=True)

    def due(self, image: Image) -> bool:
        with noting_faults(image):
            image.look_at_original(digest=self.digests)
        return not image.phash

    def one(self, image: Image) -> None:
        reread(image)
