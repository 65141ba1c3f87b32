"""Overlays that show where in each picture the network's answer comes from."""

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ..data import fit, read_native, slug
from ..errors import UsageError
from ..evaluation import overlay, shown_size, write_overlay
from ..files import whole_file
from ..records import Probabilities
from ..tracking import Pulled
from ..zoo import Explained
from .results import writable


def check_folder(folder: Path) -> None:
    """See that overlays can be written to a folder, and that it holds none of others.

    Raises:
        UsageError: it holds something, or is no folder.
        StoreError: it cannot be written to.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            f"--explain must name a new or an empty folder, so that overlays of two calls are not "
            f"mixed up, and {str(folder)!r} is none."
        )
    writable(folder, "overlay")


class Overlays:
    """Draws an overlay for each image with an answer.

    Args:
        pulled: the model.
        folder: where they are written.
        count: how many images there are, for the width of the numbers in file names.

    Raises:
        UsageError: no place in a picture can be shown for this network.
    """

    def __init__(self, pulled: Pulled, folder: Path, count: int) -> None:
        if not pulled.network.is_file():
            raise UsageError(
                "--explain needs the Keras network, which a light version leaves out; name the "
                "version that it was made from."
            )
        self._explained = Explained.open(pulled.network)
        self._card = pulled.card
        self._folder = folder
        self._digits = len(str(count))
        if self._explained.silent:
            print(
                f"overlays: {self._explained.silent} of the network's members have no map of a "
                "picture, such as mlp, and no say in what is shown.",
                file=sys.stderr,
            )

    def draw(
        self,
        start: int,
        names: Sequence[str],
        stored: Sequence[bytes],
        probabilities: Probabilities,
    ) -> None:
        """Write the overlays of some images, for the class that each was given.

        Args:
            start: how many images came before, so that each name has its row's number.
            names: paths, as they are shown.
            stored: the files' bytes.
            probabilities: (n, k), NaN for an image without an answer, which gets none.

        Raises:
            StoreError: a file cannot be written.
        """
        rows = [row for row in range(len(names)) if not np.isnan(probabilities[row]).any()]
        if not rows:
            return
        pictures: list[Image.Image] = []
        pixels = []
        for row in rows:
            native = read_native(stored[row], self._card.picture)
            pictures.append(shown_size(native.pixels))
            pixels.append(fit(native, self._card.picture))
        classes = probabilities[rows].argmax(axis=1)
        heats = self._explained.heat(np.stack(pixels), classes.tolist())
        for row, picture, place, heat in zip(rows, pictures, classes, heats, strict=True):
            name = f"{start + row + 1:0{self._digits}}-{slug(Path(names[row]).stem)}.png"
            said = f"{self._card.classes[place]}, probability {probabilities[row, place]:.2f}"
            drawn = overlay(picture, heat, self._card.picture.fit)
            mark = "SYNTHETIC" if self._card.synthetic else ""
            with whole_file(self._folder / name) as part:
                write_overlay(drawn, part, f"Grad-CAM of {names[row]}: {said}", mark)
