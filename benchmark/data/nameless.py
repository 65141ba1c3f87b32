"""Images without their files' names: those may say who the patient is, and a store is passed on.

In what is logged an image is named by its content: the first digits of its SHA-256, with a number
behind them where another file holds the same. Who has the data set finds it again by that, in the
results' `split.csv` among others. Images that a program drew keep their names.
"""

import csv
import io
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..records import Index, Reader
from .audit import Audit

_DIGITS = 16  # chosen, not sourced: of a million images two share them by a chance of 3e-8


def shown_names(index: Index) -> tuple[str, ...]:
    """Return the name of each image of an index as it is logged: no two are the same."""
    if index.synthetic:
        return index.paths
    seen: Counter[str] = Counter()
    found = []
    for sha256 in index.hashes:
        short = sha256[:_DIGITS]
        seen[short] += 1
        found.append(short if seen[short] == 1 else f"{short}-{seen[short]}")
    return tuple(found)


class NamedReader:
    """Reads the images of an index by the names that are logged, and by their own.

    Runs of before 0.2 were logged with their files' names.
    """

    def __init__(self, index: Index) -> None:
        self._reader: Reader = index.reader
        self._paths = dict(zip(shown_names(index), index.paths, strict=True))

    def read(self, path: str) -> bytes | npt.NDArray[np.uint8]:
        """Return what is stored for an image.

        Raises:
            ImageError: nothing readable stands there.
        """
        known = self._paths.get(path) or self._paths.get(path.partition("-")[0])
        return self._reader.read(known or path)


def named_again(split: str, index: Index) -> str:
    """Return a split's file as it was logged with the images' own paths in it."""
    paths = dict(zip(shown_names(index), index.paths, strict=True))
    header, *lines = csv.reader(io.StringIO(split, newline=""))
    at = header.index("path")
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows([*line[:at], paths.get(line[at], line[at]), *line[at + 1 :]] for line in lines)
    return out.getvalue()


def without_names(found: Audit, index: Index) -> Audit:
    """Return an audit whose images bear the names that are logged."""
    if index.synthetic:
        return found
    names = dict(zip(index.paths, shown_names(index), strict=True))
    names |= {each.path: "a file that cannot be read" for each in index.left_out}
    findings = [
        replace(
            each,
            summary=hidden(each.summary, index),
            files=tuple(names.get(path, "an image") for path in each.files),
            groups=tuple(
                tuple(names.get(path, "an image") for path in group) for group in each.groups
            ),
            figures=_without_names(each.figures, index),
        )
        for each in found.findings
    ]
    return replace(found, findings=tuple(findings))


def _without_names(
    figures: Mapping[str, int | float | str], index: Index
) -> dict[str, int | float | str]:
    return {hidden(name, index): value for name, value in figures.items()}


def renamed(text: str, index: Index) -> str:
    """Return a text in which every image of an index is called as it is logged."""
    if index.synthetic:
        return text
    names = zip(index.paths, shown_names(index), strict=True)
    for path, name in sorted(names, key=lambda pair: -len(pair[0])):  # one may end in another
        text = text.replace(path, name)
    return hidden(text, index)


def hidden(text: str, index: Index) -> str:
    """Return a text without the names of images that were left out, which it may quote."""
    if index.synthetic:
        return text
    for each in index.left_out:
        for name in (each.path, each.path.rpartition("/")[2]):
            text = text.replace(repr(name), "a file").replace(name, "a file")
    return text
