"""What a process holds in memory, looked at again and again while it works; Linux only."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

SAMPLE_SECONDS = 0.02
FIELDS = ("VmRSS", "RssAnon", "RssFile")


class Watch:
    """Notes the greatest memory of this process, phase by phase.

    Pages of memory-mapped files count in VmRSS and RssFile while they are held, but the system
    takes them back when it needs room; RssAnon is what the process itself asked for.
    """

    def __init__(self) -> None:
        self.peaks_mib: dict[str, dict[str, float]] = {}
        self._phase = ""
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count what is held from now on to a phase; the least is what it begins and ends with."""
        self._phase = name
        self._note()
        try:
            yield
        finally:
            self._note()
            self._phase = ""

    def _sample(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            self._note()

    def _note(self) -> None:
        phase = self._phase
        if not phase:
            return
        peaks = self.peaks_mib.setdefault(phase, dict.fromkeys(FIELDS, 0.0))
        for name, mib in held_mib().items():
            peaks[name] = max(peaks[name], mib)


def held_mib() -> dict[str, float]:
    """Return resident, anonymous and file-backed memory of this process, in MiB."""
    return read_status(Path("/proc/self/status").read_text())


def read_status(text: str) -> dict[str, float]:
    """Read the fields from what `/proc/PID/status` says (proc_pid_status(5)), in MiB."""
    lines = (line.partition(":") for line in text.splitlines())
    return {name: int(rest.split()[0]) / 1024 for name, _, rest in lines if name in FIELDS}
