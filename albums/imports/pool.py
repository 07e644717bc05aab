"""Runs the files of a folder through child processes, in order, and outlives a file that kills one."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from albums.imports.worker import Bench, Broken, Outcome, Task, prepare, work_at_bench

AHEAD = 4
"""Files in flight for each process: enough to keep all busy behind a slow one, few enough to hold in memory."""


class Pool:
    """`for task, outcome in Pool(processes, bench).run(tasks)`: outcomes in the order of the tasks."""

    def __init__(self, processes: int, bench: Bench) -> None:
        self.processes = processes
        self.bench = bench
        self.pending: deque[tuple[Task, Future[Outcome]]] = deque()
        self.executor = self.started(processes)

    def started(self, processes: int) -> ProcessPoolExecutor:
        # Spawned, not forked: a forked child would share this process's database connection and hang on it.
        return ProcessPoolExecutor(
            processes, mp_context=get_context("spawn"), initializer=prepare, initargs=(self.bench,)
        )

    def submit(self, task: Task) -> None:
        try:
            future = self.executor.submit(work_at_bench, task)
        except BrokenProcessPool as error:  # noticed late: `settle` asks for it again
            future = Future()
            future.set_exception(error)
        self.pending.append((task, future))

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, Outcome]]:
        try:
            for task in tasks:
                self.submit(task)
                if len(self.pending) >= self.processes * AHEAD:
                    yield from self.settle()
            while self.pending:
                yield from self.settle()
        finally:
            self.executor.shutdown(cancel_futures=True)

    def settle(self) -> Iterator[tuple[Task, Outcome]]:
        """The oldest outcome, or all that are in flight when a file has killed the pool."""
        task, future = self.pending[0]
        try:
            outcome = future.result()
        except BrokenProcessPool:
            yield from self.one_by_one()
        else:
            self.pending.popleft()
            yield task, outcome

    def one_by_one(self) -> Iterator[tuple[Task, Outcome]]:
        """Tries the files in flight alone, each in a process of its own, to learn which of them kills."""
        self.executor.shutdown(cancel_futures=True)
        suspects = [task for task, _ in self.pending]
        self.pending.clear()
        for task in suspects:
            with self.started(1) as alone:
                try:
                    yield task, alone.submit(work_at_bench, task).result()
                except BrokenProcessPool:
                    yield task, Broken("Reading it killed the process.")
        self.executor = self.started(self.processes)
