"""Runs tasks in child processes, in order; a file that kills its process becomes Broken."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from albums.folders.worker import Broken, Outcome, SharedInput, Task, prepare, run_task

AHEAD = 4
"""Files in flight for each process: enough to keep all busy behind a slow one, few enough to hold in memory."""


class Pool:
    """`for task, outcome in Pool(processes, shared).run(tasks)`: outcomes in the order of the tasks."""

    def __init__(self, processes: int, shared: SharedInput) -> None:
        self.processes = processes
        self.shared = shared
        self.pending: deque[tuple[Task, Future[Outcome]]] = deque()
        self.executor = self.started(processes)

    def started(self, processes: int) -> ProcessPoolExecutor:
        # Spawned: a forked child would share this process's database connection, and could block on it.
        return ProcessPoolExecutor(
            processes, mp_context=get_context("spawn"), initializer=prepare, initargs=(self.shared,)
        )

    def submit(self, task: Task) -> None:
        try:
            future = self.executor.submit(run_task, task)
        except BrokenProcessPool as error:  # a child has died: `settle` runs the task again
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
        """The outcome of the oldest task in flight, or of all of them where a file has killed the pool."""
        task, future = self.pending[0]
        try:
            outcome = future.result()
        except BrokenProcessPool:
            yield from self.one_by_one()
        else:
            self.pending.popleft()
            yield task, outcome

    def one_by_one(self) -> Iterator[tuple[Task, Outcome]]:
        """Runs each task in flight in a process of its own, to find the one that kills it."""
        self.executor.shutdown(cancel_futures=True)
        suspects = [task for task, _ in self.pending]
        self.pending.clear()
        for task in suspects:
            with self.started(1) as alone:
                try:
                    yield task, alone.submit(run_task, task).result()
                except BrokenProcessPool:
                    yield task, Broken("Reading it killed the process.")
        self.executor = self.started(self.processes)
