"""What processes that died have left on the disk, and whose it was."""

import contextlib
import re
from pathlib import Path

from .. import environment

_PART = re.compile(r".+\.(\d+)\.part\.npz")
# A process of another machine that shares the folder may be writing one: that takes seconds.
_STALE_SECONDS = 60.0


def is_of_the_living(name: str) -> bool:
    """Whether the process that a folder of outcomes is named after still runs."""
    host, pid, started = (*name.split("="), "", "")[:3]
    if not pid.isdigit():
        return False
    return environment.Process(host=host, pid=int(pid), started=started).is_alive


def remove_if_empty(folder: Path) -> None:
    """Remove a folder that nothing is in."""
    with contextlib.suppress(OSError):  # something is in it, or another process was quicker
        folder.rmdir()


def remove_stale_parts(checkpoints: Path) -> None:
    """Remove the checkpoints (`NAME.PID.part.npz`) that a killed worker was writing.

    Args:
        checkpoints: the folder that holds a folder for each training.
    """
    import psutil

    now = environment.now().timestamp()
    for path in checkpoints.glob("*/*.part.npz"):
        written = _PART.fullmatch(path.name)
        if written is None or psutil.pid_exists(int(written[1])):
            continue
        with contextlib.suppress(FileNotFoundError):  # another process was quicker
            if now - path.stat().st_mtime > _STALE_SECONDS:
                path.unlink()
