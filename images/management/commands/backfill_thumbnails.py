"""Renders the stored thumbnails of images anew from their originals."""

from typing import Any

from images.models import Image
from images.processing.work import rerender
from sharinpix.backfill import OneByOne


class Command(OneByOne):
    help = "Renders stored thumbnails that are missing, or with --all every one. Safe to interrupt and run again."

    def rows(self, everything: bool) -> Any:
        images = Image.objects.exclude(original="").filter(processed=True, processing_error__isnull=True)
        return images if everything else images.with_missing_thumbnails()

    def one(self, image: Image) -> None:
        rerender(image)
