"""Thumbnails that an edit dropped are work: for the workers, or without a broker for the sweep, never for the request."""

from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from accounts.models import Organization
from albums.models import Album
from albums.sweeping import requeue
from images.delivery.variants import STORED, Edit, stored_chains
from images.models import Image, Thumbnail
from images.processing import work
from images.storage import storage
from sharinpix import queue
from sharinpix.errors import Full
from tests.factories import jpeg, make_album, make_image, make_stored_image
from tests.images.claims import again
from tests.images.links import content_of, signed

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def album(organization: Organization) -> Album:
    return make_album(organization)


@pytest.fixture
def photo(album: Album) -> Image:
    return make_stored_image(album, jpeg(640, 480))


def chains(image: Image) -> dict[str, str]:
    """Variant -> chain of the stored thumbnails."""
    return dict(image.thumbnails.values_list("variant", "chain"))


def test_an_edit_decodes_nothing_and_the_next_sweep_renders(photo: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        for name in ("read_pixels", "examine"):
            patch.setattr(work, name, lambda *args, **options: pytest.fail("decoded in the request"))
        photo.edit(90, None)
    assert (again(photo).processed, again(photo).processing_error, chains(photo)) == (True, None, {})
    assert requeue() == 1
    assert (again(photo).thumbnails_due, chains(photo)) == (False, stored_chains(Edit(90)))
    assert requeue() == 0


def test_no_reader_sees_a_gap_between_an_edit_and_its_thumbnails(photo: Image, client: Client) -> None:
    photo.edit(90, None)
    before = {name: content_of(client, signed(again(photo), chain)) for name, chain in stored_chains(Edit(90)).items()}
    requeue()
    after = {name: content_of(client, signed(again(photo), chain)) for name, chain in stored_chains(Edit(90)).items()}
    assert before == after


def test_the_command_sweeps_them_too(photo: Image) -> None:
    photo.edit(180, None)
    call_command("sweep")
    assert chains(photo) == stored_chains(Edit(180))


def test_with_a_broker_the_job_is_a_workers_at_once(
    photo: Image, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CELERY_BROKER_URL = "redis://127.0.0.1:1/0"
    sent: list[tuple[str, ...]] = []
    monkeypatch.setattr(queue, "send", lambda task, *arguments: sent.append((task, *arguments)))
    photo.edit(90, None)
    assert sent == [("images.tasks.process_image", str(photo.pk))]


def test_rows_that_are_deleted_make_their_image_work(photo: Image) -> None:
    photo.thumbnails.all().delete()
    assert again(photo).thumbnails_due
    assert requeue() == 1
    Thumbnail.objects.get(image=photo, variant="mini").delete()
    assert requeue() == 1
    assert chains(photo) == stored_chains(Edit())


def test_an_edit_that_is_undone_and_repeated_is_rendered_as_it_stands_last(photo: Image) -> None:
    for rotation in (90, 180, 270):
        photo.edit(rotation, None)
    requeue()
    assert chains(photo) == stored_chains(Edit(270))


def test_an_image_whose_original_is_lost_is_given_up_and_stays_as_it_was(photo: Image) -> None:
    """Its pictures are rendered on demand again as soon as the file is back."""
    storage.remove([str(photo.original)])
    photo.edit(90, None)
    assert (requeue(), requeue()) == (1, 0)
    row = again(photo)
    assert (row.processed, row.processing_error, row.thumbnails_due, row.processing_since) == (True, None, False, None)


def test_dropping_thumbnails_again_and_again_makes_no_image_poisonous(photo: Image) -> None:
    Image.objects.update(processing_attempts=3)
    for _ in range(5):
        photo.thumbnails.all().delete()
        assert requeue() == 1
    assert (again(photo).processing_error, photo.thumbnails.count()) == (None, len(STORED))


@pytest.mark.parametrize("processed", [True, False])
def test_an_edit_and_then_trouble_of_the_storage_leave_no_claim_behind(
    photo: Image, monkeypatch: pytest.MonkeyPatch, processed: bool
) -> None:
    with photo.changing():
        Image.objects.update(processed=processed, thumbnails_due=True)

    def fails(image: Image, renditions: Any) -> Any:
        again(image).edit(180, None)
        raise Full

    with monkeypatch.context() as patch:
        patch.setattr(work, "store_thumbnails", fails)
        with pytest.raises(Full):
            work.process(photo.pk)
    assert (again(photo).processing_attempts, again(photo).processing_since) == (0, None)
    assert work.process(photo.pk)
    assert chains(photo) == stored_chains(Edit(180))


def test_an_image_whose_original_is_elsewhere_is_no_work(album: Album) -> None:
    make_image(album, original_width=640, original_height=480).edit(90, None)
    assert requeue() == 0
