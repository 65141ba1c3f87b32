"""What training is given, and what it gives back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..cache import Cache
from ..data import Pixels
from ..errors import UsageError
from ..records import (
    Epoch,
    Labels,
    Params,
    ParamValue,
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
        predictions: what it says of val and test, as is `out_of_fold` before its temperature.
        spec: the spec of the network that was saved; `asked` the one that it was chosen by.
        out_of_fold: what networks of its recipe say of the images of train and val that they
            did not learn from, None where the run left no such answers.
    """

    digest: str
    arch: str
    network: Path
    predictions: Predictions
    spec: Spec
    asked: Spec
    out_of_fold: Predictions | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Examples:
    """Images of one part: their rows of the inputs, and their (n,) classes."""

    rows: Rows
    labels: Labels


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
        units: (n,) numbers of the sampling units, None for each row its own.
        taught: (n,) classes that training is told, None for the true ones.
        whole: in a fold of train and val, the split that the fold was made from, else None.
        seen: told the (n_val, k) probabilities after every epoch, before the epoch is reported.
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
    units: Labels | None = None
    taught: Labels | None = None
    whole: Split | None = None
    seen: Callable[[Probabilities], None] | None = None

    def pictures(self, part: Part) -> Rows:
        """Return the rows of `pixels` that a part's images have, in the part's order."""
        return self.pixels.rows([self.hashes[row] for row in self.split.rows(part)])

    def truth(self, part: Part) -> Labels:
        """Return the true classes of a part's images in the part's order; of train those taught."""
        is_taught = part is Part.TRAIN and self.taught is not None
        labels = self.taught if is_taught and self.taught is not None else self.labels
        return labels[self.split.rows(part)]

    def examples(self, part: Part) -> Examples:
        """Return a part's rows of the pixels (and of the features), and its classes."""
        return Examples(rows=self.pictures(part), labels=self.truth(part))

    @property
    def calibration_rows(self) -> Rows:
        """The rows of the index that an untrained backbone's batch statistics are taken from.

        In a fold of train and val they are the split's all the same, some of them held out: pixels
        without labels, which spares a pass of all images for each fold.
        """
        train = sorted(self._train.tolist(), key=lambda row: self.hashes[row])
        return np.asarray(train[:: max(1, len(train) // 32)][:32], np.int64)

    def probe_images(self) -> tuple[npt.NDArray[np.uint8], Labels]:
        """Return up to 64 images of train, spread over its classes and mixed, and their classes."""
        train = self._train
        rows = train[np.linspace(0, len(train) - 1, min(64, len(train))).astype(np.int64)]
        rows = np.random.default_rng(0).permutation(rows)
        places = self.pixels.rows([self.hashes[row] for row in rows])
        return self.pixels.array[places], self.labels[rows]

    @property
    def _train(self) -> Rows:
        """The training rows that are the same for a split and for every fold of it."""
        return (self.whole or self.split).train


def aligned(said: Predictions, material: Material, rows: Rows, what: str) -> Probabilities:
    """Return a member's (n, k) probabilities of rows of the index, found by content digests.

    Raises:
        UsageError: a member has other classes, or did not predict all of the images.
    """
    if said.classes != material.classes:
        raise UsageError(
            f"members must have the classes {', '.join(material.classes)}, "
            f"not {', '.join(said.classes)}."
        )
    place = {image: row for row, image in enumerate(said.hashes)}
    wanted = [material.hashes[row] for row in rows]
    missing = sum(image not in place for image in wanted)
    if missing:
        raise UsageError(
            f"members must have predicted all {len(wanted)} images of {what}; {missing} lack."
        )
    found: Probabilities = said.probabilities[[place[image] for image in wanted]]
    return found


def answers_out_of_fold(member: Member, material: Material, rows: Rows) -> Probabilities:
    """Return (n, k) probabilities of some rows by networks that did not learn from them.

    Raises:
        UsageError: the member left none, or not of all these images.
    """
    if member.out_of_fold is None:
        raise UsageError(
            f"the run of {member.arch} left no answers out of fold: run it with the same "
            "--rank-on cv:K first."
        )
    return aligned(member.out_of_fold, material, rows, "train and val")


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """A combination of alternatives at its best penalty.

    Attributes:
        params: the combination's values of all that was chosen among.
        l2: the best penalty, `log_loss` what it gave out of fold.
        standard_error: of the log loss, by groups of images.
        chosen: whether the head is this one.
    """

    params: Mapping[str, ParamValue]
    l2: float
    log_loss: float
    standard_error: float
    chosen: bool = False


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
        warnings: what should be known of it.
        params: the parameters as they were chosen, each with one value; None where nothing was.
        tried: the combinations that were chosen among, empty for none.
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
    params: Params | None = None
    tried: tuple[Considered, ...] = ()
