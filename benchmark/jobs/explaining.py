"""Where the networks of a board looked, drawn over the pictures of a report."""

import io
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from .. import environment
from ..data import Pixels
from ..errors import BenchmarkError, UsageError
from ..evaluation import overlay, shown_size
from ..records import Picture, Record
from ..report import Maps
from ..tracking import Tracker
from ..zoo import Explained

_SIDE_PX = 150  # as wide as the page shows it
_QUALITY = 85  # chosen, not sourced: of JPEG; a hundred maps then take half a megabyte


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanations:
    """Draws Grad-CAM maps by the runs' own networks; called as `Dossier.maps` is.

    Attributes:
        tracker: where the networks are.
        pixels: the images, as decoding gave them.
        picture: how they were decoded.
    """

    tracker: Tracker
    pixels: Pixels
    picture: Picture

    def __call__(self, record: Record, called: Mapping[str, int]) -> Maps:
        """Return JPEG files of some images, by content digest, with what speaks for a class.

        Args:
            record: the run whose network is asked.
            called: the place of the class, by the image's digest.

        Returns:
            The maps, and where there are none why.
        """
        known = set(self.pixels.hashes)
        hashes = [each for each in called if each in known]
        if not hashes or record.final.picture != self.picture:
            return {}, ""
        try:
            with environment.without_chatter():
                explained = Explained.open(self.tracker.network_path(record))
        except UsageError:
            return {}, "Its network has no map of a picture, so that nothing says where it looked."
        except BenchmarkError:
            return {}, "Its network is gone: nothing can say where it looked."
        seen = np.stack([self.pixels.array[row] for row in self.pixels.rows(hashes)])
        heats = explained.heat(seen, [called[each] for each in hashes])
        drawn = zip(hashes, seen, heats, strict=True)
        said = "Beside each picture is what spoke for the class it was given (Grad-CAM)."
        return {sha256: _drawn(pixels, heat) for sha256, pixels, heat in drawn}, said


def _drawn(pixels: np.ndarray, heat: np.ndarray) -> bytes:
    plain = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
    image = overlay(shown_size(plain), heat, "stretch")  # both are the square that was seen
    image.thumbnail((_SIDE_PX, _SIDE_PX), Image.Resampling.BILINEAR)
    held = io.BytesIO()
    image.save(held, format="JPEG", quality=_QUALITY)
    return held.getvalue()
