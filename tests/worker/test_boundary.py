"""What a training process imports: frameworks, yes; the store and the board, no."""

import subprocess
import sys
from pathlib import Path


def test_the_process_that_trains_loads_no_store_and_no_board() -> None:
    code = (
        "import sys, benchmark.worker.process, benchmark.worker.outcomes\n"
        "rooms = ('benchmark.tracking', 'benchmark.board', 'benchmark.jobs', 'benchmark.cli')\n"
        "print([name for name in sys.modules if name.startswith((*rooms, 'mlflow'))])"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.stdout == "[]\n", done.stderr
