"""What tests of processing ask of a row and its files (no tests in here)."""

from collections.abc import Callable
from typing import Any

import pytest

from images import processing
from images.models import Image
from tests.factories import files_below


def again(image: Image) -> Image:
    return Image.objects.get(pk=image.pk)


def claim_of(image: Image) -> tuple[int, bool]:
    """Attempts, and whether somebody holds a claim."""
    row = again(image)
    return row.processing_attempts, row.processing_since is not None


def thumbnails_of(image: Image) -> set[str]:
    return files_below(f"thumbnails/{str(image.pk)[:2]}/{image.pk}")


def named(image: Image) -> set[str]:
    return set(image.thumbnails.values_list("file", flat=True))


def meanwhile(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Has something happen between the reading of an original and the writing of what was found."""
    examine = vars(processing)["examine"]

    def examined(*args: Any, **options: Any) -> Any:
        found = examine(*args, **options)
        monkeypatch.undo()
        act()
        return found

    monkeypatch.setattr(processing, "examine", examined)
