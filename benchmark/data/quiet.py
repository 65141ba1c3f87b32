"""Keep the words of Pillow and pydicom back: they quote tags, a patient's name among them."""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_SPEAKERS = (r"PIL\.", r"pydicom\.", r".*\bdata\.(dicom|dicom_files|windowing)$")
_LOGS = ("pydicom", "PIL")


class _Quiet:
    """Counts who wants quiet, whichever threads decode at once.

    `warnings.catch_warnings` alone restores the wrong filters when threads overlap.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._inside = 0
        self._saved = warnings.catch_warnings()
        self._nowhere = logging.NullHandler()  # without a handler, logging itself prints errors
        self._propagated: dict[str, bool] = {}

    def enter(self) -> None:
        with self._guard:
            self._inside += 1
            if self._inside > 1:
                return
            self._saved = warnings.catch_warnings()
            self._saved.__enter__()
            for speaker in _SPEAKERS:
                warnings.filterwarnings("ignore", module=speaker)
            for name in _LOGS:
                log = logging.getLogger(name)
                log.addHandler(self._nowhere)
                # Not its level: the modules have loggers below this one, with their own.
                self._propagated[name], log.propagate = log.propagate, False

    def leave(self) -> None:
        with self._guard:
            self._inside -= 1
            if self._inside == 0:
                self._saved.__exit__(None, None, None)
                for name in _LOGS:
                    log = logging.getLogger(name)
                    log.removeHandler(self._nowhere)
                    log.propagate = self._propagated[name]


_quietness = _Quiet()


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the warnings and logs of Pillow and pydicom back for a while, in all threads."""
    _quietness.enter()
    try:
        yield
    finally:
        _quietness.leave()
