"""What killed processes leave among results: outcomes to be read, half-written files to remove."""

import contextlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from .. import environment
from ..errors import DataError, kind_and_line
from ..evaluation import read_predictions
from ..records import Outcome
from ..worker import read_history, read_outcome

# chosen, not sourced: whoever is alive has a part under its name within seconds
_STALE_SECONDS = 60.0


def remove_if_empty(folder: Path) -> None:
    """Remove a folder that nothing is in."""
    with contextlib.suppress(OSError):  # something is in it, or another process was quicker
        folder.rmdir()


def remove_stale_parts(folder: Path) -> None:
    """Remove the files (`.NAME.CHANCE.part`) that a killed process was writing among results.

    Args:
        folder: the experiment's folder, with a folder of checkpoints for each training.
    """
    now = environment.now().timestamp()
    for path in (*folder.glob(".*.part"), *folder.glob("checkpoints/*/.*.part")):
        with contextlib.suppress(FileNotFoundError):  # another process was quicker
            if now - path.stat().st_mtime > _STALE_SECONDS:
                path.unlink()


def read_left(folder: Path, aside: Path, say: Callable[[str], None]) -> Outcome | None:
    """Read an outcome that was left; one that is damaged is moved out of the way of later starts.

    Args:
        folder: the outcome's.
        aside: where damaged ones are moved to.
        say: told of those.

    Returns:
        The outcome; None where it is damaged, or another benchmark has logged it meanwhile.
    """
    try:
        read_predictions(folder / "predictions.parquet")
        read_history(folder)
        return read_outcome(folder)
    except (DataError, OSError, ValueError, KeyError, TypeError) as error:
        if not folder.exists():
            return None
        target = aside / folder.name
        aside.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        shutil.move(folder, target)
        say(f"an outcome is set aside in {target}: cannot be read: {kind_and_line(error)}")
        return None


def take(outcome: Outcome, unlogged: Path) -> Outcome:
    """Take an outcome of the dead among one's own: whoever clears theirs leaves it alone."""
    own = unlogged / outcome.spec.digest
    unlogged.mkdir(parents=True, exist_ok=True)
    outcome.folder.rename(own)
    return replace(outcome, folder=own)
