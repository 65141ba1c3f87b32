"""Content-addressed folders: built once, complete or absent, verified when read, bounded in size.

```
<folder>/entries/<kind>/<key>/           what was built, and manifest.json with every file's hash
<folder>/entries/<kind>/.<key>.partial/  being built, or left by a process that died; `.discarded`
                                         is being removed
<folder>/locks/<kind>-<key>.{build,use}  who builds it, and who reads it
```

Locks end with the process that held them: a killed builder never blocks the next one.
"""

import atexit
import errno
import hashlib
import json
import logging
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .errors import StoreError, one_line
from .files import Held, file_digest, lock, sync

_MANIFEST = "manifest.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """How much one kind of entry takes: how many there are, and their size in bytes."""

    kind: str
    entries: int
    bytes: int


class _Process:
    """What this process knows of entries, shared by every `Cache` in it."""

    def __init__(self) -> None:
        self.guard = threading.Lock()
        self.building: dict[Path, threading.Lock] = {}
        self.used: dict[Path, Held] = {}
        self.verified: dict[Path, str] = {}
        self.pid = os.getpid()

    def let_go(self) -> None:
        """Close the files that keep entries in use."""
        for file in self.used.values():
            file.close()
        self.used.clear()

    def lock_of(self, path: Path) -> threading.Lock:
        with self.guard:
            return self.building.setdefault(path, threading.Lock())


_here = _Process()


def _process() -> _Process:
    """Return this process's state; a forked child holds none of its parent's locks."""
    global _here  # noqa: PLW0603 - one per process, and a fork makes a new process
    if _here.pid != os.getpid():
        _here = _Process()
    return _here


class Cache:
    """Folders by kind and key, for any number of processes at once.

    Args:
        folder: where everything is kept; made when first needed.
        limit_bytes: the size that the entries are kept under, None for no limit.
    """

    def __init__(self, folder: Path, limit_bytes: int | None = None) -> None:
        self.folder = Path(folder).absolute()
        self.limit_bytes = limit_bytes

    def entry(self, kind: str, key: str, build: Callable[[Path], None]) -> Path:
        """Return the folder of an entry, building it if it is absent or corrupt.

        Two processes that ask at once build it once: the other waits. The entry stays until this
        process ends, whatever others evict.

        Args:
            kind: what it is, such as `pixels`.
            key: digest of all that the contents depend on.
            build: writes files into the empty folder it is given.

        Raises:
            StoreError: the cache's folder cannot be written. What `build` raises passes through.
        """
        path = self._path(kind, key)
        with self._held(kind, key):
            if self._open(path):
                return path
            self._build(path, build)
            self._use(path)
        self._evict(path)
        return path

    def find(self, kind: str, key: str) -> Path | None:
        """Return the folder of an entry, or None where there is none or it is corrupt."""
        path = self._path(kind, key)
        if not path.is_dir():
            return None
        with self._held(kind, key):
            return path if self._open(path) else None

    def usage(self) -> tuple[Usage, ...]:
        """Say what each kind of entry takes, in the order of their names."""
        sizes: dict[str, list[int]] = {}
        for path in self._entries():
            sizes.setdefault(path.parent.name, []).append(_size(path))
        return tuple(
            Usage(kind=kind, entries=len(each), bytes=sum(each))
            for kind, each in sorted(sizes.items())
        )

    def clear(self, kind: str | None = None) -> int:
        """Remove the entries of one kind, or all; what another process reads stays.

        Returns:
            The bytes freed, those of unfinished entries included.
        """
        freed = 0
        for path in self._folders(kind):
            size = _size(path)
            freed += size * self._remove(path)
        return freed

    def _path(self, kind: str, key: str) -> Path:
        if not (_NAME.fullmatch(kind) and _NAME.fullmatch(key)):
            raise ValueError(f"kind and key must be plain names, not {kind!r} and {key!r}.")
        return self.folder / "entries" / kind / key

    def _lock_file(self, kind: str, key: str, purpose: str) -> Path:
        return self.folder / "locks" / f"{kind}-{key}.{purpose}"

    @contextmanager
    def _held(self, kind: str, key: str) -> Iterator[None]:
        """Hold the right to build an entry, against other threads and other processes."""
        with _process().lock_of(self._path(kind, key)):
            with self._usable():
                file = lock(self._lock_file(kind, key, "build"))
            with file:
                yield

    @contextmanager
    def _usable(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(
                f"the cache folder {self.folder} cannot be used: {error.strerror or error}. "
                "Free or choose another with --cache."
            ) from error

    def _open(self, path: Path) -> bool:
        """Mark an entry as used if it is there and whole; remove it if it is not whole."""
        if not path.is_dir():
            return False
        fault = _fault(path)
        if fault:
            _log.warning("the cache entry %s is corrupt (%s) and is made again.", path, fault)
            with self._usable():
                _discard(path)
            return False
        self._use(path)
        return True

    def _use(self, path: Path) -> None:
        """Keep an entry from eviction by any process for as long as this one lives."""
        process = _process()
        with self._usable():
            os.utime(path / _MANIFEST)
            if path not in process.used:
                if not process.used:
                    atexit.register(process.let_go)
                file = self._lock_file(path.parent.name, path.name, "use")
                process.used[path] = lock(file, shared=True)

    def _build(self, path: Path, build: Callable[[Path], None]) -> None:
        partial = path.with_name(f".{path.name}.partial")
        with self._usable():
            _discard(partial)  # the build lock is held: whoever began it is gone
            partial.mkdir(parents=True)
        try:
            build(partial)
            manifest = _seal(partial)
            partial.rename(path)
            sync(path.parent)
        except OSError as error:
            if error.errno not in {errno.ENOSPC, errno.EDQUOT, errno.EROFS}:
                raise
            with self._usable():
                raise
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        _process().verified[path] = manifest

    def _evict(self, built: Path) -> None:
        """Remove the entries used longest ago until the rest fits; never one that is in use."""
        if self.limit_bytes is None:
            return
        aged = sorted((_last_used(path), path) for path in self._entries())
        total = sum(_size(path) for _, path in aged)
        for _, path in aged:
            if total <= self.limit_bytes:
                return
            if path == built or path in _process().used:
                continue
            size = _size(path)
            total -= size * self._remove(path)

    def _remove(self, path: Path) -> bool:
        """Remove an entry or a partial one, unless another process builds or reads it."""
        kind, key = path.parent.name, _key(path)
        whole = self._path(kind, key)
        process = _process()
        with process.lock_of(whole), self._usable():
            mine = process.used.pop(whole, None) if path == whole else None
            if mine:
                mine.close()
            try:
                with (
                    lock(self._lock_file(kind, key, "build"), wait=False),
                    lock(self._lock_file(kind, key, "use"), wait=False),
                ):
                    _discard(path)
            except BlockingIOError:
                return False
        process.verified.pop(whole, None)
        return True

    def _entries(self, kind: str | None = None) -> list[Path]:
        return [path for path in self._folders(kind) if not path.name.startswith(".")]

    def _folders(self, kind: str | None) -> list[Path]:
        """Return the folders that this cache made; whatever else lies among them is not ours."""
        found = sorted((self.folder / "entries").glob(f"{kind or '*'}/*"))
        return [path for path in found if path.is_dir() and self._is_ours(path)]

    def _is_ours(self, path: Path) -> bool:
        """Whether a folder has a manifest, or the lock under which it was built."""
        lock = self._lock_file(path.parent.name, _key(path), "build")
        return lock.is_file() or _has_manifest(path)


def _seal(folder: Path) -> str:
    """Write the manifest of a finished folder, everything forced to disk; return its digest."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    listed = {
        path.relative_to(folder).as_posix(): [path.stat().st_size, file_digest(path)]
        for path in files
    }
    text = json.dumps({"files": listed}, indent=1)
    (folder / _MANIFEST).write_text(text, encoding="utf-8")
    for path in [*files, folder / _MANIFEST, folder]:
        sync(path)
    return hashlib.sha256(text.encode()).hexdigest()


def _fault(path: Path) -> str:
    """Say what is wrong with an entry, or nothing: sizes always, hashes once a process."""
    try:
        text = (path / _MANIFEST).read_text(encoding="utf-8")
        listed = json.loads(text)["files"]
        seal = hashlib.sha256(text.encode()).hexdigest()
        known = _process().verified.get(path) == seal
        for name, (size, digest) in listed.items():
            if (path / name).stat().st_size != size:
                return f"{name} has changed its size"
            if not known and file_digest(path / name) != digest:
                return f"{name} has changed its contents"
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return one_line(error)
    _process().verified[path] = seal
    return ""


def _has_manifest(path: Path) -> bool:
    try:
        listed = json.loads((path / _MANIFEST).read_text(encoding="utf-8"))["files"]
        return all(isinstance(size, int) and len(sha) == 64 for size, sha in listed.values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def _key(path: Path) -> str:
    """Return the key of an entry, from its folder or from an unfinished or discarded one's."""
    if not path.name.startswith("."):
        return path.name
    return path.name[1:].removesuffix(".discarded").removesuffix(".partial")


def _discard(path: Path) -> None:
    """Remove a folder so that no one ever sees a part of it under its own name."""
    if not path.exists():
        return
    aside = path
    if not path.name.endswith(".discarded"):
        aside = path.with_name(f".{path.name.removeprefix('.')}.discarded")
        shutil.rmtree(aside, ignore_errors=True)
        path.rename(aside)
    shutil.rmtree(aside, ignore_errors=True)


def _size(path: Path) -> int:
    """Return the bytes under a folder, as far as they can be counted while others change it."""
    total = 0
    for file in path.rglob("*"):
        try:
            total += file.stat().st_size if file.is_file() else 0
        except FileNotFoundError:
            continue
    return total


def _last_used(path: Path) -> float:
    try:
        return (path / _MANIFEST).stat().st_mtime
    except FileNotFoundError:
        return 0.0
