"""What the machine tells: the time, the code's commit, versions, cores, memory, processes."""

import os
import platform
import resource
import socket
import subprocess
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = ("mlflow", "keras", "tensorflow-cpu", "tensorflow", "openvino", "numpy", "scikit-learn")


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process that can be told from a later one with the same number.

    Attributes:
        host: the machine's name.
        pid: the process number on that machine.
        started: what tells it from others of its number: on Linux the boot's own id and the start
            in clock ticks since then, which no step of the clock moves; elsewhere its start time.
    """

    host: str
    pid: int
    started: str

    @property
    def is_alive(self) -> bool:
        """Whether it still runs, as far as this machine can tell: elsewhere counts as alive."""
        return self.host != socket.gethostname() or self.started == _started(self.pid) != ""


def this_process() -> Process:
    """Return the identity of the present process."""
    return Process(host=socket.gethostname(), pid=os.getpid(), started=_started(os.getpid()))


def _started(pid: int) -> str:
    """Return when a process started, or an empty text if there is none or it is a zombie."""
    if platform.system() == "Linux":
        try:
            text = Path(f"/proc/{pid}/stat").read_text()
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        except (FileNotFoundError, ProcessLookupError):
            return ""
        # The name in parentheses may itself hold spaces and parentheses; state is field 3 and
        # starttime field 22 (proc_pid_stat(5)).
        state, *others = text.rpartition(")")[2].split()
        return "" if state in "ZX" else f"{boot}-{others[18]}"
    import psutil

    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return ""
        return f"{process.create_time():.2f}"
    except psutil.NoSuchProcess:
        return ""


def now() -> datetime:
    """Return the present time in UTC."""
    return datetime.now(UTC)


def now_ms() -> int:
    """Return the present time as MLflow writes it, in milliseconds since the epoch."""
    return int(now().timestamp() * 1000)


def seconds() -> float:
    """Return a clock for durations, in seconds."""
    return time.perf_counter()


def git_commit(folder: Path = Path(__file__).parent) -> str:
    """Return the commit of the code, with `-dirty` behind it when changed, or `unknown`."""
    command = ["git", "-C", str(folder), "describe", "--always", "--abbrev=40", "--dirty"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return found.stdout.strip()


def versions() -> dict[str, str]:
    """Return the version of Python and of each package that shapes a result."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def machine() -> str:
    """Describe the machine in a line: processor family, cores usable, memory in GiB."""
    import psutil

    memory_gib = psutil.virtual_memory().total / 2**30
    return f"{platform.machine()}, {cores()} cores, {memory_gib:.0f} GiB"


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads() -> int:
    """Return how many threads this process should compute with: all cores, unless told fewer."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    return int(told) if told.isdecimal() and int(told) else cores()


def peak_memory_mib() -> float:
    """Return the peak resident memory of this process so far, in MiB."""
    unit = 2**20 if platform.system() == "Darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def release_memory() -> None:
    """Return freed memory back to the system.

    glibc keeps what was freed: after a large network that is gigabytes that nobody uses.
    """
    import ctypes
    import gc

    gc.collect()
    if platform.system() == "Linux":
        ctypes.CDLL(None).malloc_trim(0)
