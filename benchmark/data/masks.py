"""Pictures that stand beside images and are none of them: masks, heat maps, thumbnails.

A folder or a file is taken for such by its name, where images stand beside it; a folder below a
class also by its pixels, where its files have the names of images beside it and two grey values.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from ..errors import ImageError
from ..records import Picture
from ..texts import shown
from .decoding import read_native
from .fingerprints import read_file
from .tree import Folder

_SIGNS = frozenset(
    (
        *("mask", "masks", "seg", "segs", "segmentation", "segmentations", "segmented"),
        *("annotation", "annotations", "contour", "contours", "overlay", "overlays"),
        *("heatmap", "heatmaps", "gradcam", "thumb", "thumbs", "thumbnail", "thumbnails"),
        *("groundtruth", "gt", "bbox", "bboxes"),
    )
)
_PAIRS = ({"heat", "map"}, {"heat", "maps"}, {"ground", "truth"}, {"grad", "cam"})
_BESIDE = frozenset(
    (
        *("lung", "lungs", "heart", "lobe", "lobes", "infection", "infections", "lesion"),
        *("lesions", "left", "right", "manual", "binary", "image", "images", "img", "imgs"),
        *("png", "jpg", "and", "all"),
    )
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_MARKED = re.compile(
    rf"(.+)[\s._-]+(?:{'|'.join(sorted(_SIGNS))})|(?:{'|'.join(sorted(_SIGNS))})[\s._-]+(.+)"
)
_MOST_FOLDERS = 8  # chosen, not sourced: images and their masks are two or three, patients are many
_SAMPLE = 3
_NEAR = 8  # grey levels: what JPEG adds to an edge between two values
_FLAT = 0.98


class Beside:
    """Leaves aside what stands beside images, and says what.

    Args:
        wanted: class names that a person asked for, which are never left aside.
    """

    def __init__(self, wanted: Collection[str] = ()) -> None:
        self._wanted = {name.casefold() for name in wanted}
        self._folders: defaultdict[tuple[str, str], list[Folder]] = defaultdict(list)
        self._files: list[str] = []

    def level(self, folder: Folder) -> Folder:
        """Return a folder of parts or classes without the folders beside them that hold masks."""
        named = [each for each in folder.folders if self._is_named(each)]
        others = tuple(each for each in folder.folders if each not in named)
        if not (folder.files or any(each.images for each in others)):
            return folder
        self._leave(named, "by its name")
        return replace(folder, folders=others)

    def below(self, folder: Folder) -> Folder:
        """Return a class folder without what stands beside the images in it, at any depth."""
        kept = self._without_binary(self.level(folder))
        marked = _marked(kept.files)
        self._files += sorted(marked)
        files = tuple(name for name in kept.files if name not in marked)
        return replace(kept, folders=tuple(map(self.below, kept.folders)), files=files)

    def said(self) -> tuple[str, ...]:
        """Return what was left aside, a phrase a kind."""
        folders = [
            f"{sum(each.images for each in found)} pictures in {len(found)} folder(s) {name!r}, "
            f"{why}"
            for (name, why), found in sorted(self._folders.items())
        ]
        files = (
            [f"{len(self._files)} files named as masks of others ({shown(self._files, 2)})"]
            if self._files
            else []
        )
        return (*folders, *files)

    def _is_named(self, folder: Folder) -> bool:
        return is_of_masks(folder.name) and folder.name.casefold() not in self._wanted

    def _without_binary(self, folder: Folder) -> Folder:
        binary = [each for each in _twins(folder) if _is_binary(each)]
        if len(binary) == len(folder.folders):
            return folder
        self._leave(binary, "of two grey values and with the names of the images beside")
        return replace(folder, folders=tuple(each for each in folder.folders if each not in binary))

    def _leave(self, folders: Collection[Folder], why: str) -> None:
        for each in folders:
            if each.images:
                self._folders[each.name, why].append(each)


def is_of_masks(name: str) -> bool:
    """Whether a folder's name says of nothing but masks, heat maps, thumbnails or their like."""
    words = {word.lower() for word in _WORD.findall(name)} if name.isascii() else set()
    signs = set().union(words & _SIGNS, *(pair for pair in _PAIRS if pair <= words))
    return bool(signs) and words - signs <= _BESIDE


def _marked(names: Collection[str]) -> frozenset[str]:
    """Return the files that are named as the mask or thumbnail of another beside them."""
    stems = {Path(name).stem.lower(): name for name in names}
    signs = {stem: found for stem in stems if (found := _MARKED.fullmatch(stem))}
    others = stems.keys() - signs.keys()
    shorter = {re.sub(r"[\s._-]+[^\s._-]*$", "", stem) for stem in others}
    return frozenset(
        stems[stem]
        for stem, found in signs.items()
        if (found[1] or found[2]) in others or (found[1] or found[2]) in shorter
    )


def _twins(folder: Folder) -> Iterator[Folder]:
    """Yield the folders whose files have the names of files in another beside, or of its own."""
    if not 1 <= len(folder.folders) <= _MOST_FOLDERS:
        return
    sides = [{Path(name).stem for name in folder.files}]
    sides += [{path.stem for path in each.paths()} for each in folder.folders]
    for number, each in enumerate(folder.folders, start=1):
        own = sides[number]
        others = [side for place, side in enumerate(sides) if place != number]
        if own and any(len(own & side) * 5 >= len(own) * 4 for side in others):
            yield each


def _is_binary(folder: Folder) -> bool:
    """Whether the first pictures of a folder have two grey values at most, and one of them two."""
    counts = [_grey_values(path) for path in islice(folder.paths(), _SAMPLE)]
    return max(counts, default=0) == 2


def _grey_values(path: Path) -> int:
    """Return how many grey values a picture has, 3 for more than two or for no picture."""
    try:
        pixels = read_native(read_file(path), Picture(side_px=4096)).pixels
    except ImageError:
        return 3
    low, high = int(pixels.min()), int(pixels.max())
    if high - low <= 4 * _NEAR:  # a mask may be of 0 and 1, and a dark image is no mask
        return min(len(np.unique(pixels)), 3)
    near = (pixels <= low + _NEAR) | (pixels >= high - _NEAR)
    return 2 if np.mean(near) >= _FLAT else 3
