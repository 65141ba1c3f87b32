"""What networks read by row: feature columns, activations at a cut, pixels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..records import Rows
from ..seeds import generator
from ..zoo import Halves, floor_variance
from .engines import Images, Matrix, engine_named, filled
from .epochs import Batch
from .halving import halving

# Images, their rows and the epoch's number → the images changed.
Vary = Callable[[Images, Rows, int], Images]
Shape = tuple[int, ...]

_IN_MEMORY_BYTES = 256 * 2**20
_BLOCK = 2048
_FRONT_BATCH = 32


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

    def all_of(self, rows: Rows) -> Rows:
        """Return the rows of `matrix` with the views of n rows: all first views, then seconds."""
        images = len(self.matrix) // self.count
        found: Rows = np.concatenate(
            [view * images + self.places[rows] for view in range(self.count)]
        )
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
        self._images = len(matrix)
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

    @property
    def copies(self) -> int:
        """How many rows `with_views` has of an image."""
        return 1 + (self._views.count if self._views is not None else 0)

    def with_views(self, rows: Rows) -> Rows:
        """Return n rows and those of all their views, for `read`: `copies` times n."""
        if self._views is None:
            return rows
        return np.concatenate([rows, self._images + self._views.all_of(rows)])

    def read(self, rows: Rows) -> Matrix:
        """Return the (b, width) standardised features of rows and views of `with_views`."""
        if self._of_views is None:
            return self._own(rows)
        found = np.empty((len(rows), self.width), np.float32)
        is_view = rows >= self._images
        found[~is_view] = self._own(rows[~is_view])
        found[is_view] = self._of_views(rows[is_view] - self._images)
        return found

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
        blocks = np.split(train, range(_BLOCK, len(train), _BLOCK))
        for block in blocks:
            total += self._raw(matrix, block).sum(axis=0, dtype=np.float64)
        mean = total / len(train)
        for block in blocks:
            squares += ((self._raw(matrix, block) - mean) ** 2).sum(axis=0)
        variance = floor_variance(squares / len(train))
        return mean.astype(np.float32), variance.astype(np.float32)


class ImageRows:
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


class Passed(ImageRows):
    """What a front without weights makes of images, computed every time.

    Args:
        front: keras.Model from raw pixels.
        array: (u, ...) memory-mapped pixels.
    """

    def __init__(self, front: Any, array: npt.NDArray[Any]) -> None:
        super().__init__(array)
        self._front = front

    def take(self, rows: Rows) -> Batch:
        """Return the (b, ...) values of some rows; as many are passed at once."""
        import keras

        return keras.ops.convert_to_numpy(self._front(super().take(rows), training=False))


def fits_in_memory(rows: int, width: int) -> bool:
    """Say whether (rows, width) float32 figures are few enough to be held: 256 MiB."""
    return 4 * rows * width <= _IN_MEMORY_BYTES


class Shrunk:
    """What a front without weights makes of images, such as means over squares of pixels.

    It is computed when it is first asked for, and then held in memory, up to 256 MiB for all
    images; above that, and for varied images, it is computed every time.

    Args:
        front: keras.Model from raw pixels to (width,) values.
        pixels: the images.
    """

    def __init__(self, front: Any, pixels: ImageRows) -> None:
        self._front = front
        self._pixels = pixels
        shape = (len(pixels), int(front.output_shape[-1]))
        self._held = np.empty(shape, np.float32) if fits_in_memory(*shape) else None
        self._is_held = np.zeros(len(pixels), bool)

    def take(self, rows: Rows) -> Matrix:
        """Return the (b, width) values of some rows."""
        if self._held is None:
            return self._of(rows)
        missing = np.unique(rows[~self._is_held[rows]])
        if len(missing):
            self._held[missing] = self._of(missing)
            self._is_held[missing] = True
        found: Matrix = self._held[rows]
        return found

    def drawn(self, rows: Rows, epoch: int) -> Matrix:
        """Return the values of some rows for training, of varied images where there are any."""
        if not self._pixels.is_varied:
            return self.take(rows)
        return self._passed(self._pixels.drawn(rows, epoch))

    def _of(self, rows: Rows) -> Matrix:
        found = np.empty((len(rows), int(self._front.output_shape[-1])), np.float32)

        def compute(some: slice, _size: int) -> None:
            found[some] = self._passed(self._pixels.take(rows[some]))

        halving("pixels as they are read", len(rows), _FRONT_BATCH, compute)
        return found

    def _passed(self, images: Batch) -> Matrix:
        import keras

        values: Matrix = keras.ops.convert_to_numpy(self._front(images, training=False))
        return values


class AtCut:
    """What the tail of a backbone reads: activations at the cut and features from before it.

    Args:
        shapes: (h, w, c) of the maps at the cut, one for each scale.
        activations: (u, cells) memory-mapped, the maps of each image in a row.
        features: (u, D) of all images, `columns` of which come from taps before the cut.
        columns: none where no such tap is used.
        views: features of augmented views of the training images, None for none.
        varied: (count t, cells) activations of the same views in the same order, memory-mapped.
        fresh: varies images and passes them through the trunk; training then reads nothing else.
    """

    def __init__(
        self,
        shapes: Sequence[Shape],
        activations: Matrix,
        features: Matrix,
        columns: Rows,
        views: Views | None = None,
        varied: Matrix | None = None,
        fresh: "Fresh | None" = None,
    ) -> None:
        self._shapes = shapes
        self._own = (activations, features)
        self._columns = columns
        self._views = views
        self._varied = None if views is None or varied is None else (varied, views.matrix)
        self._fresh = fresh

    def take(self, rows: Rows) -> Batch:
        """Return the activations of some rows, with their earlier features where there are any."""
        return batch_of(self._read(self._own, rows), self._shapes)

    def drawn(self, rows: Rows, epoch: int) -> Batch:
        """Return the same for training: of the images, of views of them, or varied afresh."""
        if self._fresh is not None:
            return self._fresh.drawn(rows, epoch)
        found = self._read(self._own, rows)
        if self._views is not None and self._varied is not None:
            chosen = self._views.draw(rows, epoch)
            seen = chosen >= 0
            for own, view in zip(found, self._read(self._varied, chosen[seen]), strict=True):
                own[seen] = view
        return batch_of(found, self._shapes)

    def _read(self, source: tuple[Matrix, Matrix], rows: Rows) -> list[Matrix]:
        activations, matrix = source
        return [np.array(activations[rows]), np.asarray(matrix[rows])[:, self._columns]]


def batch_of(found: Sequence[Matrix], shapes: Sequence[Shape]) -> Batch:
    """Return what a tail reads: the maps at the cut, and early features where there are any.

    Args:
        found: (b, cells) maps of each image in a row, and (b, width) features, which may be none.
        shapes: of the maps.
    """
    flat, early = found
    stops = np.cumsum([np.prod(shape, dtype=int) for shape in shapes])[:-1]
    parts = np.split(flat, stops, axis=1)
    batch = [part.reshape(-1, *shape) for part, shape in zip(parts, shapes, strict=True)]
    batch += [early] if early.shape[1] else []
    return batch if len(batch) > 1 else batch[0]


class Fresh:
    """Yields what a tail reads of images that are varied afresh in every epoch.

    Nothing in the trunk is trained, so that no gradient goes there. It is passed in float32 by the
    engine that computed the activations at the cut, which has been found the quickest, and which
    gives the same on a further day: the choice is kept, not made again.

    Args:
        halves: of the backbone.
        engine: the name of who computed the activations.
        pixels: (u, side, side, channels) memory-mapped.
        vary: varies a batch of training images.
        batch: images in a training step.
    """

    def __init__(self, halves: Halves, engine: str, pixels: Images, vary: Vary, batch: int) -> None:
        trunk = halves.trunk
        self._engine = engine_named(engine, flatten_outputs(trunk, trunk.outputs))
        self._shapes = shapes_of(halves)
        self._pixels = pixels
        self._vary = vary
        self._batch = batch

    def drawn(self, rows: Rows, epoch: int) -> Batch:
        """Return activations of some rows' images as an epoch varies them, and early features."""
        images = self._vary(np.asarray(self._pixels[rows]), rows, epoch)
        found = self._engine.run(filled(images, self._batch))[: len(rows)]
        cells = sum(int(np.prod(shape)) for shape in self._shapes)
        return batch_of([found[:, :cells], found[:, cells:]], self._shapes)


def shapes_of(halves: Halves) -> list[Shape]:
    """Return the (h, w, c) of the maps at the cut, one for each scale."""
    return [tuple(border.shape[1:]) for border in halves.borders]


def flatten_outputs(trunk: Any, outputs: Sequence[Any]) -> Any:
    """Return a trunk with one output, a row an image: the maps at the cut, then the others."""
    import keras

    rows = [keras.layers.Flatten(dtype="float32")(output) for output in outputs]
    row = rows[0] if len(rows) == 1 else keras.layers.Concatenate(dtype="float32")(rows)
    return keras.Model(trunk.inputs, row)
