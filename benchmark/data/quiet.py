"""Keep the words of Pillow and pydicom back: they quote tags, a patient's name among them."""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_SPEAKERS = (r"PIL\.", r"pydicom\.", r".*\bdata\.(dicom|dicom_files|windowing)$")
_LOG = "pydicom"


class _Quiet:
    """Counts who wants quiet, whichever threads decode at once.

    `warnings.catch_warnings` alone restores the wrong filters when threads overlap.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._inside = 0
        self._saved = warnings.catch_warnings()
        self._propagated = True

    def enter(self) -> None:
        with self._guard:
            self._inside += 1
            if self._inside > 1:
                return
            self._saved = warnings.catch_warnings()
            self._saved.__enter__()
            for speaker in _SPEAKERS:
                warnings.filterwarnings("ignore", module=speaker)
            log = logging.getLogger(_LOG)
            # Not its level: pydicom's modules have loggers below this one, with their own.
            self._propagated, log.propagate = log.propagate, False

    def leave(self) -> None:
        with self._guard:
            self._inside -= 1
            if self._inside == 0:
                self._saved.__exit__(None, None, None)
                logging.getLogger(_LOG).propagate = self._propagated


_quietness = _Quiet()


@contextmanager
def quiet() -> Iterator[None]:
    """Keep the warnings and logs of Pillow and pydicom back for a while, in all threads."""
    _quietness.enter()
    try:
        yield
    finally:
        _quietness.leave()
