"""What networks read by row: standardised feature columns, pixels."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..records import Rows
from ..seeds import generator
from ..zoo import floor_variance
from .epochs import Batch

Matrix = npt.NDArray[np.float32]
# Images, their rows and the epoch's number → the images changed.
Vary = Callable[[npt.NDArray[np.uint8], Rows, int], npt.NDArray[np.uint8]]

_IN_MEMORY_BYTES = 256 * 2**20
_BLOCK = 2048


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Views:
    """Features of augmented views of the training images.

    Attributes:
        matrix: (count t, D), memory-mapped: view 0 of t images, then view 1, ...
        count: views an image.
        places: (u,) the position among the t of each of the pixels' rows, -1 for none.
        seed: of which view an epoch sees.
    """

    matrix: Matrix
    count: int
    places: Rows
    seed: int

    def draw(self, rows: Rows, epoch: int) -> Rows:
        """Return for each row which row of `matrix` an epoch sees, -1 for the image itself."""
        drawn = generator(self.seed, "view", epoch).integers(0, self.count + 1, len(self.places))
        view = drawn[rows] - 1
        images = len(self.matrix) // self.count
        found: Rows = np.where(view >= 0, view * images + self.places[rows], -1)
        return found


class Columns:
    """Chosen columns of a feature matrix, standardised by the training images' statistics.

    They are held in memory up to 256 MiB, and read from the memory map above.

    Args:
        matrix: (u, D) features.
        columns: (width,) the columns to use, in rising order.
        train: the rows that mean and variance are taken from; None to take features as they are.
        views: what training draws from beside the images themselves, if anything.
    """

    def __init__(
        self, matrix: Matrix, columns: Rows, train: Rows | None, views: Views | None = None
    ) -> None:
        self._columns = columns
        self.width = len(columns)
        self.mean = np.zeros(self.width, np.float32)
        self.variance = np.ones(self.width, np.float32)
        if train is not None:
            self.mean, self.variance = self._statistics(matrix, train)
        self._scale = 1 / np.sqrt(self.variance)
        self._own = self._opened(matrix)
        self._views = views
        self._of_views = None if views is None else self._opened(views.matrix)

    def take(self, rows: Rows) -> Matrix:
        """Return the (b, width) standardised features of some rows."""
        return self._own(rows)

    def drawn(self, rows: Rows, epoch: int) -> Matrix:
        """Return the features of some rows for training: of the images, or of views of them."""
        if self._views is None or self._of_views is None:
            return self.take(rows)
        chosen = self._views.draw(rows, epoch)
        values = self.take(rows)
        varied = chosen >= 0
        values[varied] = self._of_views(chosen[varied])
        return values

    def _opened(self, matrix: Matrix) -> Callable[[Rows], Matrix]:
        """Return what reads rows of a matrix: from memory if its columns fit there."""

        def read(rows: Rows) -> Matrix:
            values = self._raw(matrix, rows)
            values -= self.mean
            values *= self._scale
            return values

        if not fits_in_memory(len(matrix), self.width):
            return read
        held = read(np.arange(len(matrix)))
        return lambda rows: held[rows]

    def _raw(self, matrix: Matrix, rows: Rows) -> Matrix:
        # A slice of neighbouring columns is many times quicker than picking them one by one.
        first, last = int(self._columns[0]), int(self._columns[-1]) + 1
        if last - first == self.width:
            return np.array(matrix[rows, first:last])
        return np.asarray(matrix[rows])[:, self._columns]

    def _statistics(self, matrix: Matrix, train: Rows) -> tuple[Matrix, Matrix]:
        """Return mean and variance, the latter floored as the head's own layer floors it."""
        total, squares = np.zeros(self.width), np.zeros(self.width)
        blocks = [train[start : start + _BLOCK] for start in range(0, len(train), _BLOCK)]
        for block in blocks:
            total += self._raw(matrix, block).sum(axis=0, dtype=np.float64)
        mean = total / len(train)
        for block in blocks:
            squares += ((self._raw(matrix, block) - mean) ** 2).sum(axis=0)
        variance = floor_variance(squares / len(train))
        return mean.astype(np.float32), variance.astype(np.float32)


class Store:
    """Arrays by row straight from a memory map, such as pixels.

    Args:
        array: (u, ...) memory-mapped.
        vary: varies a batch of training images; None to take them as they are.
    """

    def __init__(self, array: npt.NDArray[Any], vary: Vary | None = None) -> None:
        self._array = array
        self._vary = vary

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self._array)

    @property
    def is_varied(self) -> bool:
        """Whether training sees other arrays than these, other ones every epoch."""
        return self._vary is not None

    def take(self, rows: Rows) -> Batch:
        """Return the arrays of some rows."""
        return np.asarray(self._array[rows])

    def drawn(self, rows: Rows, epoch: int) -> Batch:
        """Return the arrays of some rows for training, varied where there is augmentation."""
        batch = self.take(rows)
        return batch if self._vary is None else self._vary(batch, rows, epoch)


def fits_in_memory(rows: int, width: int) -> bool:
    """Say whether (rows, width) float32 figures are few enough to be held: 256 MiB."""
    return 4 * rows * width <= _IN_MEMORY_BYTES


def filled(batch: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    """Fill a batch up to a size with its last row.

    Engines and graphs prepare for each new shape as long as for a hundred images.
    """
    missing = size - len(batch)
    return np.concatenate([batch, np.repeat(batch[-1:], missing, axis=0)]) if missing else batch
