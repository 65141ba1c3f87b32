"""Several workers over one list of tasks; results come back in the order they are finished."""

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Self

from .. import environment
from ..records import Outcome
from .handle import Serve, Worker
from .messages import Event, Failure, NotBegun, Searching, Task, Tried
from .process import serve

MOST_DEATHS = 10
"""Deaths of a search's worker in a row, with no trial finished between, that end its task.

chosen, not sourced: the study gives a trial up after five deaths, and goes on with the next one.
"""

AGAIN_SECONDS = 2.0
"""How long it waits, where all that is left is LATER, before it asks again: chosen, not sourced."""

Begin = Callable[[Task], NotBegun | None]
Say = Callable[[Task, Event], None]
Result = Outcome | Failure | NotBegun
Ended = tuple[Task, Result | BaseException]


class Pool:
    """Workers that live as long as the pool; leaving it ends them, whatever they do.

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

    def __exit__(self, *_: object) -> None:
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
        begin: Begin,
        say: Say,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> Iterator[tuple[Task, Result]]:
        """Run every task; `begin` and `say` are called from the workers' threads.

        A task that `begin` puts off goes to the end of the list, and is asked for again until it
        may begin or is done elsewhere.

        Args:
            tasks: what to run.
            begin: called before a task; says why it does not begin, None where it does.
            say: told what workers say.
            meanwhile: called once, in this thread, when the workers have begun.
        """
        done: queue.SimpleQueue[Ended] = queue.SimpleQueue()
        line = _Line(tasks, begin, done.put, self._beginning, self._closed)

        def work(worker: Worker) -> None:
            while (task := line.take()) is not None:
                try:
                    done.put((task, self._do(worker, task, say)))
                except BaseException as error:  # noqa: BLE001  raised in the main thread
                    done.put((task, error))
                    return

        for worker in self._workers:
            threading.Thread(target=work, args=(worker,), daemon=True).start()
        try:
            meanwhile()
            for _ in tasks:
                task, result = done.get()
                if isinstance(result, BaseException):
                    raise result
                yield task, result
        finally:
            line.clear()

    def _do(self, worker: Worker, task: Task, say: Say) -> Outcome | Failure:
        """Run a task to its end; a search goes on in a fresh process where one died in it.

        A death in a search costs one trial, which is run again.
        """
        began, allowed = environment.seconds(), self._timeout
        is_searching, deaths = False, 0

        def hear(event: Event) -> None:
            nonlocal is_searching, deaths
            if isinstance(event, Searching):
                is_searching = event.is_under_way
            elif isinstance(event, Tried):
                deaths = 0
            say(task, event)

        while True:
            result = worker.run(task, hear, allowed)
            died = isinstance(result, Failure) and result.died and is_searching
            deaths += died
            if not died or deaths == MOST_DEATHS or self._closed.is_set():
                return result
            if self._timeout:
                allowed = max(1.0, self._timeout - (environment.seconds() - began))


class _Line:
    """Tasks that have not begun, for any number of threads to take from.

    Args:
        tasks: all of them.
        begin: called before a task begins; may put it off.
        end: told of tasks that come to an end without having begun.
        guard: held while a task begins: what is begun when `closed` is set under it, is all.
        closed: set when none is to begin any more.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        begin: Begin,
        end: Callable[[Ended], None],
        guard: threading.Lock,
        closed: threading.Event,
    ) -> None:
        self._waiting = deque(tasks)
        self._begin = begin
        self._end = end
        self._guard = guard
        self._closed = closed

    def take(self) -> Task | None:
        """Begin the next task that can, waiting for one if need be; None where none is left."""
        put_off = 0
        while True:
            with self._guard:
                if self._closed.is_set() or not self._waiting:
                    return None
                task = self._waiting.popleft()
                try:
                    refused = self._begin(task)
                except BaseException as error:  # noqa: BLE001  raised in the main thread
                    self._end((task, error))
                    return None
                if refused is None:
                    return task
                if refused is NotBegun.LATER:
                    self._waiting.append(task)
                    put_off += 1
                else:
                    self._end((task, refused))
                are_all_put_off = put_off >= len(self._waiting)
            if are_all_put_off:
                put_off = 0
                self._closed.wait(AGAIN_SECONDS)

    def clear(self) -> None:
        """Let no further task begin."""
        with self._guard:
            self._waiting.clear()


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
