"""Interleaved rounds, medians and spreads."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

TURN = 0.15
"""Seconds that a contender runs for at a time."""


class Sample(NamedTuple):
    """Times of one contender in seconds: the median, and the range as a share of it."""

    median: float
    spread: float
    rounds: int

    @classmethod
    def of(cls, times: list[float]) -> "Sample":
        median = statistics.median(times)
        return cls(median, (max(times) - min(times)) / median if median else 0.0, len(times))


def interleaved(
    contenders: Mapping[str, Callable[[], object]], rounds: int, clock: Callable[[], float] = time.perf_counter
) -> dict[str, Sample]:
    """Runs every contender in turn, so that a noisy minute hits all alike.

    A turn is one call that does not count, after which processor and database have heard of the contender again, and as
    many calls as fill TURN, whose mean is one time.
    """
    times: dict[str, list[float]] = {name: [] for name in contenders}
    repeats = {name: repeats_of(run) for name, run in contenders.items()}
    for _ in range(rounds):
        for name, run in contenders.items():
            run()
            start = clock()
            for _ in range(repeats[name]):
                run()
            times[name].append((clock() - start) / repeats[name])
    return {name: Sample.of(found) for name, found in times.items()}


def repeats_of(run: Callable[[], object]) -> int:
    """How many calls fill a turn, by the second call: the first one finds everything cold."""
    run()
    start = time.perf_counter()
    run()
    return max(1, int(TURN / (time.perf_counter() - start)))
