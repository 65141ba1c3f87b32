"""What the machine tells: the time, the code's commit, versions, cores, memory."""

import logging
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = ("mlflow", "keras", "tensorflow-cpu", "tensorflow", "openvino", "numpy", "scikit-learn")
# What Linux tells of memory: a process's groups, where they are, and the whole machine.
_CGROUP, _GROUPS, _VMSTAT = map(Path, ("/proc/self/cgroup", "/sys/fs/cgroup", "/proc/vmstat"))

# A line of TensorFlow's log that is no error, as abseil writes it; and what is no line at all.
_LOG_LINE = re.compile(rb"[IW]\d{4} |WARNING: All log messages before absl")
_NO_LINE = re.compile(rb"(?!)")


@cache
def boot() -> str:
    """Return what names the running system until it is started anew, "" where nothing does.

    Containers of one machine share it, as they share the system's locks.
    """
    with suppress(OSError):  # there on Linux only
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    command = ["sysctl", "-n", "kern.bootsessionuuid"]  # macOS
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
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


def memory_kills() -> tuple[int | None, int | None]:
    """Count the processes that Linux has killed for want of memory, None where it does not tell.

    Returns:
        Those of this process's memory group (a container's), and those of the whole machine.
    """
    return _counted("oom_kill", _memory_group()), _counted("oom_kill", [_VMSTAT])


def memory_limit_mib() -> float | None:
    """Return what this process may map at most (`ulimit -v`), None where that is not limited."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    return None if limit == resource.RLIM_INFINITY else limit / 2**20


def _memory_group() -> list[Path]:
    """List the files that may count the kills in this process's group, for both of its versions."""
    try:
        lines = _CGROUP.read_text().splitlines()
    except OSError:
        return []
    root, found = _GROUPS, list[Path]()
    for _, controllers, path in (line.split(":", 2) for line in lines):
        if not controllers:
            found.append(root / path.lstrip("/") / "memory.events")
        elif "memory" in controllers.split(","):
            groups = (
                root / "memory" / path.lstrip("/"),
                root / "memory",
            )  # a container sees its own
            found += [group / "memory.oom_control" for group in groups]
    return found


def _counted(name: str, files: list[Path]) -> int | None:
    """Return the number behind a name in the first of some files that has it."""
    for file in files:
        try:
            lines = file.read_text().splitlines()
        except OSError:
            continue
        for line in lines:
            if line.split()[:1] == [name]:
                return int(line.split()[1])
    return None


@contextmanager
def without_chatter() -> Iterator[None]:
    """Let TensorFlow be imported and a network be loaded without lines on standard error.

    TensorFlow 2.21 says that oneDNN is on whatever its level of logging, below Python, so that the
    descriptor is led into a file meanwhile. What is no line of its log is shown afterwards, and
    all of it where something fails.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    try:
        kept = os.dup(2)
    except OSError:  # who began this process has closed it
        yield
        return
    sys.stderr.flush()
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), 2)
        chatter = _LOG_LINE
        try:
            yield
        except BaseException:
            chatter = _NO_LINE
            raise
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            file.seek(0)
            os.write(2, b"".join(line for line in file if not chatter.match(line)))


def release_memory() -> None:
    """Return freed memory back to the system.

    glibc keeps what was freed: after a large network that is gigabytes that nobody uses.
    """
    import ctypes
    import gc

    gc.collect()
    if platform.system() == "Linux":
        ctypes.CDLL(None).malloc_trim(0)
