"""The loop over epochs, the same for heads, networks from scratch and fine-tuning."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..records import Epoch, Labels, Probabilities, Rows
from ..seeds import generator
from .early_stopping import Schedule, Watch
from .epoch_metrics import measure
from .settings import Settings

Batch = npt.NDArray[Any]
Matrix = npt.NDArray[np.float32]
Report = Callable[[Epoch], None]


class Inputs(Protocol):
    """What a network reads: features, activations or pixels, by row."""

    def take(self, rows: Rows) -> Batch:
        """Give the (b, ...) inputs of some rows."""
        ...

    def drawn(self, rows: Rows, epoch: int, random: np.random.Generator) -> Batch:
        """Give the inputs of some rows for an epoch: an augmented view where there are any."""
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
        """Give (n, k) probabilities; memory is bounded by a batch."""
        ...

    def snapshot(self) -> Any:
        """Give a copy of everything that training changes in the network."""
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
        best_epoch: the position in `history` of the one whose weights it has.
        trainee: predicts with those weights.
    """

    history: tuple[Epoch, ...]
    best_epoch: int
    trainee: Trainee

    @property
    def best(self) -> dict[str, float]:
        """The metrics of the best epoch."""
        return dict(self.history[self.best_epoch].metrics)

    def predict(self, inputs: Inputs, rows: Rows) -> Probabilities:
        """Give (n, k) probabilities that sum to 1 in float64."""
        values = self.trainee.predict(inputs, rows).astype(np.float64)
        total: Probabilities = values / values.sum(axis=1, keepdims=True)
        return total


class Keeper(Protocol):
    """Keeps a long training on disk, so that a killed one goes on from its last epoch."""

    def load(self, trainee: Trainee, watch: Watch, history: list[Epoch]) -> None:
        """Take up what was kept, if anything was."""
        ...

    def save(self, trainee: Trainee, watch: Watch, history: list[Epoch]) -> None:
        """Keep the training as it stands after an epoch."""
        ...


def run_epochs(
    trainee: Trainee,
    inputs: Inputs,
    train: Examples,
    val: Examples,
    settings: Settings,
    *,
    seed: int,
    report: Report,
    stage: str,
    keeper: Keeper | None = None,
) -> Trained:
    """Train until the epochs or the patience are spent; leave the best epoch's weights.

    Args:
        trainee: the network; `inputs` gives what it reads.
        train: what is learnt from; `val` what early stopping watches.
        settings: how.
        seed: orders the images; epoch by epoch, so that a resumed training goes on the same.
        report: told of every epoch; what it raises (a pruned trial) ends the training.
        stage: the stage's name in the history.
        keeper: keeps every epoch, None for nothing.
    """
    watch, history = Watch(settings.monitor, settings.patience), list[Epoch]()
    if keeper is not None:
        keeper.load(trainee, watch, history)
    steps = -(-len(train.rows) // settings.batch)
    schedule = Schedule(
        settings.schedule,
        settings.learning_rate,
        steps * settings.epochs,
        steps * settings.warmup_epochs,
    )
    for number in range(len(history), settings.epochs):
        if watch.is_over:
            break
        metrics = _train_once(trainee, inputs, train, settings, schedule, seed, number)
        metrics |= measure("val", trainee.predict(inputs, val.rows), val.labels)
        history.append(Epoch(number=number, stage=stage, metrics=metrics))
        if watch.better(metrics) or watch.best_epoch < 0:
            watch.best_epoch, watch.best_weights = number, trainee.snapshot()
        schedule.after(watch)
        if keeper is not None:
            keeper.save(trainee, watch, history)
        report(history[-1])
    trainee.restore(watch.best_weights)
    trainee.finish()
    return Trained(history=tuple(history), best_epoch=watch.best_epoch, trainee=trainee)


def _train_once(
    trainee: Trainee,
    inputs: Inputs,
    train: Examples,
    settings: Settings,
    schedule: Schedule,
    seed: int,
    number: int,
) -> dict[str, float]:
    random = generator(seed, "epoch", number)
    order = random.permutation(len(train.rows))
    loss = correct = 0.0
    for start in range(0, len(order), settings.batch):
        chosen = order[start : start + settings.batch]
        rate = schedule.rate(number * -(-len(order) // settings.batch) + start // settings.batch)
        batch = inputs.drawn(train.rows[chosen], number, random)
        step = trainee.step(batch, train.labels[chosen], rate)
        loss += step.loss * len(chosen)
        correct += step.accuracy * len(chosen)
    return {"train_loss": loss / len(order), "train_accuracy": correct / len(order)}
