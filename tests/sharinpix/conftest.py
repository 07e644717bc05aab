"""Fixtures of fetching and of the queue: their limits, made small, and where names lead to."""

from collections.abc import Callable

import pytest

from sharinpix import queue
from sharinpix.fetching import client, places


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything of a request together may take 0.3 seconds."""
    monkeypatch.setattr(client, "TOTAL", 0.3)


@pytest.fixture
def no_long_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server may be silent for 0.2 seconds."""
    monkeypatch.setattr(client, "READ_GAP", 0.2)


@pytest.fixture
def no_long_greeting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection may take 0.2 seconds to be made."""
    monkeypatch.setattr(client, "CONNECT", 0.2)


@pytest.fixture
def names_lead_to(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """names_lead_to("127.0.0.1"): the addresses of every name from now on."""
    return lambda *addresses: monkeypatch.setattr(places, "resolve", lambda host: list(addresses))


@pytest.fixture
def short_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker's queue is full with two jobs."""
    monkeypatch.setattr(queue, "MOST", 2)
