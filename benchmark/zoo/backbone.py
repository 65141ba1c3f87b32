"""A published backbone that takes raw pixels, with its preprocessing inside.

It may see a picture at several sizes at once, with one set of weights. A finding has no fixed size
on a scan, and a network trained on photographs answers to another texture at each size it is shown.
So the picture is also shown at a fraction of its side (an image pyramid: Adelson et al. 1984, RCA
Engineer 29-6), and the features of all sizes stand side by side.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..environment import release_memory
from ..errors import UsageError, WeightsError
from ..records import Params, Picture
from ..seeds import derive
from .architecture import Architecture, Preprocessing, check_side
from .cuts import tensor_after
from .features import SCALES, Backbone, shares_in
from .layers import pixel_input, shrink, three_channels
from .stock import apply, of_stock_layers
from .weight_files import Weight, read_layers
from .weights import Weights

# ImageNet's mean and standard deviation as `keras.applications.imagenet_utils` has them.
_CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)
_TORCH_MEAN_RGB = (0.485, 0.456, 0.406)
_TORCH_DEVIATION_RGB = (0.229, 0.224, 0.225)

_CALIBRATION_SIDE_PX = 96
# Keras holds every activation to the end of a pass: 1.5 GiB of EfficientNetV2L.
_CALIBRATION_IMAGES = 16


def build_backbone(
    architecture: Architecture,
    picture: Picture,
    weights: Weights,
    seed: int,
    *,
    any_side: bool = False,
) -> Backbone:
    """Build a backbone from raw 0-255 pixels to the maps at its taps.

    Sets the seed of Python's, NumPy's and the backend's generators.

    Args:
        architecture: one with a `keras_class`.
        picture: the side and the channels; a single channel is repeated inside.
        weights: from `resolve_weights`; a file not yet in Keras's cache is fetched here.
        seed: the same seed gives the same random weights.
        any_side: whether it takes pictures of other sides too.

    Raises:
        UsageError: the side is smaller than the architecture allows, or it has no backbone.
        WeightsError: the weight file does not fit, or cannot be fetched.
    """
    import keras

    if not architecture.keras_class:
        raise UsageError(f"{architecture.name} has no backbone; it is built as a whole network.")
    check_side(architecture, picture)
    keras.utils.set_random_seed(derive(seed, "backbone", architecture.name))
    side = None if any_side else picture.side_px
    pixels = pixel_input(picture.channels, side)
    bare = getattr(keras.applications, architecture.keras_class)(
        include_top=False,
        weights=None,
        input_tensor=preprocess(
            three_channels(pixels), weights.preprocessing or architecture.preprocessing
        ),
        input_shape=(side, side, 3),
    )
    if weights.kind != "none":
        _load(bare, architecture, weights)
    bare = of_stock_layers(bare)
    maps = [tensor_after(bare, tap) for tap in architecture.taps]
    name = architecture.name.replace(":", "_")
    network = keras.Model(bare.inputs[0], maps, name=name)
    return Backbone(architecture=architecture, network=network, taps=architecture.taps)


def preprocess(pixels: Any, preprocessing: Preprocessing) -> Any:
    """Return raw RGB pixels as the bare backbone expects them, through stock layers only.

    The same as the `preprocess_input` beside the class in `keras.applications`, but RadImageNet's.
    """
    import keras
    from keras.src.ops.numpy import Flip  # keras.ops.flip(pixels) would not load from .h5

    match preprocessing:
        case Preprocessing.TF:
            return keras.layers.Rescaling(1 / 127.5, offset=-1, name="preprocess")(pixels)
        case Preprocessing.TORCH:
            mean = [255 * each for each in _TORCH_MEAN_RGB]
            variance = [(255 * each) ** 2 for each in _TORCH_DEVIATION_RGB]
        case Preprocessing.CAFFE | Preprocessing.RADIMAGENET:
            pixels = apply(Flip(axis=-1, name="flip"), pixels, "bgr")
            scale = 255.0 if preprocessing is Preprocessing.RADIMAGENET else 1.0
            mean, variance = list(_CAFFE_MEAN_BGR), [scale**2] * 3
        case _:
            return pixels
    return keras.layers.Normalization(mean=mean, variance=variance, name="preprocess")(pixels)


def _load(bare: Any, architecture: Architecture, weights: Weights) -> None:
    path = weights.path or Path(_fetch(architecture))
    try:
        layers = read_layers(path, architecture.parameters)
        if layers:
            _assign(bare, layers)
        else:  # Keras 3's own layout
            bare.load_weights(str(path))
    except (ValueError, OSError, RuntimeError, KeyError) as error:
        raise WeightsError(
            f"{path} does not hold the weights of {architecture.name}: {error}"
        ) from error
    if architecture.keras_class.startswith("EfficientNetB"):
        _mend_variance(bare)


def _assign(bare: Any, layers: Sequence[Sequence[Weight]]) -> None:
    """Give a network's layers their weights in order, or all of them out of a single layer.

    Raises:
        ValueError: there are other layers, or weights of another shape.
    """
    own = [layer for layer in bare.layers if layer.weights]
    for layer, values in zip([bare] if len(layers) == 1 else own, layers, strict=True):
        # Keras 2 saved first what is trained, then statistics; of a frozen network, by its layers.
        orders = ([*layer.trainable_weights, *layer.non_trainable_weights], layer.weights)
        shapes = [value.shape for value in values]
        fitting = (order for order in orders if [each.shape for each in order] == shapes)
        variables = next(fitting, None)
        if variables is None:
            raise ValueError(f"the weights of {layer.name} have other shapes there")
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        if hasattr(layer, "finalize_state"):
            layer.finalize_state()


def _mend_variance(bare: Any) -> None:
    """Divide by the deviation rather than its root.

    The published EfficientNetB* files hold standard deviations where the Normalization layer wants
    variances. Keras mends this with one more layer, but only under `weights="imagenet"`, not for
    a file: https://github.com/keras-team/keras/blob/v3.15.1/keras/src/applications/efficientnet.py
    """
    import keras

    (layer,) = (each for each in bare.layers if isinstance(each, keras.layers.Normalization))
    layer.adapt_variance.assign(layer.adapt_variance * layer.adapt_variance)
    layer.finalize_state()


def _fetch(architecture: Architecture) -> str:
    import keras

    file = architecture.weight_file
    assert file is not None
    try:
        found = keras.utils.get_file(
            file.name, file.url, cache_subdir="models", file_hash=file.published_hash or None
        )
    except Exception as error:  # Keras raises a bare Exception where a download fails
        raise WeightsError(f"{file.url} cannot be fetched: {error}") from error
    return str(found)


def calibrate(backbone: Backbone, pixels: npt.NDArray[np.uint8]) -> None:
    """Set every batch normalisation's mean and variance from a sample of training images.

    Untouched statistics (mean 0, variance 1) let the activations of a deep random network
    vanish or grow without bound: EfficientNetV2L then gives the same output for every image. Not
    for pretrained weights. The same sample gives the same statistics.

    Args:
        backbone: changed in place.
        pixels: (n, side, side, channels) raw pixels; the first 16 are used, thinned to about
            96 px, for one pass keeps every activation in memory and a channel's statistics
            hardly depend on the side.
    """
    import keras

    norms = _layers(backbone.network, keras.layers.BatchNormalization)
    if not norms:
        return
    least = max(_CALIBRATION_SIDE_PX, backbone.architecture.smallest_side_px)
    step = max(1, pixels.shape[1] // least)
    sample = np.ascontiguousarray(pixels[:_CALIBRATION_IMAGES, ::step, ::step]).astype("float32")
    dropouts = _layers(backbone.network, keras.layers.Dropout)
    # A pass in training mode takes the batch's statistics over, whole, and drops nothing.
    with _having(norms, momentum=0.0, trainable=True), _having(dropouts, rate=0.0):
        backbone.network.call(keras.ops.convert_to_tensor(sample), training=True)
    release_memory()


def _layers(network: Any, kind: type) -> list[Any]:
    nested = network._flatten_layers(include_self=False, recursive=True)  # noqa: SLF001
    return [layer for layer in nested if isinstance(layer, kind)]


@contextmanager
def _having(layers: Sequence[Any], **values: Any) -> Iterator[None]:
    """Set attributes of layers, and set them back."""
    kept = [(layer, name, getattr(layer, name)) for layer in layers for name in values]
    for layer, name, _ in kept:
        setattr(layer, name, values[name])
    yield
    for layer, name, value in kept:
        setattr(layer, name, value)


def check_scales(architecture: Architecture, picture: Picture, params: Params) -> None:
    """Refuse scales at which a picture is smaller than the architecture allows.

    Raises:
        UsageError: one is.
    """
    least = _side(picture, shares_in(params)[0])
    if least < min(architecture.smallest_side_px, picture.side_px):
        raise UsageError(
            f"{architecture.name} needs a side of at least {architecture.smallest_side_px} px, and "
            f"scales={params.text(SCALES.name)} shows it {picture.side_px} px at {least} px too; "
            "take a larger side or fewer scales."
        )
    check_side(architecture, picture)


def see_at_scales(backbone: Backbone, picture: Picture, scales: tuple[float, ...]) -> Backbone:
    """Return a backbone of a picture of one side that sees it at some scales.

    Args:
        backbone: built for any side; its weights are shared, not copied.
        picture: the side and channels of what comes in.
        scales: shares of the side.
    """
    import keras

    pixels = pixel_input(picture.channels, picture.side_px)
    maps = [each for scale in scales for each in backbone.network(shrink(pixels, scale))]
    network = keras.Model(pixels, maps, name=f"{backbone.network.name}_pyramid")
    return replace(backbone, network=network, scales=scales, inner=backbone.network)


def _side(picture: Picture, scale: float) -> int:
    return round(picture.side_px * scale)
