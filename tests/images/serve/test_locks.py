"""Rendering is bounded, and one picture is rendered once, however many ask: real threads, committed rows."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from accounts.models import Organization
from images import decoding
from images.delivery import signed_urls
from images.models import Image
from images.rendering import Rendition
from images.storage import storage
from images.storage.gate import gate
from sharinpix import env
from sharinpix.locks import FileLock
from tests.factories import make_album, make_stored_image
from tests.images.links import is_picture, signed
from tests.images.samples import oriented
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)
LIMIT = env.THREADS_PER_PROCESS // 2


class Renders:
    """Counts what goes on in decoding.render, and how much of it at once; `begun` is when as many as expected do."""

    def __init__(self, render: Callable[..., Rendition]) -> None:
        self.render = render
        self.lock = threading.Lock()
        self.count = self.now = self.most = 0
        self.expected = 1
        self.begun = threading.Event()
        self.may_end = threading.Event()
        self.may_end.set()

    def __call__(self, *args: Any, **options: Any) -> Rendition:
        with self.lock:
            self.count += 1
            self.now += 1
            self.most = max(self.most, self.now)
            if self.now >= self.expected:
                self.begun.set()
        try:
            self.begun.wait(5)
            time.sleep(0.05)  # for more than are expected, should there be any
            assert self.may_end.wait(20)
            return self.render(*args, **options)
        finally:
            with self.lock:
                self.now -= 1


@pytest.fixture
def renders(monkeypatch: pytest.MonkeyPatch) -> Renders:
    counter = Renders(decoding.render)
    monkeypatch.setattr(decoding, "render", counter)
    return counter


@pytest.fixture
def photo(organization: Organization) -> Image:
    return make_stored_image(make_album(organization), oriented(6, 64, 48))


def get(url: str) -> tuple[int, bytes, str]:
    response = Client().get(url)
    return response.status_code, response.content, response.headers.get("Retry-After", "")


@pytest.fixture
def slots_taken() -> Iterator[None]:
    """As if other processes of the host rendered as much as may be."""
    with FileLock("render-0", wait=0) as first, FileLock("render-1", wait=0) as second:
        assert first and second
        yield


def test_a_picture_that_many_ask_for_at_once_is_rendered_once(photo: Image, renders: Renders) -> None:
    url = signed(photo, "c_fit,w_30")
    answers = together([lambda: get(url)] * LIMIT)
    assert renders.count == 1
    assert {status for status, _, _ in answers} == {200}
    assert len({content for _, content, _ in answers}) == 1


@pytest.mark.parametrize(("processes", "most"), [(4, 2), (1, 1), (3, 1), (8, 4)])
def test_renders_take_at_most_half_the_processes_and_at_least_one(
    photo: Image, renders: Renders, settings: Any, processes: int, most: int
) -> None:
    settings.WEB_CONCURRENCY, renders.expected = processes, most
    urls = [signed(photo, f"c_fit,w_{width}") for width in range(30, 38)]
    answers = together([lambda url=url: get(url) for url in urls])  # type: ignore[misc]
    assert {status for status, _, _ in answers} == {200}
    assert (renders.count, renders.most) == (8, most)


@pytest.mark.usefixtures("slots_taken", "impatient_requests")
def test_a_wait_for_a_slot_ends_in_503_with_a_time_to_come_back(photo: Image, renders: Renders) -> None:
    status, content, again = get(signed(photo, "c_fit,w_30"))
    assert (status, int(again) > 0, renders.count) == (503, True, 0)
    assert not is_picture(content) and content.endswith(b".")


@pytest.mark.usefixtures("slots_taken", "impatient_requests")
def test_pictures_that_are_there_need_no_slot(photo: Image) -> None:
    full = photo.thumbnails.get(variant="full")
    urls = [signed(photo, full.chain), signed(photo, "fl_attachment")]
    assert [Client().get(url).status_code for url in urls] == [200, 200]


@pytest.mark.usefixtures("impatient_requests")
def test_a_wait_for_the_same_picture_ends_in_503_while_another_still_renders_it(photo: Image, renders: Renders) -> None:
    renders.may_end.clear()
    url = signed(photo, "c_fit,w_30")

    def second() -> tuple[int, bytes, str]:
        assert renders.begun.wait(20)
        try:
            return get(url)
        finally:
            renders.may_end.set()

    (first_status, content, _), (second_status, _, again) = together([lambda: get(url), second])
    assert (first_status, is_picture(content), second_status, bool(again)) == (200, True, 503, True)
    assert get(url)[:2] == (200, content)


def test_requests_beyond_half_the_threads_of_a_process_are_told_at_once(photo: Image) -> None:
    urls = [signed(photo, f"c_fit,w_{width}") for width in range(100, 100 + LIMIT)]

    def wait(url: str) -> int:
        try:
            return get(url)[0]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(LIMIT) as pool:
        with FileLock("render-0", wait=0) as first, FileLock("render-1", wait=0) as second:
            assert first and second
            waiting = [pool.submit(wait, url) for url in urls]
            while gate.places.acquire(blocking=False):  # not all of them have begun to wait
                gate.places.release()
                time.sleep(0.01)
            refused = [get(signed(photo, f"c_fit,w_{width}"))[0] for width in range(200, 204)]
            done = [future for future in waiting if future.done()]
        assert (refused, done) == ([503] * 4, [])
        assert {future.result() for future in waiting} == {200}


def test_a_placeholder_is_rendered_once_for_a_chain(renders: Renders) -> None:
    url = signed_urls.current_delivery().url("c_fit,w_77", "raw_placeholder", kind="authenticated", version=None)
    answers = [get(url) for _ in range(3)]
    assert (renders.count, {status for status, _, _ in answers}) == (1, {200})


@pytest.mark.usefixtures("impatient_requests")
def test_what_failed_to_render_frees_its_place(photo: Image) -> None:
    storage.remove([str(photo.original)])
    for width in range(100, 100 + 2 * LIMIT):
        assert get(signed(photo, f"c_fit,w_{width}"))[0] == 200  # the placeholder


def test_a_lock_whose_holder_is_gone_is_free() -> None:
    with FileLock("tests-a", wait=0) as held, FileLock("tests-a", wait=0) as again:
        assert (held, again) == (True, False)
    with FileLock("tests-a", wait=0) as held:
        assert held


def test_one_of_several_locks_is_enough() -> None:
    slots = [FileLock("tests-b", "tests-c", wait=wait) for wait in (0, 0, 0.05)]
    with slots[0] as first, slots[1] as second, slots[2] as third:
        assert (first, second, third) == (True, True, False)


def test_a_lock_is_waited_for() -> None:
    lock = FileLock("tests-d", wait=0)
    assert lock.__enter__()
    timer = threading.Timer(0.1, lock.__exit__, (None, None, None))
    timer.start()
    with FileLock("tests-d", wait=10) as held:
        assert held
    timer.join()
