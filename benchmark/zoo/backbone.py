"""A published backbone that takes raw pixels, with its preprocessing inside."""

from typing import Any

from ..errors import UsageError, WeightsError
from ..records import Picture
from ..seeds import derive
from .architecture import Architecture, Preprocessing
from .features import Backbone
from .graph import tensor_after
from .layers import pixel_input, three_channels
from .weights import Weights

# ImageNet's mean and standard deviation as `keras.applications.imagenet_utils` has them.
_CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)
_TORCH_MEAN_RGB = (0.485, 0.456, 0.406)
_TORCH_DEVIATION_RGB = (0.229, 0.224, 0.225)


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
        input_tensor=preprocess(three_channels(pixels), architecture.preprocessing),
        input_shape=(side, side, 3),
    )
    if weights.kind != "none":
        _load(bare, architecture, weights)
    maps = [tensor_after(bare, tap) for tap in architecture.taps]
    name = architecture.name.replace(":", "_")
    network = keras.Model(pixels, maps, name=name)
    return Backbone(architecture=architecture, network=network, taps=architecture.taps)


def check_side(architecture: Architecture, picture: Picture) -> None:
    """Refuse a side smaller than the architecture allows.

    Raises:
        UsageError: it is smaller.
    """
    if picture.side_px < architecture.smallest_side_px:
        raise UsageError(
            f"{architecture.name} needs a side of at least {architecture.smallest_side_px} px, "
            f"not {picture.side_px}; take a larger side or leave {architecture.name} out."
        )


def preprocess(pixels: Any, preprocessing: Preprocessing) -> Any:
    """Return raw RGB pixels as the bare backbone expects them, through stock layers only.

    The same as the `preprocess_input` beside the class in `keras.applications`.
    """
    import keras

    match preprocessing:
        case Preprocessing.TF:
            return keras.layers.Rescaling(1 / 127.5, offset=-1, name="preprocess")(pixels)
        case Preprocessing.TORCH:
            mean = [255 * each for each in _TORCH_MEAN_RGB]
            variance = [(255 * each) ** 2 for each in _TORCH_DEVIATION_RGB]
        case Preprocessing.CAFFE:
            pixels = keras.ops.flip(pixels, axis=-1)
            mean, variance = list(_CAFFE_MEAN_BGR), [1.0, 1.0, 1.0]
        case _:
            return pixels
    return keras.layers.Normalization(mean=mean, variance=variance, name="preprocess")(pixels)


def _load(bare: Any, architecture: Architecture, weights: Weights) -> None:
    path = weights.path or _fetch(architecture)
    try:
        bare.load_weights(str(path))
    except (ValueError, OSError, KeyError) as error:
        raise WeightsError(
            f"{path} does not hold the weights of {architecture.name}: {error}"
        ) from error
    if architecture.keras_class.startswith("EfficientNetB"):
        _mend_variance(bare)


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
