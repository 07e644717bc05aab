"""How many threads wait for files at once, and what the others are told."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from images.storage import gate as gates
from images.storage.gate import Crowded, Gate
from sharinpix.errors import Unavailable

pytestmark = pytest.mark.any_database


class Refused(Unavailable):
    pass


@contextmanager
def another_inside(gate: Gate) -> Iterator[None]:
    """Inside, another thread is in the gate."""
    entered, leave = threading.Event(), threading.Event()

    def stay() -> None:
        with gate.entered():
            entered.set()
            leave.wait(20)

    thread = threading.Thread(target=stay)
    thread.start()
    assert entered.wait(20)
    try:
        yield
    finally:
        leave.set()
        thread.join()


def test_no_more_enter_than_may() -> None:
    gate = Gate(2)
    with another_inside(gate):
        with another_inside(gate), pytest.raises(Crowded), gate.entered(patience=0.01):
            raise AssertionError("entered")
        with gate.entered(patience=0):
            pass


def test_who_is_inside_may_enter_again() -> None:
    gate = Gate(1)
    with gate.entered(), gate.entered(Refused, patience=0):
        assert len(gate.since) == 1
    assert gate.since == {}


def test_what_fails_inside_frees_its_place() -> None:
    gate = Gate(1)
    for _ in range(3):
        with pytest.raises(KeyError), gate.entered(patience=0):
            raise KeyError
    with gate.entered(patience=0):
        pass


def test_a_place_is_waited_for_while_nothing_is_slow() -> None:
    gate = Gate(1)
    leave = ExitStack()
    leave.enter_context(another_inside(gate))
    timer = threading.Timer(0.2, leave.close)
    timer.start()
    with gate.entered(patience=20):
        pass
    timer.join()


def test_nothing_is_waited_for_while_something_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the patience of an hour the test would not end."""
    monkeypatch.setattr(gates, "SLOW", -1.0)
    gate = Gate(1)
    with another_inside(gate), pytest.raises(Refused), gate.entered(Refused, patience=3_600):
        raise AssertionError("entered")
