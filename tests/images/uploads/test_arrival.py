"""A file is stored before its row, and goes with it."""

from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.db import Error, InterfaceError, OperationalError

from images.uploads.arrival import storing_original
from tests.factories import files_below, jpeg
from tests.outages import away

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


@pytest.mark.parametrize("kind", [OperationalError, InterfaceError])
def test_a_file_whose_row_is_in_doubt_is_left_to_a_sweep(kind: type[Error], media: Path) -> None:
    file = ContentFile(jpeg(), "a.jpg")
    with pytest.raises(RuntimeError), away(kind), storing_original(file, organization_id=None, name="a.jpg") as upload:
        raise RuntimeError
    assert files_below("originals") == {upload.original}


def test_a_file_whose_row_was_not_saved_is_removed(media: Path) -> None:
    file = ContentFile(jpeg(), "a.jpg")
    with pytest.raises(RuntimeError), storing_original(file, organization_id=None, name="a.jpg"):
        raise RuntimeError
    assert files_below("originals") == set()
