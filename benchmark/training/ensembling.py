"""Composites of runs already done, at no further pass over the images where none is needed."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..environment import seconds
from ..errors import UsageError
from ..metrics import LEAST_IN_TRAINING, log_loss, measure
from ..records import (
    Labels,
    Part,
    Probabilities,
    Progress,
    Regime,
    Rows,
    Seconds,
    Silent,
    Spec,
)
from ..seeds import derive
from ..zoo import (
    ARCHITECTURES,
    average_network,
    chained_network,
    logits_network,
    select,
    stacked_network,
    without_temperature,
)
from .engines import Matrix
from .epochs import TrainingStage
from .folds import fitting_folds
from .halving import halving
from .heads import Head, settings_of, train_head
from .inputs import Columns
from .kept_features import kept_features
from .material import Fitted, Material, Member, aligned, answers_out_of_fold

Stacked = npt.NDArray[np.float64]  # (m, n, k): members, images, classes
Predict = Callable[[Stacked], Probabilities]
Answer = Callable[[Material], Probabilities]  # of the images held out of a fold

ROUNDS = 50  # chosen, not sourced: weights in steps of 2 %
FOLDS = 5
# chosen, not sourced: a small validation part, and several correlated inputs a class.
STRENGTH = 0.1
LEAST_PROBABILITY = 1e-7  # float32's resolution near 1: what the network itself can tell from 0


def train_composite(spec: Spec, material: Material, progress: Progress) -> Fitted:
    """Combine finished runs.

    The validation probabilities of a fitted combination are cross-fitted: each image's come from
    a combination that never saw it. The network itself is fitted on all of validation.

    Raises:
        UsageError: there are fewer members than it takes.
    """
    if ARCHITECTURES[spec.arch].members == 1:
        return train_chained(spec, material, progress)
    if len(material.members) < 2:
        raise UsageError(
            f"{spec.arch} needs at least 2 finished members, not {len(material.members)}."
        )
    began = seconds()
    progress.stage("combine", total=1)
    fit = _FIT[spec.arch]
    members, labels = _stacked(material, Part.VAL), material.truth(Part.VAL)
    combination = fit(members, labels)
    own = val = combination.predict(members)
    if fit is not _fit_mean:
        folds = _folds(spec, material)
        val = cross_fit(members, labels, folds, lambda some, truth: fit(some, truth).predict)
    test = combination.predict(_stacked(material, Part.TEST))
    network = combination.network(material.members)
    progress.advance()
    took = seconds() - began
    return Fitted(
        network=network,
        history=(),
        val=val,
        test=test,
        own_val=own,
        seconds=Seconds(head=took, wall=took),
        facts={
            "members": ",".join(each.arch for each in material.members),
            **combination.facts(material.members),
        },
    )


def composite_in_folds(spec: Spec, material: Material) -> Answer:
    """Return what answers for the images held out of a fold, from members' answers out of fold.

    A combination that is fitted is fitted on the answers for the images that the fold learns from.

    Raises:
        UsageError: a member left no such answers.
    """
    if ARCHITECTURES[spec.arch].members == 1:
        return chained_in_folds(spec, material)

    def of_members(rows: Rows) -> Stacked:
        return np.stack([answers_out_of_fold(each, material, rows) for each in material.members])

    def answer(fold: Material) -> Probabilities:
        learnt = np.concatenate([fold.split.train, fold.split.val])
        combination = _FIT[spec.arch](of_members(learnt), fold.labels[learnt])
        return combination.predict(of_members(fold.split.test))

    return answer


def _stacked(material: Material, part: Part) -> Stacked:
    """Return (m, n, k) probabilities of a part in the split's order, a class alike in all."""
    rows = material.split.rows(part)
    return np.stack(
        [aligned(each.predictions.part(part), material, rows, part) for each in material.members]
    )


def _folds(spec: Spec, material: Material) -> list[tuple[Rows, Rows]]:
    """Return folds of the validation images; what must stay together is on one side."""
    keys, rows = material.groups or material.hashes, material.split.val
    return fitting_folds(material.labels[rows], [keys[row] for row in rows], FOLDS, spec.seed)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WeightedMean:
    """A mean of members' probabilities.

    Attributes:
        weights: (m,), together 1.
        equal: whether all are the same by definition.
    """

    weights: npt.NDArray[np.float64]
    equal: bool = False

    def predict(self, members: Stacked) -> Probabilities:
        """Return the (n, k) weighted mean of (m, n, k) probabilities."""
        found: Probabilities = np.tensordot(self.weights, members, axes=1)
        return found

    def network(self, members: Sequence[Member]) -> Any:
        """Build the mean of those members' networks that have a weight: others only cost time."""
        if self.equal:
            return average_network(_networks(members))
        used = np.flatnonzero(self.weights)
        networks = _networks([members[place] for place in used.tolist()])
        return average_network(networks, self.weights[used].tolist())

    def facts(self, members: Sequence[Member]) -> dict[str, str]:
        """Return the weights by member."""
        if self.equal:
            return {}
        named = zip(members, self.weights, strict=True)
        return {"weights": ",".join(f"{each.arch}={weight:.2f}" for each, weight in named)}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MetaLearner:
    """A multinomial logistic regression over members' log-probabilities.

    Attributes:
        kernel: (m k, k) weights, members in order and classes within a member.
        bias: (k,).
    """

    kernel: npt.NDArray[np.float64]
    bias: npt.NDArray[np.float64]

    def predict(self, members: Stacked) -> Probabilities:
        """Return (n, k) probabilities from (m, n, k) ones."""
        from scipy.special import softmax

        logits = log_probabilities(members) @ self.kernel + self.bias
        found: Probabilities = softmax(logits, axis=1)
        return found

    def network(self, members: Sequence[Member]) -> Any:
        """Build the members' networks under the regression."""
        return stacked_network(_networks(members), self.kernel, self.bias)

    def facts(self, _members: Sequence[Member]) -> dict[str, str]:
        """Return nothing."""
        return {}


def log_probabilities(members: Stacked) -> npt.NDArray[np.float64]:
    """Return (n, m k) logarithms, members in order and classes within a member."""
    logs = np.log(np.maximum(members, LEAST_PROBABILITY))
    return np.transpose(logs, (1, 0, 2)).reshape(members.shape[1], -1)


def select_weights(members: Stacked, labels: Labels) -> npt.NDArray[np.float64]:
    """Choose (m,) weights that sum to 1 by forward selection with replacement.

    Each round adds the member that lowers the mean's log-loss most (Caruana et al. 2004,
    doi:10.1145/1015330.1015432). Log-loss, not F1: on some dozen images F1 is a coarse staircase.
    The best round counts, so that a single member may win.
    """
    total = np.zeros(members.shape[1:])
    counts = np.zeros(len(members))
    best_loss, best = np.inf, counts
    for number in range(1, ROUNDS + 1):
        losses = [
            log_loss(labels, (total + member) / number, LEAST_IN_TRAINING) for member in members
        ]
        chosen = int(np.argmin(losses))
        total = total + members[chosen]
        counts[chosen] += 1
        if losses[chosen] < best_loss - 1e-12:
            best_loss, best = losses[chosen], counts.copy()
    weights: npt.NDArray[np.float64] = best / best.sum()
    return weights


def fit_meta_learner(members: Stacked, labels: Labels) -> MetaLearner:
    """Fit a logistic regression to members' log-probabilities (Wolpert 1992)."""
    from sklearn.linear_model import LogisticRegression

    inputs = log_probabilities(members)
    classes = members.shape[2]
    centre, scale = inputs.mean(axis=0), np.maximum(inputs.std(axis=0), 1e-6)
    model = LogisticRegression(C=STRENGTH, max_iter=2000).fit((inputs - centre) / scale, labels)
    kernel = np.zeros((inputs.shape[1], classes))
    # A class that no image has: so unlikely that it is never chosen.
    bias = np.full(classes, np.log(LEAST_PROBABILITY))
    if len(model.classes_) == 2:  # one row for the second class against the first
        kernel[:, model.classes_[1]] = model.coef_[0] / scale
        bias[model.classes_] = [0.0, model.intercept_[0] - centre @ (model.coef_[0] / scale)]
    else:
        kernel[:, model.classes_] = (model.coef_ / scale).T
        bias[model.classes_] = model.intercept_ - (model.coef_ / scale) @ centre
    return MetaLearner(kernel=kernel, bias=bias)


Combination = WeightedMean | MetaLearner


def _fit_mean(some: Stacked, _truth: Labels) -> Combination:
    return WeightedMean(weights=np.full(len(some), 1 / len(some)), equal=True)


def _fit_weights(some: Stacked, truth: Labels) -> Combination:
    return WeightedMean(weights=select_weights(some, truth))


_FIT: dict[str, Callable[[Stacked, Labels], Combination]] = {
    "ensemble": _fit_mean,
    "weighted-ensemble": _fit_weights,
    "stacked": fit_meta_learner,
}


def _networks(members: Sequence[Member]) -> list[Any]:
    """Load members' saved networks, without their temperatures: a composite has its own."""
    import keras

    loaded = [keras.models.load_model(member.network, compile=False) for member in members]
    return [without_temperature(network) for network in loaded]


def cross_fit(
    members: Stacked,
    labels: Labels,
    folds: Iterable[tuple[Rows, Rows]],
    fit: Callable[[Stacked, Labels], Predict],
) -> Probabilities:
    """Predict each image by a combination that was fitted without it.

    Folds are (rest, held) rows that cover each image once; groups are never on both sides.
    """
    found = np.zeros(members.shape[1:])
    for rest, held in folds:
        found[held] = fit(members[:, rest], labels[rest])(members[:, held])
    return found


def train_chained(spec: Spec, material: Material, progress: Progress) -> Fitted:
    """Train a second dense head over the best member's logits.

    Raises:
        UsageError: there is no member.
    """
    if not material.members:
        raise UsageError("chained needs a finished member, and there is none.")
    began = seconds()
    member = best_member(material.members)
    (network,) = _networks([member])
    logits = _logits(member, network, material, progress)
    progress.stage("head", total=spec.epochs, unit="epochs")
    head = _head_over(logits, spec, material, progress)
    val, test = (head.predict(material.pictures(part)) for part in (Part.VAL, Part.TEST))
    took = seconds() - began
    standing = head.standing(len(material.classes))
    return Fitted(
        network=chained_network(network, standing),
        history=head.trained.history,
        val=val,
        test=test,
        seconds=Seconds(head=took, wall=took),
        facts={"members": member.arch},
    )


def chained_in_folds(spec: Spec, material: Material) -> Answer:
    """Return what answers for the images held out of a fold, from the member's answers out of fold.

    In place of logits the second head reads the logarithms of those answers: they differ by a
    number an image, and no network is needed for them.

    Raises:
        UsageError: the member left no such answers.
    """
    rows = np.concatenate([material.split.train, material.split.val])
    answers = answers_out_of_fold(best_member(material.members), material, rows)
    logs = np.zeros((len(material.pixels.array), len(material.classes)), np.float32)
    places = material.pixels.rows([material.hashes[row] for row in rows])
    logs[places] = log_probabilities(answers[None])
    return lambda fold: _head_over(logs, spec, fold, Silent()).predict(fold.pictures(Part.TEST))


def _head_over(logits: Matrix, spec: Spec, material: Material, progress: Progress) -> Head:
    """Train the second head over the (u, k) logits of all images."""
    classes = len(material.classes)
    return train_head(
        Columns(logits, np.arange(classes), material.pictures(Part.TRAIN)),
        spec.params,
        material.examples(Part.TRAIN),
        material.examples(Part.VAL),
        settings_of(spec, material),
        classes=classes,
        stage=TrainingStage(name="head", seed=derive(spec.seed, "chained"), report=progress.epoch),
    )


def best_member(members: tuple[Member, ...]) -> Member:
    """Return the member with the greatest validation macro-F1, by loss where that is a tie."""

    def standing(member: Member) -> tuple[float, float]:
        val = member.predictions.part(Part.VAL)
        found = measure("val", val.probabilities, val.labels)
        return found["val_macro_f1"], -found["val_loss"]

    return max(members, key=standing)


def _logits(member: Member, network: Any, material: Material, progress: Progress) -> Matrix:
    """Return the (u, k) logits of every image, from cached features where the member has them."""
    is_frozen = member.spec.regime is Regime.FROZEN
    features = kept_features(member.spec, material) if is_frozen else None
    if features is None:
        return _by_pass(logits_network(network), material, progress)
    head = _head_of(network)
    columns = Columns(features.matrix, select(features.blocks, member.spec.params), None)
    return _in_batches(
        head,
        len(features.matrix),
        4096,
        lambda some: columns.take(np.arange(some.start, some.stop)),
    )


def _head_of(network: Any) -> Any:
    """Cut a frozen member's network: from its features to its logits."""
    import keras

    names = [layer.name for layer in network.layers]
    first = next(
        place + 1
        for place in reversed(range(len(names)))
        if names[place] == "features" or names[place].startswith("tap")
    )
    features = network.layers[first].input
    return keras.Model(features, network.get_layer("logits").output)


def _by_pass(network: Any, material: Material, progress: Progress) -> Matrix:
    """Pass every image through a network, a batch at a time."""
    pixels = material.pixels.array
    progress.stage("logits", total=len(pixels), unit="images")
    return _in_batches(network, len(pixels), 32, lambda some: pixels[some], progress.advance)


def _in_batches(
    network: Any,
    count: int,
    batch: int,
    read: Callable[[slice], npt.NDArray[Any]],
    done: Callable[[int], None] = lambda _: None,
) -> Matrix:
    """Return what a network says of what is read, a batch at a time."""
    found = np.empty((count, int(network.output_shape[-1])), np.float32)

    def compute(some: slice, _size: int) -> None:
        found[some] = network.predict_on_batch(read(some))
        done(some.stop - some.start)

    halving("logits", count, batch, compute)
    return found
