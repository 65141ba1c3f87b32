"""What networks read by row: standardised feature columns, pixels, activations."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ..records import Rows
from .epochs import Batch

Matrix = npt.NDArray[np.float32]
# Images, their rows and the epoch's number → the images changed.
Vary = Callable[[npt.NDArray[np.uint8], Rows, int], npt.NDArray[np.uint8]]

_IN_MEMORY_BYTES = 256 * 2**20
_BLOCK = 2048


class Columns:
    """Chosen columns of a feature matrix, standardised by the training images' statistics.

    They are held in memory up to 256 MiB, and read from the memory map above.

    Args:
        matrix: (u, D) features, or (u, views, D) with `views` augmented views behind the first.
        columns: (width,) the columns to use.
        train: the rows that mean and variance are taken from; None to take features as they are.
    """

    def __init__(self, matrix: Matrix, columns: Rows, train: Rows | None) -> None:
        self._matrix = matrix
        self._columns = columns
        self.width = len(columns)
        self.mean = np.zeros(self.width, np.float32)
        self.variance = np.ones(self.width, np.float32)
        if train is not None:
            self.mean, self.variance = self._statistics(train)
        self._scale = 1 / np.sqrt(self.variance)
        self._held: Matrix | None = None
        if len(matrix) * self.width * 4 <= _IN_MEMORY_BYTES:
            self._held = self._read(np.arange(len(matrix)))

    def take(self, rows: Rows) -> Matrix:
        """Give the (b, width) standardised features of some rows."""
        return self._held[rows] if self._held is not None else self._read(rows)

    def drawn(self, rows: Rows, epoch: int, random: np.random.Generator) -> Matrix:
        """Give the features of some rows for training."""
        return self.take(rows)

    def _read(self, rows: Rows) -> Matrix:
        values = self._raw(rows)
        values -= self.mean
        values *= self._scale
        return values

    def _raw(self, rows: Rows) -> Matrix:
        # A slice of neighbouring columns is many times quicker than picking them one by one.
        first, last = int(self._columns[0]), int(self._columns[-1]) + 1
        if last - first == self.width:
            return np.array(self._matrix[rows, first:last])
        return np.asarray(self._matrix[rows])[:, self._columns]

    def _statistics(self, train: Rows) -> tuple[Matrix, Matrix]:
        """Give mean and variance, the latter floored as the head's own layer floors it."""
        total, squares = np.zeros(self.width), np.zeros(self.width)
        for start in range(0, len(train), _BLOCK):
            total += self._raw(train[start : start + _BLOCK]).sum(axis=0, dtype=np.float64)
        mean = total / len(train)
        for start in range(0, len(train), _BLOCK):
            squares += ((self._raw(train[start : start + _BLOCK]) - mean) ** 2).sum(axis=0)
        variance = squares / len(train)
        # Constant features would be divided by rounding noise: see zoo's `Normalization`.
        floor = 1e-6 * float(variance.mean()) or 1.0
        return mean.astype(np.float32), np.maximum(variance, floor).astype(np.float32)


class Store:
    """Arrays by row straight from a memory map: pixels, or activations at a cut.

    Args:
        array: (u, ...) memory-mapped.
        vary: varies a batch of training images; None to take them as they are.
    """

    def __init__(self, array: npt.NDArray[Any], vary: Vary | None = None) -> None:
        self._array = array
        self._vary = vary

    def take(self, rows: Rows) -> Batch:
        """Give the arrays of some rows."""
        return np.asarray(self._array[rows])

    def drawn(self, rows: Rows, epoch: int, random: np.random.Generator) -> Batch:
        """Give the arrays of some rows for training, varied where there is augmentation."""
        batch = self.take(rows)
        return batch if self._vary is None else self._vary(batch, rows, epoch)
