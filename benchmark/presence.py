"""That a process is there: a token of its own, and a file that is locked for as long as it lives.

The system lets go of the lock when the process ends, however it ends, so that the next process
knows at once. That holds for all processes of one running system, those in containers included.
The file names that system: who reads it on another cannot tell, since locks of a shared folder
are not kept between machines everywhere.
"""

import secrets
from contextlib import suppress
from pathlib import Path
from typing import Self

from . import environment
from .files import Held, lock


class Presence:
    """A process's token, by chance, and the file that says that it is alive.

    Args:
        folder: where the files of all tokens stand; None where nobody is to be told.

    Attributes:
        token: what tells the process from every other; it says nothing about the machine.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.token = secrets.token_hex(8)
        self._folder = folder
        self._held = None if folder is None else self._appear(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def is_alive(self, token: str) -> bool | None:
        """Whether the process of a token is alive; None where that cannot be told from here."""
        if token == self.token:
            return True
        path = None if self._folder is None else self._folder / token
        try:
            if path is None or path.read_text() != environment.boot() or not environment.boot():
                return None
            with lock(path, shared=True, wait=False):
                return False
        except BlockingIOError:
            return True
        except OSError:
            return None

    def gone(self) -> frozenset[str]:
        """Return the tokens of those who were there and are gone."""
        found = () if self._folder is None else self._folder.glob("[!.]*")
        return frozenset(path.name for path in found if self.is_alive(path.name) is False)

    def forget(self, tokens: frozenset[str]) -> None:
        """Take away the files of processes that are gone: nothing is left that they held."""
        if self._folder is not None:
            for token in tokens:
                (self._folder / token).unlink(missing_ok=True)

    def close(self) -> None:
        """End being there; the folder goes with the last."""
        if self._held is not None and self._folder is not None:
            (self._folder / self.token).unlink(missing_ok=True)
            self._held.close()
            self._held = None
            with suppress(OSError):  # others are there
                self._folder.rmdir()

    def _appear(self, folder: Path) -> Held | None:
        """Make the file: it is locked before it has its name, so that none is ever seen unlocked.

        None on a file system without locks: nobody can then tell, and waits.
        """
        part = folder / f".{self.token}"
        try:
            held = lock(part, wait=False)
            part.write_text(environment.boot())
            part.rename(folder / self.token)
        except OSError:
            with suppress(OSError):
                part.unlink()
            return None
        return held
