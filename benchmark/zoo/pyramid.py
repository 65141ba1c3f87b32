"""A backbone that sees a picture at several sizes at once, with one set of weights.

A finding has no fixed size on a scan, and a network trained on photographs answers to another
texture at each size it is shown. So the picture is also shown at a fraction of its side (an image
pyramid: Adelson et al. 1984, RCA Engineer 29-6), and the features of all sizes stand side by side.
"""

from typing import Any

from ..errors import UsageError
from ..records import Params, Picture, Tunable
from .architecture import Architecture
from .backbone import check_side
from .features import Backbone
from .layers import pixel_input

SCALES = Tunable(
    name="scales",
    default="1",
    about="shares of the side that the backbone sees the picture at, all of them together",
    choices=("1", "1+0.5", "1+0.75+0.5"),
)


def read_scales(params: Params) -> tuple[float, ...]:
    """Return the scales that parameters name, largest first; 1 alone where they name none."""
    return tuple(float(word) for word in str(params.get(SCALES.name, SCALES.default)).split("+"))


def check_scales(architecture: Architecture, picture: Picture, params: Params) -> None:
    """Refuse scales at which a picture is smaller than the architecture allows.

    Raises:
        UsageError: one is.
    """
    scales = read_scales(params)
    least = _side(picture, scales[-1])
    if len(scales) > 1 and least < architecture.smallest_side_px:
        raise UsageError(
            f"{architecture.name} needs a side of at least {architecture.smallest_side_px} px, and "
            f"scales={params.text(SCALES.name)} shows it {picture.side_px} px at {least} px too; "
            "take a larger side or fewer scales."
        )
    check_side(architecture, picture)


def see_at_scales(backbone: Backbone, picture: Picture, scales: tuple[float, ...]) -> Backbone:
    """Return a backbone of a picture of one side that sees it at several scales.

    Args:
        backbone: built for any side; its weights are shared, not copied.
        picture: the side and channels of what comes in.
        scales: shares of the side, 1 among them. Pictures are shrunk by bilinear resampling,
            which to a half of the side is the mean of four pixels.
    """
    import keras

    pixels = pixel_input(picture.channels, picture.side_px)
    maps: list[Any] = []
    for scale in scales:
        side = _side(picture, scale)
        shrunk = pixels
        if side != picture.side_px:
            shrunk = keras.layers.Resizing(side, side, name=f"shrink_to_{side}")(pixels)
        maps += backbone.network(shrunk)
    network = keras.Model(pixels, maps, name=f"{backbone.network.name}_pyramid")
    return Backbone(
        architecture=backbone.architecture, network=network, taps=backbone.taps, scales=scales
    )


def _side(picture: Picture, scale: float) -> int:
    return round(picture.side_px * scale)
