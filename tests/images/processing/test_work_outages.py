"""The database goes while a job holds a claim: the claim is free as soon as it is back, and no attempt is counted."""

from contextlib import ExitStack
from typing import Any

import pytest
from django.db import OperationalError

from accounts.models import Organization
from images.models import Image
from images.processing import work
from images.storage import storage
from tests.factories import make_album, make_waiting_image
from tests.images.claims import again, claim_of
from tests.outages import answering_too_late, away, back

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def image(organization: Organization) -> Image:
    return make_waiting_image(make_album(organization))


def processed_in_an_outage(image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database goes when the original is read."""
    opened = storage.open
    with ExitStack() as outage:

        def gone(*args: Any) -> Any:
            outage.enter_context(away())
            return opened(*args)

        monkeypatch.setattr(storage, "open", gone)
        with pytest.raises(OperationalError):
            work.process(image.pk)
    monkeypatch.undo()


def test_a_claim_that_cannot_be_released_is_free_when_the_database_is_back(
    image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    processed_in_an_outage(image, monkeypatch)
    back()
    assert claim_of(image) == (0, False)
    assert work.process(image.pk)
    assert again(image).processed


@pytest.mark.parametrize("content", [b"no picture", None])
def test_so_is_one_of_a_file_that_could_not_be_marked(
    content: bytes | None, image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.remove([str(image.original)])
    if content:
        storage.write(str(image.original), content)
    processed_in_an_outage(image, monkeypatch)
    back()
    assert claim_of(image) == (0, False)


def test_so_is_one_of_a_file_that_killed_its_workers(image: Image) -> None:
    Image.objects.filter(pk=image.pk).update(processing_attempts=work.ATTEMPTS)
    with answering_too_late("SELECT"), pytest.raises(OperationalError):
        work.process(image.pk)
    back()
    assert claim_of(image) == (work.ATTEMPTS, False)


def test_a_claim_that_was_never_acknowledged_is_free_too(image: Image) -> None:
    with answering_too_late("UPDATE"), pytest.raises(OperationalError):
        work.process(image.pk)
    back()
    assert claim_of(image) == (0, False)
