"""The loop over epochs, the same for heads, networks from scratch and fine-tuning."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..metrics import defined, measure
from ..records import Epoch, Labels, Probabilities, Rows
from ..seeds import generator
from .early_stopping import Schedule, Watch
from .settings import Settings

Batch = Any  # an array (b, ...), or a list of such for a network with several inputs
Matrix = npt.NDArray[np.float32]
Report = Callable[[Epoch], None]
Seen = Callable[[Probabilities], None]


class Inputs(Protocol):
    """What a network reads: features, activations or pixels, by row."""

    def take(self, rows: Rows) -> Batch:
        """Return the (b, ...) inputs of some rows."""
        ...

    def drawn(self, rows: Rows, epoch: int) -> Batch:
        """Return the inputs of some rows for an epoch: an augmented view where there are any."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Examples:
    """Images of one part: their rows of the inputs, and their (n,) classes."""

    rows: Rows
    labels: Labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a training step saw: the mean loss in nats, and the share that was right."""

    loss: float
    accuracy: float


class Trainee(Protocol):
    """A network being trained, whatever computes it."""

    def step(self, inputs: Batch, labels: Labels, learning_rate: float) -> Step:
        """Do one training step."""
        ...

    def predict(self, inputs: Inputs, rows: Rows) -> Matrix:
        """Return (n, k) probabilities; memory is bounded by a batch."""
        ...

    def snapshot(self) -> Any:
        """Return a copy of everything that training changes in the network."""
        ...

    def restore(self, snapshot: Any) -> None:
        """Take back a copy."""
        ...

    def finish(self) -> None:
        """Put the weights where the Keras network has them."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trained:
    """A network at its best epoch.

    Attributes:
        history: all its epochs.
        best: the metrics of the one whose weights it has.
        trainee: predicts with those weights.
    """

    history: tuple[Epoch, ...]
    best: Mapping[str, float]
    trainee: Trainee

    def predict(self, inputs: Inputs, rows: Rows) -> Probabilities:
        """Return (n, k) probabilities that sum to 1 in float64."""
        values = self.trainee.predict(inputs, rows).astype(np.float64)
        total: Probabilities = values / values.sum(axis=1, keepdims=True)
        return total


class Keeper(Protocol):
    """Keeps a long training on disk, so that a killed one goes on from its last epoch."""

    def load(self, trainee: Any, watch: Watch, schedule: Schedule, history: list[Epoch]) -> None:
        """Take up what was kept, if anything was."""
        ...

    def save(self, trainee: Any, watch: Watch, schedule: Schedule, history: list[Epoch]) -> None:
        """Keep the training as it stands after an epoch."""
        ...

    def remove(self) -> None:
        """Forget it: the training is finished."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stage:
    """A stage of a training.

    Attributes:
        name: its name in the history.
        seed: orders the images, epoch by epoch, so that a resumed training goes on the same.
        report: told of every epoch; what it raises (a pruned trial) ends the training.
        earlier: how many epochs earlier stages had.
        start: metrics of the network as it comes, which then counts as a candidate; or none.
        keeper: keeps every epoch, None for nothing.
        seen: told the (n_val, k) probabilities of every epoch, just before `report`.
    """

    name: str
    seed: int
    report: Report
    earlier: int = 0
    start: Mapping[str, float] = field(default_factory=dict)
    keeper: Keeper | None = None
    seen: Seen | None = None


def run_epochs(
    trainee: Trainee,
    inputs: Inputs,
    train: Examples,
    val: Examples,
    settings: Settings,
    stage: Stage,
) -> Trained:
    """Train until the epochs or the patience are spent; leave the best epoch's weights.

    Args:
        trainee: the network.
        inputs: gives what it reads.
        train: what is learnt from.
        val: what early stopping watches.
        settings: how.
        stage: which part of a training this is.
    """
    watch, history = Watch(settings.monitor, settings.patience), list[Epoch]()
    schedule = _schedule(settings, len(train.rows))
    if stage.start:
        watch.better(dict(stage.start))
        watch.best_weights = trainee.snapshot()
    if stage.keeper is not None:
        stage.keeper.load(trainee, watch, schedule, history)
    for number in range(len(history), settings.epochs):
        if watch.is_over:
            break
        metrics = _train_once(trainee, inputs, train, settings, schedule, stage.seed, number)
        said = trainee.predict(inputs, val.rows)
        metrics |= measure("val", said, val.labels)
        history.append(Epoch(number=stage.earlier + number, stage=stage.name, metrics=metrics))
        if watch.better(metrics) or watch.best_weights is None:
            watch.best_weights = trainee.snapshot()
        schedule.after(watch)
        if stage.keeper is not None:
            stage.keeper.save(trainee, watch, schedule, history)
        if stage.seen is not None:
            stage.seen(said.astype(np.float64))
        stage.report(history[-1])
    trainee.restore(watch.best_weights)
    trainee.finish()
    if stage.keeper is not None:
        stage.keeper.remove()
    return Trained(history=tuple(history), best=watch.best_metrics, trainee=trainee)


def _schedule(settings: Settings, images: int) -> Schedule:
    steps = -(-images // settings.batch)
    return Schedule(
        settings.schedule,
        settings.learning_rate,
        steps * settings.epochs,
        steps * settings.warmup_epochs,
    )


def _train_once(
    trainee: Trainee,
    inputs: Inputs,
    train: Examples,
    settings: Settings,
    schedule: Schedule,
    seed: int,
    number: int,
) -> dict[str, float]:
    order = generator(seed, "epoch", number).permutation(len(train.rows))
    loss = correct = 0.0
    for start in range(0, len(order), settings.batch):
        chosen = order[start : start + settings.batch]
        rate = schedule.rate(number * -(-len(order) // settings.batch) + start // settings.batch)
        batch = inputs.drawn(train.rows[chosen], number)
        step = trainee.step(batch, train.labels[chosen], rate)
        loss += step.loss * len(chosen)
        correct += step.accuracy * len(chosen)
    return defined({"train_loss": loss / len(order), "train_accuracy": correct / len(order)})
