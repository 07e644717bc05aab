"""Jobs after commit, with and without a broker."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from celery import Celery, shared_task
from django.db import transaction

from sharinpix import queue
from sharinpix.celery import app as ours
from tests import servers

NOTE = "tests.sharinpix.test_queue.note"
done: list[str] = []


@shared_task
def note(text: str) -> None:
    done.append(text)
    if text == "bad":
        raise RuntimeError("a fault of ours")


@pytest.fixture(autouse=True)
def _nothing_done() -> None:
    done.clear()


@pytest.fixture(scope="module")
def redis() -> Iterator[str]:
    with servers.redis() as url:
        yield url


@pytest.fixture
def broker(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Celery]]:
    """broker(url): the one that jobs go to; returns the Celery application that sends them there."""

    def use(url: str) -> Celery:
        settings.CELERY_BROKER_URL = url
        app = Celery("tests")
        app.config_from_object("django.conf:settings", namespace="CELERY")
        monkeypatch.setattr(queue, "app", app)
        return app  # the newest application is the one that tasks are sent by

    yield use
    ours.set_current()


@pytest.mark.django_db(transaction=True)
def test_a_job_is_done_once_its_transaction_has_committed() -> None:
    with transaction.atomic():
        queue.later(NOTE, "once")
        assert done == []
    assert done == ["once"]


@pytest.mark.django_db(transaction=True)
def test_a_job_of_a_transaction_that_is_rolled_back_is_not_done() -> None:
    with transaction.atomic():
        queue.later(NOTE, "never")
        transaction.set_rollback(True)
    assert done == []


@pytest.mark.django_db(transaction=True)
def test_a_job_that_fails_is_noted_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with transaction.atomic():
        queue.later(NOTE, "bad")
        queue.later(NOTE, "good")
    assert done == ["bad", "good"]
    assert "a sweep will try again" in caplog.text and "a fault of ours" in caplog.text


def test_with_a_broker_the_job_is_a_workers(redis: str, broker: Callable[[str], Celery]) -> None:
    broker(redis).control.purge()
    before = queue.room_in_queue()
    queue.send(NOTE, "elsewhere")
    assert (done, before, queue.room_in_queue()) == ([], queue.MOST, queue.MOST - 1)


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_broker_that_is_away_is_noted_and_stops_nothing(
    scheme: str, broker: Callable[[str], Celery], caplog: pytest.LogCaptureFixture
) -> None:
    broker(f"{scheme}://127.0.0.1:{servers.free_port()}/0")
    with caplog.at_level(logging.WARNING):
        queue.send(NOTE, "later")
    assert "The broker does not answer" in caplog.text
    assert (done, queue.room_in_queue()) == ([], 0)


def test_a_broker_that_refuses_is_noted_and_stops_nothing(
    redis: str, broker: Callable[[str], Celery], caplog: pytest.LogCaptureFixture
) -> None:
    from redis import Redis

    broker(redis)
    with Redis.from_url(redis) as client:
        client.config_set("maxmemory", 1)
        queue.send(NOTE, "later")
        client.config_set("maxmemory", 0)
    assert "The broker does not answer" in caplog.text


@pytest.mark.usefixtures("short_queue")
def test_a_sweep_adds_nothing_to_a_queue_that_is_full(redis: str, broker: Callable[[str], Celery]) -> None:
    broker(redis).control.purge()
    for _ in range(3):
        queue.send(NOTE, "waiting")
    assert queue.room_in_queue() == 0


@pytest.mark.django_db(transaction=True)
def test_a_job_that_is_offered_is_never_done_in_the_request() -> None:
    with transaction.atomic():
        queue.later_by_worker(NOTE, "never here")
    assert done == []


@pytest.mark.django_db(transaction=True)
def test_a_job_that_is_offered_goes_to_a_broker_after_commit(redis: str, broker: Callable[[str], Celery]) -> None:
    broker(redis).control.purge()
    with transaction.atomic():
        queue.later_by_worker(NOTE, "elsewhere")
        assert queue.room_in_queue() == queue.MOST
    assert (done, queue.room_in_queue()) == ([], queue.MOST - 1)


def test_without_a_broker_there_is_no_such_limit() -> None:
    assert queue.room_in_queue() is None
