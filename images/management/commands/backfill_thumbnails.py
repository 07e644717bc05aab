"""Renders the stored thumbnails of images anew from their originals."""

from typing import Any

from images.models import Image
from images.processing import rerender
from images.variants import STORED
from sharinpix.backfill import OneByOne


class Command(OneByOne):
    help = "Renders stored thumbnails that are missing, or with --all every one. Safe to interrupt and run again."

    def rows(self, everything: bool) -> Any:
        images = Image.objects.exclude(original="").filter(processed=True, processing_error__isnull=True)
        return images if everything else images.with_fewer_thumbnails(len(STORED))

    def one(self, image: Image) -> None:
        rerender(image)
