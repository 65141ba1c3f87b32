"""What a picture costs to decode beyond what its size tells, and whose turn it is."""

import threading
from contextlib import AbstractContextManager, nullcontext

from PIL import Image

from ..errors import ImageError

_LARGE = 16_000_000
_MOST_SCANS = 100  # chosen, not sourced: a progressive JPEG has about ten, and each costs a pass
_TILE_WIDTH, _TILE_LENGTH = 322, 323  # TIFF's tags
_one_large = threading.RLock()


def check_costs(image: Image.Image, data: bytes) -> None:
    """Refuse what would cost more than its size tells: stacks, scans without end, vast tiles.

    Raises:
        ImageError: it is one of these.
    """
    if getattr(image, "is_animated", False) and image.format != "MPO":
        tool = "tiffsplit" if image.format == "TIFF" else "magick FILE part-%d.png"
        raise ImageError(
            f"it holds several pictures; part them, for example with {tool}, and keep the one "
            "to classify."
        )
    if image.format in {"JPEG", "MPO"} and data.count(b"\xff\xda") > _MOST_SCANS:
        raise ImageError(f"it has more than {_MOST_SCANS} scans; save it again as a plain JPEG.")
    tags = getattr(image, "tag_v2", {})
    width, height = tags.get(_TILE_WIDTH, 1), tags.get(_TILE_LENGTH, 1)
    if width * height > max(_LARGE, image.width * image.height):
        raise ImageError(f"its tiles have {width} × {height} pixels; save it without tiles.")


def turn(width: int, height: int) -> AbstractContextManager[object]:
    """Let one large picture be worked on at a time, and small ones freely."""
    return _one_large if width * height > _LARGE else nullcontext()
