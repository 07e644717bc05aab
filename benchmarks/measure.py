"""Interleaved rounds, medians and spreads."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple


class Sample(NamedTuple):
    """Times of one contender in seconds: the median, and the range as a share of it."""

    median: float
    spread: float
    rounds: int

    @classmethod
    def of(cls, times: list[float]) -> "Sample":
        median = statistics.median(times)
        return cls(median, (max(times) - min(times)) / median if median else 0.0, len(times))


def interleaved(contenders: Mapping[str, Callable[[], object]], rounds: int, repeat: int = 1) -> dict[str, Sample]:
    """Runs every contender once a round, so that a noisy minute hits all alike; `repeat` calls make one time."""
    for run in contenders.values():
        run()
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            start = time.perf_counter()
            for _ in range(repeat):
                run()
            times[name].append((time.perf_counter() - start) / repeat)
    return {name: Sample.of(found) for name, found in times.items()}


def ratio(a: Sample, b: Sample) -> float:
    return a.median / b.median
