"""What training is given, and what it gives back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..cache import Cache
from ..data import Pixels
from ..records import (
    Epoch,
    Labels,
    Part,
    Predictions,
    Probabilities,
    Rows,
    Seconds,
    Spec,
    Split,
)
from ..zoo import Weights


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Member:
    """A finished run that a composite is made of.

    Attributes:
        digest: the digest of the member's spec; `arch` its architecture's name.
        network: the saved network, `model.keras`.
        predictions: what it says of val and test.
        spec: the member's own spec.
    """

    digest: str
    arch: str
    network: Path
    predictions: Predictions
    spec: Spec


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Material:
    """The images, classes, weights and members that a spec is trained on.

    Attributes:
        classes: k class names.
        labels: (n,) true classes, one for each row of the index.
        split: which rows are trained on, validated on and tested on.
        hashes: n content digests; they find a row's pixels.
        pixels: one picture for each distinct digest, memory-mapped.
        weights: what a backbone starts from.
        cache: where features and activations are kept.
        members: the runs that a composite is made of.
        scratch: a folder for checkpoints of long stages, None to keep none.
        groups: n keys of what must stay together in folds (patients, duplicates), or empty.
    """

    classes: tuple[str, ...]
    labels: Labels
    split: Split
    hashes: tuple[str, ...]
    pixels: Pixels
    weights: Weights
    cache: Cache
    members: tuple[Member, ...] = ()
    scratch: Path | None = None
    groups: tuple[str, ...] = ()

    def pictures(self, part: Part) -> Rows:
        """Give the rows of `pixels` that a part's images have, in the part's order."""
        return self.pixels.rows([self.hashes[row] for row in self.split.rows(part)])

    def truth(self, part: Part) -> Labels:
        """Give the true classes of a part's images, in the part's order."""
        return self.labels[self.split.rows(part)]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fitted:
    """A trained network and what is known of it.

    Attributes:
        network: a Keras model from raw (side, side, channels) pixels to k probabilities.
        history: its epochs in the order they were trained.
        val: (n_val, k) probabilities in the order of the split's rows, as is `test`; those that
            the board ranks on, so cross-fitted where the network was fitted on validation.
        own_val: the network's own where `val` is cross-fitted, otherwise None.
        seconds: the cost by stage.
        engine: who computed the features, `none` where there are none.
        facts: further facts worth a tag.
        warnings: what a person should know.
    """

    network: Any
    history: tuple[Epoch, ...]
    val: Probabilities
    test: Probabilities
    seconds: Seconds
    own_val: Probabilities | None = None
    engine: str = "none"
    facts: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
