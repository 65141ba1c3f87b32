"""Several workers over one list of tasks; results come back in the order they are finished."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from .. import environment
from ..records import Outcome
from .agenda import Agenda, Duty, Say
from .handle import Serve, Worker
from .messages import Failure, Helped, Task
from .process import serve

Ended = tuple[Task, Outcome | Failure | BaseException]


class Pool:
    """Workers that live as long as the pool; leaving it ends them, whatever they do.

    A worker that finds no task waiting helps with a search under way.

    Args:
        jobs: how many workers.
        logs: the folder for what they print.
        timeout_seconds: the most one task may take, 0 for no limit.
        serve: what a worker process does.
        threads: how many each of them computes with, 0 for all cores.
    """

    def __init__(
        self,
        jobs: int,
        logs: Path,
        timeout_seconds: float,
        serve: Serve = serve,
        threads: int = 0,
    ) -> None:
        self._timeout = timeout_seconds
        self._closed = threading.Event()
        self._beginning = threading.Lock()
        self._workers = [
            Worker(logs / f"worker-{number}.log", serve, threads) for number in range(jobs)
        ]

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
        say: Say,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> Iterator[tuple[Task, Outcome | Failure]]:
        """Run every task; `begin` and `say` are called from the workers' threads.

        `meanwhile` is called once, in this thread, when the workers have begun.
        """
        agenda = Agenda(tasks, say)
        done: queue.SimpleQueue[Ended] = queue.SimpleQueue()

        def work(worker: Worker) -> None:
            while (found := agenda.take()) is not None:
                duty, is_help = found
                try:
                    if is_help:
                        self._help(worker, duty, agenda)
                        continue
                    with self._beginning:  # what `close` finds begun is all that ever begins
                        if self._closed.is_set():
                            return
                        begin(duty.task)
                    done.put((duty.task, self._do(worker, duty, agenda)))
                except BaseException as error:  # noqa: BLE001  handed to the main thread, raised there
                    done.put((duty.task, error))
                    return

        threads = [
            threading.Thread(target=work, args=(worker,), daemon=True) for worker in self._workers
        ]
        for thread in threads:
            thread.start()
        try:
            meanwhile()
            for _ in tasks:
                task, result = done.get()
                if isinstance(result, BaseException):
                    raise result
                yield task, result
        finally:
            agenda.close()
        for thread in threads:  # a helper may be about to find that nothing is left to do
            thread.join()

    def _do(self, worker: Worker, duty: Duty, agenda: Agenda) -> Outcome | Failure:
        """Run a task to its end; a search goes on in a fresh process where one died in it."""
        began, allowed = environment.seconds(), self._timeout
        say = partial(agenda.hear, duty)
        result = worker.run(duty.task, say, allowed)
        while duty.is_worth_another_start(result) and not self._closed.is_set():
            if self._timeout:
                allowed = max(1.0, self._timeout - (environment.seconds() - began))
            result = worker.run(duty.task, say, allowed)
        agenda.end(duty, result)
        assert not isinstance(result, Helped)
        return result

    def _help(self, worker: Worker, duty: Duty, agenda: Agenda) -> None:
        """Help with a search until none of its trials is left to begin, or its task has failed."""
        task = replace(duty.task, helps=True)
        result = worker.run(task, duty.say_of_helper, stop=lambda: duty.has_failed)
        again = duty.is_worth_another_start(result)
        agenda.leave(duty, wants_help=again)
        if isinstance(result, Failure) and not again and not self._closed.is_set():
            duty.say_of_helper(result)


class LazyPool:
    """A pool that is made when the first task needs it: a finished benchmark starts no worker."""

    def __init__(self, jobs: int, logs: Path, timeout_seconds: float, threads: int = 0) -> None:
        self._made: Pool | None = None
        self._jobs, self._logs, self._timeout = jobs, logs, timeout_seconds
        self._threads = threads

    def open(self) -> Pool:
        """Return the pool, making it the first time: its workers begin to import at once."""
        if self._made is None:
            self._made = Pool(self._jobs, self._logs, self._timeout, threads=self._threads)
        return self._made

    def close(self) -> None:
        """End the workers, if there are any."""
        if self._made is not None:
            self._made.close()
