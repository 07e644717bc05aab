"""Processing, while the same image is changed, deleted or processed elsewhere."""

import multiprocessing
import threading
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.db import connection, connections, transaction
from django.utils import timezone

from accounts.models import Organization
from albums.models import Album
from images.delivery.variants import STORED, Edit, stored_chains
from images.models import Image
from images.processing import work
from images.querysets import abandoned_after
from images.storage import storage
from tests.factories import jpeg, make_album, make_stored_image, make_waiting_image
from tests.images.claims import again, claim_of, meanwhile, named, thumbnails_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def album(organization: Organization) -> Album:
    return make_album(organization)


class TestMeanwhile:
    def test_an_image_that_is_deleted_leaves_no_file(self, album: Album, monkeypatch: pytest.MonkeyPatch) -> None:
        image = make_waiting_image(album)
        meanwhile(monkeypatch, lambda: again(image).delete())
        work.process(image.pk)
        assert thumbnails_of(image) == set()
        assert storage.read(str(image.original)) is None

    def test_an_image_that_is_turned_has_the_turned_thumbnails(
        self, album: Album, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        image = make_waiting_image(album, jpeg(640, 480), original_width=640, original_height=480)
        meanwhile(monkeypatch, lambda: again(image).edit(90, None))
        work.process(image.pk)
        assert (again(image).processed, again(image).thumbnails_due, thumbnails_of(image)) == (True, True, set())
        assert work.process(image.pk)
        row = again(image)
        assert (row.thumbnails_due, row.rotation, row.width, row.height) == (False, 90, 480, 640)
        assert dict(row.thumbnails.values_list("variant", "chain")) == stored_chains(Edit(90))
        full = row.thumbnails.get(variant="full")
        assert (full.width < full.height, thumbnails_of(image)) == (True, named(image))

    def test_a_late_worker_writes_nothing_over_what_the_next_has_done(
        self, album: Album, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        image = make_waiting_image(album)

        def overtake() -> None:
            past = timezone.now() - abandoned_after()
            Image.objects.filter(pk=image.pk).update(processing_since=past)
            assert work.process(image.pk)

        meanwhile(monkeypatch, overtake)
        work.process(image.pk)
        assert claim_of(image)[0] == 2
        assert len(thumbnails_of(image)) == len(STORED)
        assert thumbnails_of(image) == named(image)

    def test_a_retry_takes_the_work_from_who_is_at_it(self, album: Album, monkeypatch: pytest.MonkeyPatch) -> None:
        image = make_waiting_image(album)
        meanwhile(monkeypatch, lambda: again(image).process_again())
        work.process(image.pk)
        assert (again(image).processed, again(image).processing_attempts) == (True, 1)
        assert thumbnails_of(image) == named(image)

    def test_a_claim_is_not_known_by_its_time(self, album: Album) -> None:
        """Two claims in one microsecond: the first one has ended, and neither gives up nor finishes the second."""
        image = make_waiting_image(album)
        with time_machine.travel(timezone.now(), tick=False):
            first = work.claim_for_processing(image.pk)
            assert first
            Image.objects.filter(pk=image.pk).update(processing_since=None)
            second = work.claim_for_processing(image.pk)
            assert second
            assert work.claim_for_processing(image.pk) is None
            work.release(work.claimed_row(first))
            assert claim_of(image) == (2, True)
            work.fail(first, "empty", "It is empty.")
            work.finish(first, None, work.pixel_facts_of_original(first), None)
            assert (again(image).processed, again(image).processing_error) == (False, None)
            work.finish(second, None, work.pixel_facts_of_original(second), None)
        assert (again(image).processed, claim_of(image)) == (True, (2, False))
        assert thumbnails_of(image) == named(image)

    @pytest.mark.parametrize("renew", [work.rerender, work.reread])
    def test_an_edit_outlives_a_backfill(
        self, renew: Callable[[Image], None], album: Album, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        image = make_stored_image(album, jpeg(640, 480))
        meanwhile(monkeypatch, lambda: again(image).edit(90, None))
        renew(image)
        assert thumbnails_of(image) == set()
        assert work.process(image.pk)
        row = again(image)
        assert (row.width, row.height) == (480, 640)
        assert dict(row.thumbnails.values_list("variant", "chain")) == stored_chains(Edit(90))
        assert thumbnails_of(image) == named(image)

    def test_a_backfill_leaves_alone_what_is_to_be_processed_again(
        self, album: Album, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        image = make_stored_image(album)

        def put_back() -> None:
            with image.changing():
                Image.objects.filter(pk=image.pk).update(processed=False)

        meanwhile(monkeypatch, put_back)
        work.reread(image)
        assert not again(image).processed

    def test_a_deletion_waits_for_who_writes_thumbnails(self, album: Album) -> None:
        image = make_waiting_image(album)
        written, go_on = threading.Event(), threading.Event()
        thumbnails = work.store_thumbnails(image, work.pixel_facts_of_original(image).renditions)

        def write() -> None:
            with image.changing():
                image.keep_thumbnails(thumbnails)
                written.set()
                go_on.wait(10)
            connections.close_all()

        writer = threading.Thread(target=write)
        writer.start()
        assert written.wait(10)
        threading.Timer(0.3, go_on.set).start()
        again(image).delete()
        writer.join()
        assert (Image.objects.filter(pk=image.pk).exists(), thumbnails_of(image)) == (False, set())


def test_of_two_processes_exactly_one_does_the_work(album: Album) -> None:
    """Fifty images, each of which both reach for at the same moment."""
    images = [make_waiting_image(album, b"no picture" if number % 10 else jpeg()) for number in range(50)]
    fork = multiprocessing.get_context("fork")
    together, results = fork.Barrier(2), fork.Queue()

    def reach_for_each() -> None:
        done = []
        for image in images:
            together.wait(60)
            done.append(work.process(image.pk))
        results.put(done)
        connections.close_all()

    connections.close_all()
    workers = [fork.Process(target=reach_for_each) for _ in range(2)]
    for worker in workers:
        worker.start()
    outcomes = [results.get(timeout=90) for _ in workers]
    for worker in workers:
        worker.join()
    assert [sum(pair) for pair in zip(*outcomes, strict=True)] == [1] * 50
    assert set(Image.objects.values_list("processed", "processing_attempts")) == {(True, 1)}


def test_nothing_is_decoded_or_stored_while_a_transaction_is_open(
    album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite would keep all other writers waiting."""
    opened: list[bool] = []
    write, examine, look = storage.write, vars(work)["examine"], vars(work)["read_pixels"]

    def looking(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            opened.append(connection.in_atomic_block)
            return function(*args, **options)

        return call

    monkeypatch.setattr(storage, "write", looking(write))
    monkeypatch.setattr(work, "examine", looking(examine))
    monkeypatch.setattr(work, "read_pixels", looking(look))
    image = make_waiting_image(album)
    work.process(image.pk)
    again(image).edit(90, None)
    work.process(image.pk)
    work.rerender(again(image))
    assert len(opened) > 9
    assert not any(opened)


def test_files_of_a_change_that_is_rolled_back_stay(album: Album) -> None:
    image = make_stored_image(album)
    before = thumbnails_of(image)
    thumbnails = work.store_thumbnails(image, work.pixel_facts_of_original(image).renditions)
    with transaction.atomic():
        image.keep_thumbnails(thumbnails)
        transaction.set_rollback(True)
    assert named(image) == before
    assert before <= thumbnails_of(image)
