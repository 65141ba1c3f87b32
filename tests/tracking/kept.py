"""A registered version that tests may harm, and code and pickles that say when they are run."""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

MARKER = "BENCHMARK_TEST_MARKER"
PLANTED = f"import os\nopen(os.environ[{MARKER!r}], 'w').close()\n"
EVIL = f"cbuiltins\nexec\n(V{PLANTED.encode('unicode_escape').decode()}\ntR."  # a pickle


class Stub:
    """A network that tells nothing apart."""

    def predict(self, pixels: Any, **_: Any) -> Any:
        """Return the same for each image."""
        return np.full((len(pixels), 3), 1 / 3)


@dataclass(frozen=True)
class Registered:
    """A registered version: its store, its run, its files, and an unharmed copy of them."""

    uri: str
    run_id: str
    folder: Path
    whole: Path

    def restore(self) -> None:
        """Undo whatever was done to the files."""
        shutil.rmtree(self.folder)
        shutil.copytree(self.whole, self.folder)


def forget() -> None:
    """Let the next model's code be imported anew."""
    for name in [name for name in sys.modules if name.startswith("scan_model_")]:
        del sys.modules[name]
