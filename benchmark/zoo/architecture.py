"""What is known of an architecture before any network is built: metadata only, no keras."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ..errors import UsageError
from ..records import Params, ParamValue, Picture, Regime, Tunable

Build = Callable[[Any, int, Params], Any]
"""From the symbolic (n, side, side, channels) raw pixels, the number k of classes and a value for
each tunable to the symbolic (n, k) probabilities."""


class Preprocessing(StrEnum):
    """What a bare backbone expects of its input, named as in `keras.applications` where it can."""

    CAFFE = "caffe"  # BGR, less ImageNet's mean colour
    TF = "tf"  # x / 127.5 - 1
    TORCH = "torch"  # x / 255, less ImageNet's mean, over its standard deviation
    BUILTIN = "builtin"  # raw 0-255: the published network scales inside
    # BGR, less ImageNet's mean colour, over 255: `preprocess_input` of `imagenet_utils`, then
    # `rescale=1/255`, in the scripts that fine-tune RadImageNet's Keras files, such as
    # https://github.com/BMEII-AI/RadImageNet/blob/main/acl/acl_train.py (ImageDataGenerator
    # rescales last). What the files were trained with is written nowhere: issue 18 there.
    RADIMAGENET = "radimagenet"
    NONE = "none"  # not from keras.applications


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """Where fine-tuning may begin: everything behind the layer is trained.

    Attributes:
        name: `last-block`, `last-two-blocks` or `last-stage`, the same words in every family.
        layer: the layer whose output is the only way from the input to what lies behind it;
            written as a tap is, or `~SHARE`: the last such place within that share of the
            network's operations.
    """

    name: str
    layer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightFile:
    """A published weight file for the backbone without its top.

    Attributes:
        name: its published name, as in Keras's cache folder and as looked for in a folder.
        url: where Keras gets it; of others, the page that has it.
        published_hash: MD5 (32 digits) or SHA-256 (64) as in Keras's source; empty where its
            publisher gives none (Keras for the MobileNets, RadImageNet).
        publisher: who publishes it.
        preprocessing: what the weights expect of pixels, None for the architecture's own.
    """

    name: str
    url: str
    published_hash: str
    publisher: str = "Keras"
    preprocessing: Preprocessing | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """A recipe for a network.

    Attributes:
        name: its name in the catalog.
        family: `floor`, `mlp`, `cnn`, `mobilenet`, ..., `composite`.
        regimes: how it may be trained; the first is the default.
        build: what makes a whole network; None for backbones and composites.
        members: how many trained networks a composite is made of: 1 for exactly one, 2 for two or
            more; 0 for what is no composite.
        space: the search space, among `search_spaces/`, for training from scratch.
        native_side_px: the side its weights were trained at; 0 for any.
        smallest_side_px: the least side that it can be built for.
        preprocessing: what the bare backbone expects.
        keras_class: its name in `keras.applications`, empty for our own.
        taps: layers that features are taken from, shallow to deep; the last is the end. A tap is
            a layer's name or, for layers that Keras numbers afresh in each process,
            `CLASS#N`: the N-th operation of that class, from 1; `end` is the network's output.
        cuts: where fine-tuning may begin.
        explained: whose output Grad-CAM reads, the last in the picture's plane: written as taps
            are, or `<NAME` for what a layer takes. Empty where nothing learned keeps the plane,
            and of composites, of which their members are read.
        weight_file: its published ImageNet weights, None where there are none.
        further_weights: other published weights, known by their files' names.
        parameters: weights of the backbone without its top; of the whole default network, at the
            native side and four classes, where there is no backbone.
        gflops: floating-point operations for one image at the native side, in 1e9, counting a
            multiplication and its addition as two; convolutions and dense layers only.
        reference: authors, title, venue, year.
        doi: the reference's DOI.
        tunables: its network's parameters with defaults and ranges.
        recipe: defaults of its own for parameters of training from scratch.
        tiny: parameters that make it as small as it can be, for tests.
    """

    name: str
    family: str
    regimes: tuple[Regime, ...]
    build: Build | None = None
    members: int = 0
    space: str = "scratch"
    native_side_px: int = 0
    smallest_side_px: int = 1
    preprocessing: Preprocessing = Preprocessing.NONE
    keras_class: str = ""
    taps: tuple[str, ...] = ()
    cuts: tuple[Cut, ...] = ()
    explained: tuple[str, ...] = ()
    weight_file: WeightFile | None = None
    further_weights: tuple[WeightFile, ...] = ()
    parameters: int = 0
    gflops: float = 0.0
    reference: str
    doi: str
    tunables: tuple[Tunable, ...] = ()
    recipe: Params = field(default_factory=Params)
    tiny: Params = field(default_factory=Params)


def complete(tunables: Iterable[Tunable], params: Mapping[str, ParamValue]) -> Params:
    """Return the tunables' values: those in the parameters, otherwise the defaults.

    Raises:
        UsageError: a value's type, choice or range is wrong.
    """
    return Params({each.name: each.check(params.get(each.name, each.default)) for each in tunables})


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
