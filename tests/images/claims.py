"""What tests of processing ask of a row and its files (no tests in here)."""

from collections.abc import Callable
from typing import Any

import pytest

from images.models import Image
from images.processing import work
from tests.factories import files_below, remove_discarded


def again(image: Image) -> Image:
    """The row as the database has it now."""
    return Image.objects.get(pk=image.pk)


def claim_of(image: Image) -> tuple[int, bool]:
    """Attempts, and whether a claim is held."""
    row = again(image)
    return row.processing_attempts, row.processing_since is not None


def thumbnails_of(image: Image) -> set[str]:
    """Keys of the files that the storage holds as the image's thumbnails, those of replaced rows aside."""
    remove_discarded()
    return files_below(f"thumbnails/{str(image.pk)[:2]}/{image.pk}")


def named(image: Image) -> set[str]:
    """Keys of the thumbnails that the image's rows name."""
    return set(image.thumbnails.values_list("file", flat=True))


def meanwhile(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Has `act` done once, between the reading of an original and the writing of what was found."""

    def acting_after(decode: Callable[..., Any]) -> Callable[..., Any]:
        def decoded(*args: Any, **options: Any) -> Any:
            found = decode(*args, **options)
            monkeypatch.undo()
            act()
            return found

        return decoded

    monkeypatch.setattr(work, "examine", acting_after(vars(work)["examine"]))
    monkeypatch.setattr(work, "read_pixels", acting_after(vars(work)["read_pixels"]))
