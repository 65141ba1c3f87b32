"""What is known of an architecture before any network is built: metadata only, no keras."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ..records import Params, ParamValue, Regime, Tunable


class Preprocessing(StrEnum):
    """What a bare backbone expects of its input, named as in `keras.applications`."""

    CAFFE = "caffe"  # BGR, less ImageNet's mean colour
    TF = "tf"  # x / 127.5 - 1
    TORCH = "torch"  # x / 255, less ImageNet's mean, over its standard deviation
    BUILTIN = "builtin"  # raw 0-255: the published network scales inside
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
    """A published ImageNet weight file for the backbone without its top.

    Attributes:
        name: Keras's own file name, as in its cache folder and as looked for in a folder.
        url: where Keras gets it.
        published_hash: MD5 (32 digits) or SHA-256 (64) as in Keras's source; empty where Keras
            publishes none (the MobileNets).
    """

    name: str
    url: str
    published_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """A recipe for a network.

    Attributes:
        name: its name in the catalog.
        family: `floor`, `mlp`, `cnn`, `mobilenet`, ..., `composite`.
        regimes: how it may be trained; the first is the default.
        native_side_px: the side its weights were trained at; 0 for any.
        smallest_side_px: the least side that it can be built for.
        preprocessing: what the bare backbone expects.
        keras_class: its name in `keras.applications`, empty for our own.
        taps: layers that features are taken from, shallow to deep; the last is the end. A tap is
            a layer's name or, for layers that Keras numbers afresh in each process,
            `CLASS#N`: the N-th operation of that class, from 1; `end` is the network's output.
        cuts: where fine-tuning may begin.
        weight_file: its published ImageNet weights, None where there are none.
        parameters: weights of the backbone without its top; of the whole default network, at the
            native side and four classes, where there is no backbone.
        gflops: floating-point operations for one image at the native side, in 1e9, counting a
            multiplication and its addition as two; convolutions and dense layers only.
        reference: authors, title, venue, year.
        doi: the reference's DOI; `doi_url` is its address.
        tunables: its network's parameters with defaults and ranges.
        tiny: parameters that make it as small as it can be, for tests.
    """

    name: str
    family: str
    regimes: tuple[Regime, ...]
    native_side_px: int = 0
    smallest_side_px: int = 1
    preprocessing: Preprocessing = Preprocessing.NONE
    keras_class: str = ""
    taps: tuple[str, ...] = ()
    cuts: tuple[Cut, ...] = ()
    weight_file: WeightFile | None = None
    parameters: int = 0
    gflops: float = 0.0
    reference: str
    doi: str
    tunables: tuple[Tunable, ...] = ()
    tiny: Params = field(default_factory=Params)

    @property
    def doi_url(self) -> str:
        """Where the reference can be read."""
        return f"https://doi.org/{self.doi}"

    @property
    def defaults(self) -> Params:
        """The network's parameters unless a person or a search says otherwise."""
        return Params({tunable.name: tunable.default for tunable in self.tunables})


def complete(tunables: Iterable[Tunable], params: Mapping[str, ParamValue]) -> Params:
    """Return the tunables' values: those in the parameters, otherwise the defaults.

    Raises:
        UsageError: a value's type, choice or range is wrong.
    """
    return Params({each.name: each.check(params.get(each.name, each.default)) for each in tunables})


def cuts_after(*, last_block: str, last_two_blocks: str, last_stage: str) -> tuple[Cut, ...]:
    """Return a family's cuts under the names that all families share."""
    return (
        Cut(name="last-block", layer=last_block),
        Cut(name="last-two-blocks", layer=last_two_blocks),
        Cut(name="last-stage", layer=last_stage),
    )
