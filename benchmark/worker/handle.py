"""Worker processes, each reused until it fails; a death costs the task it had, and no other."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from .. import environment
from ..errors import speaks_of_memory
from ..records import Outcome
from .messages import Event, Failure, Ready, Result, Task
from .process import serve

_POLL_SECONDS = 0.2
_THREADS = ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
"""Read once, when NumPy and TensorFlow are loaded: so a process has to be born with them."""
_CLOSED = Failure(reason="the worker was closed before the task came to its end", traceback="")

Serve = Callable[[Connection, Path], None]
Kills = tuple[int | None, int | None]


class Worker:
    """One worker process and the pipe to it; started at once, so that imports run meanwhile.

    Args:
        log: the file for what the process prints.
        serve: what the process does: take tasks from the pipe, and say how they go.
        threads: how many it computes with, 0 for all cores.
    """

    def __init__(self, log: Path, serve: Serve = serve, threads: int = 0) -> None:
        self._log = log
        self._serve = serve
        self._threads = threads
        self._log_start = 0
        self._kills = environment.memory_kills()
        self._process: BaseProcess | None = None
        self._connection: Connection | None = None
        self._closed = False
        self._is_ready = False
        self._lock = threading.RLock()  # `close` may come while another thread runs a task
        self.start()

    def start(self) -> None:
        """Start a fresh process, if there is none at work and the worker is not closed."""
        with self._lock:
            if self._closed or (self._process is not None and self._process.is_alive()):
                return
            context = multiprocessing.get_context("spawn")  # TensorFlow does not survive a fork
            ours, theirs = context.Pipe()
            process = context.Process(target=self._serve, args=(theirs, self._log), daemon=True)
            with _born_with(self._threads):
                process.start()
            theirs.close()
            self._process, self._connection = process, ours
            self._is_ready = False

    @property
    def pid(self) -> int | None:
        """The process number, None where there is no process."""
        return None if self._process is None else self._process.pid

    def run(self, task: Task, say: Callable[[Event], None], timeout_seconds: float = 0.0) -> Result:
        """Run a task to its end, whatever that is.

        Args:
            task: the task.
            say: told what the worker says meanwhile.
            timeout_seconds: the most it may take, 0 for no limit.
        """
        self.start()
        connection = self._connection
        if connection is None:
            return _CLOSED
        self._log_start = self._log.stat().st_size if self._log.exists() else 0
        self._kills = environment.memory_kills()
        # A fresh process imports TensorFlow first, which is not the task's time.
        allowed = timeout_seconds or float("inf")
        deadline = environment.seconds() + (allowed if self._is_ready else float("inf"))
        try:
            connection.send(task)
            while environment.seconds() < deadline:
                if connection.poll(_POLL_SECONDS):
                    event: Event = connection.recv()
                    if isinstance(event, Outcome | Failure):
                        return event
                    if isinstance(event, Ready):
                        self._is_ready = True
                        deadline = environment.seconds() + allowed
                    say(event)
        except (EOFError, OSError):
            return self._died()
        self.kill()
        return Failure(
            reason=f"took longer than --timeout {timeout_seconds:g} seconds and was ended",
            traceback="",
        )

    def _died(self) -> Failure:
        with self._lock:
            if self._process is None:  # ended by `close`, from another thread
                return _CLOSED
            self._process.join(timeout=5)
            code = self._process.exitcode
            self.kill()
        tail = _tail(self._log, self._log_start)
        reason = cause(code, tail, self._kills, environment.memory_kills())
        return Failure(reason=reason, traceback=tail, died=True)

    def kill(self) -> None:
        """End the process now; the next task starts a new one."""
        with self._lock:
            if self._process is not None:
                self._process.kill()
                self._process.join()
            # Dropped, not closed: a thread that waits on it reads the end, not another file's data.
            self._process = self._connection = None

    def close(self) -> None:
        """End the process now, and start none again."""
        self._closed = True
        self.kill()


_birth = threading.Lock()


@contextmanager
def _born_with(threads: int) -> Iterator[None]:
    """Let a process that starts meanwhile compute with so many threads; a person's own word holds.

    NumPy's matrix products, which are those of heads, get one thread in any case: they are too
    small for a second one, which waits spinning for the next. On two cores with other work beside,
    60 heads took 251 s with two threads and 33 s with one.

    Args:
        threads: for everything else; 0 for as many as there are cores.
    """
    with _birth:
        wanted = {"OPENBLAS_NUM_THREADS": 1} | dict.fromkeys(_THREADS if threads else (), threads)
        new = {name: str(count) for name, count in wanted.items() if name not in os.environ}
        os.environ.update(new)
        try:
            yield
        finally:
            for name in new:
                del os.environ[name]


def cause(code: int | None, printed: str, before: Kills, after: Kills) -> str:
    """Say why a worker's process is gone.

    Args:
        code: its exit code, below 0 for a signal.
        printed: what it printed last.
        before: kills for want of memory that the system had counted when the task began, in this
            process's memory group and on the whole machine.
        after: the same now.
    """
    if code == -signal.SIGKILL:
        return f"the worker was killed (SIGKILL){_by_whom(before, after)}"
    memory, limit = "", environment.memory_limit_mib()
    if speaks_of_memory(printed):
        memory = " for want of memory"
    elif limit is not None:  # which libraries in C seldom survive, and seldom say
        memory = f", probably for want of memory: ulimit -v allows {limit:.0f} MiB"
    if code is not None and code < 0:
        return f"the worker crashed with signal {signal.Signals(-code).name}{memory}"
    return f"the worker ended by itself with exit code {code}{memory}"


def _by_whom(before: Kills, after: Kills) -> str:
    """Say who killed, as surely as the system's counts tell."""
    group, machine = (
        None if was is None or now is None else now > was
        for was, now in zip(before, after, strict=True)
    )
    advice = "; a smaller --batch or --side, or fewer --jobs, need less"
    if group:
        return f" by the system for want of memory{advice}"
    if group is None and machine:
        return f", probably by the system for want of memory{advice}"
    if group is None and machine is None:
        return ": by a person, or by the system for want of memory"
    return " by a person or a program: the system has counted no kill for want of memory"


def _tail(log: Path, start: int, size: int = 4000) -> str:
    """Return the end of what was printed since a task began."""
    if not log.exists():
        return ""
    return log.read_bytes()[start:][-size:].decode(errors="replace")
