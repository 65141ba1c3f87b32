"""The images that models are judged on: which, of what classes, and what a model says of them."""

import hashlib
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ..data import counterpart, plain, shown_names, unit_numbers
from ..errors import DataError, ImageError, UsageError
from ..records import Index, Part, Predictions, Probabilities, Progress, Rows
from ..texts import shown
from ..tracking import Pulled, in_calls

AUTO = "auto"
ALL = "all"
Mask = npt.NDArray[np.bool_]


def choose_rows(index: Index, part: str) -> tuple[Rows, str]:
    """Return the rows of an index that are judged, and which they are, in words.

    Args:
        index: the data set.
        part: a part's name; `all`; or `auto`, which is test where the data set has such a part,
            and otherwise all.

    Raises:
        UsageError: the data set has no such part.
    """
    has_test = Part.TEST in index.parts
    if part == ALL or (part == AUTO and not has_test):
        return np.arange(len(index), dtype=np.int64), "all images"
    wanted = Part.TEST if part == AUTO else Part(part)
    rows = np.array([row for row, own in enumerate(index.parts) if own is wanted], dtype=np.int64)
    if not len(rows):
        has = sorted({str(each) for each in index.parts if each}) or ["no parts"]
        raise UsageError(f"--part {part}: {index.name} has no such part; it has {shown(has)}.")
    return rows, f"the part {wanted}"


def agree(
    index: Index, rows: Rows, ours: Sequence[str], given: Mapping[str, str]
) -> dict[str, str]:
    """Return the model's class for each class of the images that are judged.

    A class means the model's of the same name; else of the same name in another case, with other
    blanks or Unicode; else the one whose first words it alone shares, as in `adenocarcinoma` and
    `adenocarcinoma_left.lower.lobe`.

    Args:
        index: the data set.
        rows: the rows that are judged.
        ours: the model's classes.
        given: what a person says: the model's class by the data set's.

    Raises:
        UsageError: a class means none of the model's.
    """
    counts = Counter(index.classes[label] for label in index.labels[rows].tolist())
    said = {
        _named(theirs, index.classes, f"{index.name} has"): _named(own, ours, "the model knows")
        for theirs, own in given.items()
    }
    found = {
        name: said.get(name) or (name if name in ours else counterpart(name, ours, index.classes))
        for name in counts
    }
    lacking = [name for name, own in found.items() if own is None]
    if lacking:
        few = len(lacking) == len(found)
        raise UsageError(
            f"{'no class' if few else 'not every class'} of {index.name} is one of the model's: "
            f"{shown([f'{each} ({counts[each]} images)' for each in lacking])} is none of "
            f"{shown(ours)}; say which it means by --map {lacking[0]}=CLASS, or name the classes "
            "to judge by --classes."
        )
    return {name: own for name, own in found.items() if own is not None}


def _named(name: str, known: Sequence[str], who: str) -> str:
    """Return a class that a person names, as it is spelt."""
    found = [each for each in known if each == name] or [
        each for each in known if plain(each) == plain(name)
    ]
    if len(found) != 1:
        raise UsageError(f"--map: {who} no class {name!r}. There are: {shown(known)}.")
    return found[0]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Questions:
    """Images with the class that each is, in a model's words.

    Attributes:
        index: the data set.
        rows: n rows of the index.
        classes: the model's k class names.
        mapping: the model's class by the data set's.
        units: (n,) numbers of the sampling units.
        is_known: (n,) whether a model was trained or chosen on the image.
    """

    index: Index
    rows: Rows
    classes: tuple[str, ...]
    mapping: Mapping[str, str]
    is_known: Mask

    @property
    def hashes(self) -> tuple[str, ...]:
        """The n content digests."""
        return tuple(self.index.hashes[row] for row in self.rows)

    @property
    def paths(self) -> tuple[str, ...]:
        """The n paths."""
        return tuple(self.index.paths[row] for row in self.rows)

    @property
    def names(self) -> tuple[str, ...]:
        """The n names of the images as they are logged."""
        names = shown_names(self.index)
        return tuple(names[row] for row in self.rows)

    def where(self, mask: Mask) -> "Questions":
        """Return the images where an (n,) mask holds."""
        return replace(self, rows=self.rows[mask], is_known=self.is_known[mask])

    def table(self, classes: Sequence[str], probabilities: Probabilities) -> Predictions:
        """Return a model's answers as a prediction table, all of it of the part test.

        Args:
            classes: the model's classes, of which these are the columns.
            probabilities: (n, k).
        """
        place = {name: self.classes.index(own) for name, own in self.mapping.items()}
        names = [self.index.classes[label] for label in self.index.labels[self.rows].tolist()]
        units = unit_numbers(self.index, None)
        columns = [list(classes).index(name) for name in self.classes]
        return Predictions(
            classes=self.classes,
            hashes=self.hashes,
            paths=self.paths,
            parts=(Part.TEST,) * len(self.rows),
            labels=np.array([place[name] for name in names], dtype=np.int64),
            probabilities=probabilities[:, columns],
            is_copy=self.is_known,
            units=units[self.rows],
        )


def ask(
    pulled: Pulled, asked: Questions, progress: Progress
) -> tuple[Probabilities, dict[int, str]]:
    """Ask a model about images, a few at a time, each distinct content once.

    Returns:
        (n, k) probabilities in the order of the model's classes, and the reason by position for
        those that cannot be read, which have NaN.

    Raises:
        DataError: a file has changed since the index was read.
    """
    positions: dict[str, list[int]] = {}
    for position, sha256 in enumerate(asked.hashes):
        positions.setdefault(sha256, []).append(position)
    found = np.full((len(asked.rows), len(asked.classes)), np.nan)
    faults: dict[int, str] = {}
    progress.stage("answers", len(positions), "images")
    for hashes, stored in in_calls(_files(asked, positions, faults)):
        answers = pulled.classify(stored)
        errors = list(answers.pop("error"))
        said = answers.drop(columns="label").to_numpy(dtype=np.float64)
        for sha256, row, error in zip(hashes, said, errors, strict=True):
            found[positions[sha256]] = row
            if error:
                faults |= dict.fromkeys(positions[sha256], error)
        progress.advance(len(hashes))
    return found, faults


def _files(
    asked: Questions, positions: Mapping[str, Sequence[int]], faults: dict[int, str]
) -> Iterator[tuple[str, bytes]]:
    """Yield distinct images as files' bytes, by their digests; what cannot be read is a fault."""
    for sha256, places in positions.items():
        path = asked.index.paths[asked.rows[places[0]]]
        try:
            yield sha256, _file(asked.index.reader.read(path), sha256, path)
        except ImageError as error:
            faults |= dict.fromkeys(places, str(error))


def _file(stored: bytes | npt.NDArray[np.uint8], sha256: str, path: str) -> bytes:
    """Return an image as a file's bytes; pixels without a file become a PNG of the same pixels."""
    if not isinstance(stored, bytes):
        from PIL import Image

        file = io.BytesIO()
        pixels = stored[..., 0] if stored.ndim == 3 and stored.shape[-1] == 1 else stored
        Image.fromarray(pixels).save(file, format="PNG", compress_level=1)
        return file.getvalue()
    if hashlib.sha256(stored).hexdigest() != sha256:
        raise DataError(f"{path} has changed while it was being read; run again.")
    return stored
