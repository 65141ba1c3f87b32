"""Worker processes, each reused until it fails; a death costs the task it had, and no other."""

import multiprocessing
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from .. import environment
from ..records import Outcome
from .task import Event, Failure, Ready, Task
from .worker import serve

_POLL_SECONDS = 0.2
_CLOSED = Failure(reason="the worker was closed before the task came to its end", traceback="")

Serve = Callable[[Connection, Path], None]


class Worker:
    """One worker process and the pipe to it; started at once, so that imports run meanwhile.

    Args:
        log: the file for what the process prints.
        serve: what the process does: take tasks from the pipe, and say how they go.
    """

    def __init__(self, log: Path, serve: Serve = serve) -> None:
        self._log = log
        self._serve = serve
        self._log_start = 0
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
            process.start()
            theirs.close()
            self._process, self._connection = process, ours
            self._is_ready = False

    @property
    def pid(self) -> int | None:
        """The process number, None where there is no process."""
        return None if self._process is None else self._process.pid

    def run(
        self, task: Task, say: Callable[[Event], None], timeout_seconds: float = 0.0
    ) -> Outcome | Failure:
        """Run a task to its end, whatever that is, passing on what the worker says meanwhile."""
        self.start()
        connection = self._connection
        if connection is None:
            return _CLOSED
        self._log_start = self._log.stat().st_size if self._log.exists() else 0
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
        return Failure(reason=_cause(code), traceback=_tail(self._log, self._log_start))

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


def _cause(code: int | None) -> str:
    if code == -signal.SIGKILL:
        return "the worker was killed (SIGKILL): by a person, or by the system for want of memory"
    if code is not None and code < 0:
        return f"the worker crashed with signal {signal.Signals(-code).name}"
    return f"the worker ended by itself with exit code {code}"


def _tail(log: Path, start: int, size: int = 4000) -> str:
    """Give the end of what was printed since a task began."""
    if not log.exists():
        return ""
    return log.read_bytes()[start:][-size:].decode(errors="replace")
