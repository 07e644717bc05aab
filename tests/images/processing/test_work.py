"""From a stored original to a processed image, and what claims are good for."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.core.files.storage import default_storage
from django.db import OperationalError
from django.utils import timezone

from accounts.models import Organization
from albums.models import Album
from images.delivery.variants import STORED, Edit, stored_chains
from images.limits import decoding_slots, picture_limits
from images.models import Image
from images.processing import publication, work
from images.querysets import abandoned_after
from images.rendering import Limits
from images.storage import storage
from sharinpix.locks import FileLock
from tests.factories import jpeg, make_album, make_image, make_stored_image, make_waiting_image
from tests.images.claims import again, claim_of, named, thumbnails_of
from tests.images.samples import oriented


@pytest.fixture
def album(organization: Organization) -> Album:
    return make_album(organization)


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def examined(*args: Any, **options: Any) -> Any:
        raise error

    monkeypatch.setattr(work, "examine", examined)


@pytest.mark.django_db
class TestWhatComesOfAFile:
    def test_it_tells_its_facts_and_gets_its_thumbnails(self, album: Album) -> None:
        image = make_waiting_image(album, jpeg(640, 480, "#FF0000"), processing_error=None)
        assert work.process(image.pk)
        row = again(image)
        assert (row.processed, row.processing_error, row.format, row.width, row.height) == (True, None, "jpg", 640, 480)
        assert (row.size, row.color[:2]) == (len(jpeg(640, 480, "#FF0000")), "#F")
        assert set(row.thumbnails.values_list("variant", flat=True)) == set(STORED)
        assert named(image) == thumbnails_of(image)

    def test_what_its_uploader_said_stands_where_it_is_silent(self, album: Album) -> None:
        moment = timezone.now()
        image = make_waiting_image(album, exifs={"Make": "Said"}, taken_at=moment)
        work.process(image.pk)
        assert (again(image).exifs, again(image).taken_at) == ({"Make": "Said"}, moment)

    def test_an_edit_from_before_is_kept(self, album: Album) -> None:
        image = make_waiting_image(album, jpeg(640, 480), rotation=90)
        work.process(image.pk)
        row = again(image)
        assert (row.width, row.height, row.original_width, row.original_height) == (480, 640, 640, 480)
        assert dict(row.thumbnails.values_list("variant", "chain")) == stored_chains(Edit(90))

    @pytest.mark.parametrize(
        ("content", "code"),
        [(b"", "damaged"), (b"no picture", "unidentified"), (jpeg(640, 480)[:3000], "truncated")],
    )
    def test_one_that_is_no_picture_is_marked_and_kept(self, content: bytes, code: str, album: Album) -> None:
        image = make_waiting_image(album, content)
        assert work.process(image.pk)
        row = again(image)
        found, _, sentence = str(row.processing_error).partition(": ")
        assert (row.processed, found) == (True, code)
        assert sentence[0].isupper() and sentence.endswith(".")
        assert storage.read(str(row.original)) == content
        assert not work.process(image.pk)

    def test_one_that_is_lost_is_marked(self, album: Album) -> None:
        image = make_waiting_image(album)
        storage.remove([str(image.original)])
        work.process(image.pk)
        assert again(image).processing_error == "missing: The original is not in the storage."

    def test_its_retry_begins_from_nothing(self, album: Album, django_capture_on_commit_callbacks: Any) -> None:
        image = make_waiting_image(album, b"no picture", processing_attempts=2)
        work.process(image.pk)
        Path(default_storage.path(str(image.original))).write_bytes(jpeg(64, 48))
        with django_capture_on_commit_callbacks(execute=True):
            again(image).process_again()
        row = again(image)
        assert (row.processed, row.processing_error, row.processing_attempts, row.width) == (True, None, 1, 64)

    def test_thumbnails_of_an_earlier_run_make_room(
        self, album: Album, django_capture_on_commit_callbacks: Any
    ) -> None:
        image = make_stored_image(album)
        before = named(image)
        with django_capture_on_commit_callbacks(execute=True):
            image.process_again()
        assert len(thumbnails_of(image)) == len(STORED)
        assert thumbnails_of(image) == named(image)
        assert not named(image) & before


@pytest.mark.django_db
class TestWhatIsWork:
    @pytest.mark.parametrize("fields", [{"processed": True}, {"processing_error": "empty: It is."}])
    def test_nothing_that_is_done(self, fields: dict[str, Any], album: Album) -> None:
        image = make_waiting_image(album)
        with image.changing():
            Image.objects.filter(pk=image.pk).update(**fields)
        assert not work.process(image.pk)
        assert claim_of(image) == (0, False)

    def test_nothing_whose_original_is_elsewhere(self, album: Album) -> None:
        image = make_image(album, processed=False)
        assert not work.process(image.pk)

    def test_nothing_that_is_gone(self) -> None:
        assert not work.process("00000000-0000-4000-8000-000000000000")

    def test_a_claim_is_respected_until_its_worker_must_be_dead(self, album: Album) -> None:
        now = timezone.now()
        held = make_waiting_image(album, processing_since=now - abandoned_after() + timedelta(seconds=30))
        left = make_waiting_image(album, processing_since=now - abandoned_after(), processing_attempts=1)
        assert not work.process(held.pk)
        assert work.process(left.pk)
        assert (again(held).processed, again(left).processed, again(left).processing_attempts) == (False, True, 2)

    def test_a_file_that_killed_three_workers_is_not_read_again(
        self, album: Album, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        raising(monkeypatch, AssertionError("read"))
        image = make_waiting_image(album, processing_attempts=3)
        assert work.process(image.pk)
        assert again(image).processing_error == "poison: Reading the file killed its worker 3 times."

    @pytest.mark.usefixtures("impatient_workers")
    def test_nothing_is_claimed_while_no_slot_is_free(self, album: Album) -> None:
        image = make_waiting_image(album)
        locks = [FileLock(slot, wait=0) for slot in decoding_slots()]
        for lock in locks:
            assert lock.__enter__()
        assert not work.process(image.pk)
        assert claim_of(image) == (0, False)
        locks[0].__exit__(None, None, None)
        assert work.process(image.pk)
        for lock in locks[1:]:
            lock.__exit__(None, None, None)


@pytest.mark.django_db
class TestTrouble:
    @pytest.mark.parametrize(
        "error", [OSError(5, "Input/output error"), OperationalError("gone"), KeyboardInterrupt(), SystemExit(0)]
    )
    def test_that_is_not_the_files_costs_no_attempt(
        self, error: BaseException, album: Album, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        image = make_waiting_image(album)
        raising(monkeypatch, error)
        with pytest.raises(type(error)):
            work.process(image.pk)
        assert claim_of(image) == (0, False)
        monkeypatch.undo()
        assert work.process(image.pk)

    def test_a_storage_that_cannot_be_written_costs_no_attempt(self, album: Album) -> None:
        image = make_waiting_image(album)
        wall = Path(default_storage.path(f"thumbnails/{str(image.pk)[:2]}/{image.pk}"))
        wall.parent.mkdir(parents=True, exist_ok=True)
        wall.write_bytes(b"")
        with pytest.raises((FileExistsError, NotADirectoryError)):
            work.process(image.pk)
        assert claim_of(image) == (0, False)
        wall.unlink()
        assert work.process(image.pk)

    @pytest.mark.parametrize("error", [RuntimeError("a fault of ours"), SoftTimeLimitExceeded()])
    def test_that_may_be_the_files_counts_and_ends_after_three_times(
        self, error: Exception, album: Album, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        image = make_waiting_image(album)
        raising(monkeypatch, error)
        for attempt in (1, 2, 3):
            with pytest.raises(type(error)):
                work.process(image.pk)
            assert claim_of(image) == (attempt, True)
            assert not work.process(image.pk)
            past = timezone.now() - abandoned_after()
            Image.objects.filter(pk=image.pk).update(processing_since=past)
        assert work.process(image.pk)
        assert str(again(image).processing_error).startswith("poison: ")

    def test_of_cloudinary_is_told_or_tried_again(
        self, album: Album, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.DELIVERY = "cloudinary"
        answers: list[Any] = [publication.NotAnswering("busy"), publication.Rejected("It is too large."), 77]

        def publish(image: Image) -> int:
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return int(answer)

        monkeypatch.setattr(publication, "publish", publish)
        image = make_waiting_image(album)
        with pytest.raises(publication.NotAnswering):
            work.process(image.pk)
        assert claim_of(image) == (0, False)
        work.process(image.pk)
        assert again(image).processing_error == "publication: It is too large."
        other = make_waiting_image(album)
        work.process(other.pk)
        assert (again(other).delivery_version, again(other).processing_error) == (77, None)


def test_the_limits_are_those_of_the_settings(settings: Any) -> None:
    assert picture_limits() == Limits(pixels=100_000_000, frames=500, seconds=2, wall=90)
    settings.MAX_MEGAPIXELS, settings.MAX_FRAMES, settings.DECODE_SECONDS = 3, 7, 9
    assert picture_limits() == Limits(pixels=3_000_000, frames=7, seconds=9, wall=90)


def test_no_claim_expires_while_its_file_is_decoded(settings: Any) -> None:
    for settings.PROCESSING_TIMEOUT in (2, 120, 1_200):
        assert picture_limits().wall < abandoned_after().total_seconds()


@pytest.mark.django_db
def test_an_original_beyond_the_limits_is_not_rendered_again(album: Album, settings: Any) -> None:
    image = make_stored_image(album, oriented(1, 1000, 1001))
    image.edit(90, None)
    settings.MAX_MEGAPIXELS = 1
    assert work.process(image.pk)
    row = again(image)
    assert (row.processing_error, row.thumbnails_due, row.thumbnails.count()) == (None, False, 0)
