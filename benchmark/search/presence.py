"""Which workers of a study are alive: by the process table here, by their heartbeats elsewhere."""

import socket
import threading
import time
import uuid
from types import TracebackType
from typing import Self

from optuna import Study

from ..environment import Process

BEAT_SECONDS = 15.0
GRACE_SECONDS = 60.0  # chosen, not sourced: four beats may be late before a worker counts as dead


class Presence:
    """This worker's heartbeat while it is entered, and its view of the others.

    A heartbeat is a counter in the study's attributes. Whoever sees it stand still for the grace
    period, by its own clock, takes the worker for dead; so clocks need not agree.

    Args:
        study: the study that the workers share.
        beat_seconds: the time between two beats.
        grace_seconds: how long a worker on another machine may be silent.
    """

    def __init__(
        self,
        study: Study,
        *,
        beat_seconds: float = BEAT_SECONDS,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        self.worker = uuid.uuid4().hex[:12]
        self._study = study
        self._beat_seconds = beat_seconds
        self._grace_seconds = grace_seconds
        self._seen: dict[str, tuple[object, float]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="search-heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        count = 0
        while not self._stop.wait(self._beat_seconds):
            count += 1
            self._study.set_user_attr(f"beat:{self.worker}", count)

    def is_alive(self, worker: str, process: Process) -> bool:
        """Say whether a worker still runs, as far as can be told from here."""
        if worker == self.worker:
            return True
        if process.host == socket.gethostname():
            return process.is_alive
        beat = self._study.user_attrs.get(f"beat:{worker}")
        last, since = self._seen.get(worker, (None, 0.0))
        if worker not in self._seen or last != beat:
            self._seen[worker] = (beat, time.monotonic())
            return True
        return time.monotonic() - since < self._grace_seconds
