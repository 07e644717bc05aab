"""Jobs after commit, with and without a broker."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from celery import shared_task
from django.db import transaction

from sharinpix import queue
from sharinpix.celery import app
from tests import servers

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
def broker(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """broker(url): the one that jobs go to."""

    def use(url: str) -> None:
        settings.CELERY_BROKER_URL = url
        monkeypatch.setattr(app.conf, "broker_url", url)
        monkeypatch.setattr(app, "_pool", None)
        monkeypatch.setattr(app.amqp, "_producer_pool", None)

    return use


@pytest.mark.django_db(transaction=True)
def test_a_job_is_done_once_its_transaction_has_committed() -> None:
    with transaction.atomic():
        queue.later(note, "once")
        assert done == []
    assert done == ["once"]


@pytest.mark.django_db(transaction=True)
def test_a_job_of_a_transaction_that_is_rolled_back_is_not_done() -> None:
    with transaction.atomic():
        queue.later(note, "never")
        transaction.set_rollback(True)
    assert done == []


@pytest.mark.django_db(transaction=True)
def test_a_job_that_fails_is_noted_and_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with transaction.atomic():
        queue.later(note, "bad")
        queue.later(note, "good")
    assert done == ["bad", "good"]
    assert "a sweep will try again" in caplog.text and "a fault of ours" in caplog.text


def test_with_a_broker_the_job_is_a_workers(redis: str, broker: Any) -> None:
    broker(redis)
    before = queue.room()
    queue.send(note, "elsewhere")
    assert (done, before, queue.room()) == ([], queue.MOST, queue.MOST - 1)


@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_broker_that_is_away_is_noted_and_stops_nothing(
    scheme: str, broker: Any, caplog: pytest.LogCaptureFixture
) -> None:
    broker(f"{scheme}://127.0.0.1:{servers.free_port()}/0")
    with caplog.at_level(logging.WARNING):
        queue.send(note, "later")
    assert "The broker does not answer" in caplog.text
    assert (done, queue.room()) == ([], 0)


def test_a_broker_that_refuses_is_noted_and_stops_nothing(
    redis: str, broker: Any, caplog: pytest.LogCaptureFixture
) -> None:
    from redis import Redis

    broker(redis)
    with Redis.from_url(redis) as client:
        client.config_set("maxmemory", 1)
        queue.send(note, "later")
        client.config_set("maxmemory", 0)
    assert "The broker does not answer" in caplog.text


def test_a_sweep_adds_nothing_to_a_queue_that_is_full(redis: str, broker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    broker(redis)
    monkeypatch.setattr(queue, "MOST", 2)
    app.control.purge()
    for _ in range(3):
        queue.send(note, "waiting")
    assert queue.room() == 0


def test_without_a_broker_there_is_no_such_limit() -> None:
    assert queue.room() is None
