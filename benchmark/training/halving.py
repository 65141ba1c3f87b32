"""Passes that only compute: where memory runs out, tried again with half as many images at once.

Training does not do so: how many images a step has is part of the spec, and changes the network.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from ..environment import release_memory
from ..errors import is_out_of_memory, kind_and_line

_noted: ContextVar[list[str] | None] = ContextVar("noted", default=None)


@contextmanager
def noting() -> Iterator[list[str]]:
    """Gather what `note` is told while entered, each once; whoever is around is told it too."""
    notes: list[str] = []
    token = _noted.set(notes)
    try:
        yield notes
    finally:
        _noted.reset(token)
        for each in notes:
            note(each)


def note(text: str) -> None:
    """Say what should be known of a computation to whoever gathers notes."""
    notes = _noted.get()
    if notes is not None and text not in notes:
        notes.append(text)


def halving(what: str, count: int, batch: int, compute: Callable[[slice, int], None]) -> int:
    """Compute images batch by batch, with half the batch from where memory ran out.

    Args:
        what: what is computed, for the note.
        count: how many images there are.
        batch: how many at once.
        compute: computes the images of a slice, no more than its second argument; it may be
            called again with a part of the same slice.

    Returns:
        How many images at once there was memory for.
    """
    start, size = 0, batch
    while start < count:
        some = slice(start, min(start + size, count))
        if _fits(some, size, compute):
            start = some.stop
        else:  # what the failure held is free by now
            size //= 2
            release_memory()
    if size < batch:
        note(
            f"{what}: memory ran out with {batch} images at once and sufficed with {size}; the "
            "last digits may differ from those of a larger batch."
        )
    return size


def _fits(some: slice, size: int, compute: Callable[[slice, int], None]) -> bool:
    """Compute a slice, and return whether there was memory for it.

    Raises:
        MemoryError: not even one image fits.
    """
    try:
        compute(some, size)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        if size == 1:
            raise MemoryError(
                f"memory does not suffice for one image at once ({kind_and_line(error)})"
            ) from error
        return False
    return True
