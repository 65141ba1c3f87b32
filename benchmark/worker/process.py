"""The process that trains: it imports TensorFlow once and is handed one task after another.

It speaks to the main process through a pipe and to nobody else. It dies with the main process,
however that ends, so that a kill leaves no orphan at work.
"""

import os
import sys
import threading
import time
import traceback
from multiprocessing.connection import Connection
from pathlib import Path

from .. import environment
from ..errors import is_out_of_memory, kind_and_line
from ..records import Epoch
from ..search import TrialRecord
from .messages import Advance, Event, Failure, Ready, Searching, Stage, Task, Tried

_PAUSE_SECONDS = 0.1  # between two reports of progress: quicker than an eye, cheap for a pipe


class Pipe:
    """A `Voice` that sends what it is told through a pipe, advances at most every 0.1 s."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting = 0
        self._sent = 0.0

    def send(self, event: Event) -> None:
        """Send an event, the advances that wait first."""
        if self._waiting:
            self._connection.send(Advance(count=self._waiting))
            self._waiting = 0
        self._connection.send(event)

    def stage(self, name: str, total: int | None = None, unit: str = "") -> None:
        """Begin a stage."""
        self.send(Stage(name=name, total=total, unit=unit))

    def advance(self, count: int = 1) -> None:
        """Count units done, and send the sum now and then."""
        self._waiting += count
        if time.monotonic() - self._sent > _PAUSE_SECONDS:
            self._connection.send(Advance(count=self._waiting))
            self._waiting, self._sent = 0, time.monotonic()

    def trial(self, trial: TrialRecord) -> None:
        """Report a finished trial."""
        self.send(Tried(trial=trial))

    def searching(self, *, is_under_way: bool) -> None:
        """Say that the study's trials are run from now on, or that the last one has ended."""
        self.send(Searching(is_under_way=is_under_way))

    def epoch(self, epoch: Epoch) -> None:
        """Report a finished epoch."""
        self.send(epoch)


def serve(connection: Connection, log: Path) -> None:
    """Run tasks from the pipe until it closes or says None; never raises for a task's fault."""
    write_output_to(log)
    die_with_parent()
    began = time.monotonic()
    import keras  # noqa: F401  the import is the point: every task after it finds it done

    from .outcomes import run_task

    pipe = Pipe(connection)
    pipe.send(Ready(seconds=time.monotonic() - began))
    while (task := _receive(connection)) is not None:
        forget()
        try:
            pipe.send(run_task(task, pipe))
        except Exception as error:  # noqa: BLE001  one architecture's failure costs itself only
            pipe.send(Failure(reason=_reason(error), traceback=traceback.format_exc()))


def forget() -> None:
    """Let go of everything that earlier tasks built, so that peaks do not add up.

    Layers are numbered afresh too: a network's names do not depend on what ran before it.
    """
    import keras

    keras.utils.clear_session(free_memory=False)
    environment.release_memory()


def _receive(connection: Connection) -> Task | None:
    try:
        task: Task | None = connection.recv()
    except EOFError:
        return None
    return task


def _reason(error: Exception) -> str:
    """Say in a line what went wrong and where."""
    where = "".join(f" ({note})" for note in getattr(error, "__notes__", ()))
    is_told = isinstance(error, MemoryError) or not is_out_of_memory(error)
    return f"{'' if is_told else 'out of memory: '}{kind_and_line(error)}{where[:100]}"


def write_output_to(log: Path) -> None:
    """Send everything printed here, by C++ too, to a file: the terminal shows progress only."""
    quieten_tensorflow()
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    log.parent.mkdir(parents=True, exist_ok=True)
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(target, stream.fileno())
    os.close(target)


def quieten_tensorflow() -> None:
    """Let TensorFlow, before it is imported, say errors only."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def die_with_parent() -> None:
    """End this process when the main one is gone, also by SIGKILL."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the group; the parent decides
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
