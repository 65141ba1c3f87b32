"""A process without the benchmark, in which a registered model is tried as a stranger would."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import PromotionError

_SCRIPT = Path(__file__).with_name("reload.py")
_SECONDS = 600.0  # chosen: loading TensorFlow and the largest network takes one minute


class Stranger:
    """A fresh Python, which imports what models need until it is told which one to load.

    It is asked once, or closed.

    Args:
        missing: modules that it cannot import, as where they are not installed.
    """

    def __init__(self, missing: Sequence[str] = ()) -> None:
        self._elsewhere = tempfile.TemporaryDirectory(prefix="benchmark-reload-")
        # -P keeps this folder's modules out of the way of the packages' own.
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(_SCRIPT), *missing],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self._elsewhere.name,
        )

    def ask(self, job: dict[str, Any]) -> dict[str, Any]:
        """Return what a model says of images, in the words of `reload.py`.

        Raises:
            PromotionError: the model does not load or does not answer.
        """
        try:
            said, complaints = self._process.communicate(json.dumps(job), timeout=_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise PromotionError(f"it gave no answer within {_SECONDS:g} s") from error
        finally:
            self.close()
        if self._process.returncode:
            raise PromotionError(f"it does not load: {_last_line(complaints)}")
        answer: dict[str, Any] = json.loads(said.splitlines()[-1])
        return answer

    def close(self) -> None:
        """End the process, whatever it is at."""
        self._process.kill()
        self._process.communicate()
        self._elsewhere.cleanup()


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"
