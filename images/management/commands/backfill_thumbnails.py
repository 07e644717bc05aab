"""Renders the stored thumbnails of images anew from their originals."""

from typing import Any

from images.delivery.variants import STORED
from images.models import Image
from images.processing.work import rerender
from sharinpix.backfill import OneByOne


class Command(OneByOne):
    help = (
        "Renders stored thumbnails whose row or file is missing, or whose file is damaged; with --all every one. "
        "Safe to interrupt and run again."
    )

    def rows(self, everything: bool) -> Any:
        return Image.objects.exclude(original="").filter(processed=True, processing_error__isnull=True)

    def due(self, image: Image) -> bool:
        kept = image.thumbnails.filter(variant__in=STORED)
        return len(kept) < len(STORED) or not all(thumbnail.is_whole(digest=self.digests) for thumbnail in kept)

    def one(self, image: Image) -> None:
        rerender(image)
