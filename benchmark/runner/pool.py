"""Several workers over one list of tasks; results come back in the order they are finished."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from ..records import Outcome
from .task import Event, Failure, Task
from .worker import serve
from .workers import Serve, Worker


class Pool:
    """Workers that live as long as the pool; leaving it ends them, whatever they do.

    Args:
        jobs: how many workers.
        logs: the folder for what they print.
        timeout_seconds: the most one task may take, 0 for no limit.
        serve: what a worker process does.
    """

    def __init__(self, jobs: int, logs: Path, timeout_seconds: float, serve: Serve = serve) -> None:
        self._timeout = timeout_seconds
        self._closed = threading.Event()
        self._beginning = threading.Lock()
        self._workers = [Worker(logs / f"worker-{number}.log", serve) for number in range(jobs)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the workers, whatever they do; no task begins after this."""
        with self._beginning:
            self._closed.set()
        for worker in self._workers:
            worker.close()

    def run(
        self,
        tasks: Sequence[Task],
        begin: Callable[[Task], None],
        say: Callable[[Task, Event], None],
    ) -> Iterator[tuple[Task, Outcome | Failure]]:
        """Run every task; `begin` and `say` are called from the workers' threads."""
        waiting: queue.SimpleQueue[Task] = queue.SimpleQueue()
        done: queue.SimpleQueue[tuple[Task, Outcome | Failure | BaseException]] = (
            queue.SimpleQueue()
        )
        for task in tasks:
            waiting.put(task)

        def work(worker: Worker) -> None:
            while True:
                try:
                    task = waiting.get_nowait()
                except queue.Empty:
                    return
                try:
                    with self._beginning:  # what `close` finds begun is all that ever begins
                        if self._closed.is_set():
                            return
                        begin(task)
                    result = worker.run(task, partial(say, task), self._timeout)
                except BaseException as error:  # noqa: BLE001  handed to the main thread, raised there
                    done.put((task, error))
                    return
                done.put((task, result))

        for worker in self._workers[: len(tasks)]:
            threading.Thread(target=work, args=(worker,), daemon=True).start()
        for _ in tasks:
            task, result = done.get()
            if isinstance(result, BaseException):
                raise result
            yield task, result


class LazyPool:
    """A pool that is made when the first task needs it: a finished benchmark starts no worker."""

    def __init__(self, jobs: int, logs: Path, timeout_seconds: float) -> None:
        self._made: Pool | None = None
        self._jobs, self._logs, self._timeout = jobs, logs, timeout_seconds

    def open(self) -> Pool:
        """Give the pool, making it the first time: its workers begin to import at once."""
        if self._made is None:
            self._made = Pool(self._jobs, self._logs, self._timeout)
        return self._made

    def close(self) -> None:
        """End the workers, if there are any."""
        if self._made is not None:
            self._made.close()
