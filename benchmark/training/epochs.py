"""The loop over epochs, the same for heads, networks from scratch and fine-tuning."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from ..errors import is_out_of_memory, kind_and_line
from ..files import whole_file
from ..metrics import MONITORS, defined, measure
from ..records import Epoch, Labels, Probabilities, Rows
from ..seeds import generator
from .halving import note
from .loop_settings import Settings
from .material import Examples

PLATEAU_FACTOR = 0.5  # chosen, not sourced: gentler than Keras's 0.1 for runs of tens of epochs

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a training step saw: the mean loss in nats, and the share that was right."""

    loss: float
    accuracy: float


class Answering(Protocol):
    """A network that answers, whatever computes it."""

    def predict(self, inputs: Inputs, rows: Rows) -> Matrix:
        """Return (n, k) probabilities; memory is bounded by a batch."""
        ...


class Trainee(Answering, Protocol):
    """A network being trained, whatever computes it."""

    def step(self, inputs: Batch, labels: Labels, learning_rate: float) -> Step:
        """Do one training step."""
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

    def state(self) -> list[npt.NDArray[Any]]:
        """Return copies of all that the next step depends on."""
        ...

    def take_state(self, state: Sequence[npt.NDArray[Any]]) -> None:
        """Take up what `state` gave, in another process for instance."""
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
    trainee: Answering

    def predict(self, inputs: Inputs, rows: Rows) -> Probabilities:
        """Return (n, k) probabilities that sum to 1 in float64.

        Raises:
            ValueError: they are no numbers, for no epoch ended with finite ones.
        """
        values = self.trainee.predict(inputs, rows).astype(np.float64)
        if not np.isfinite(values).all():
            raise ValueError(
                "training diverged: the network answers with NaN; a lower learning_rate or a "
                "clip_norm above 0 may hold it (--params)"
            )
        total: Probabilities = values / values.sum(axis=1, keepdims=True)
        return total


class Watch:
    """Watches one quantity over the epochs and keeps the weights of its best epoch.

    Args:
        monitor: which metric, a key of `MONITORS`.
        patience: how many epochs without improvement end the training; 0 for never.
    """

    def __init__(self, monitor: str, patience: int) -> None:
        self.monitor = monitor
        self.patience = patience
        self.best_metrics: dict[str, float] = {}
        self.best_value = math.nan
        self.best_weights: Any = None
        self.waited = 0

    def better(self, metrics: dict[str, float]) -> bool:
        """Take an epoch's metrics; say whether it is the best so far (undefined never is)."""
        value = metrics.get(self.monitor, math.nan)
        sign = 1.0 if MONITORS[self.monitor] else -1.0
        if math.isnan(value):
            improved = False
        else:
            improved = math.isnan(self.best_value) or sign * value > sign * self.best_value
        self.waited = 0 if improved else self.waited + 1
        if improved:
            self.best_value = value
        if improved or not self.best_metrics:
            self.best_metrics = dict(metrics)
        return improved

    @property
    def is_over(self) -> bool:
        """Whether patience has run out."""
        return bool(self.patience) and self.waited >= self.patience


class Schedule:
    """The learning rate over the steps of a training.

    Args:
        kind: `constant`; `cosine`, falling to 0 at the last step (Loshchilov and Hutter 2017);
            or `plateau`, halved after half the patience without improvement.
        base: the learning rate to begin with, after warm-up.
        steps: how many steps all epochs have together.
        warmup: over how many steps the rate rises from 0 to `base` in a line.
    """

    def __init__(self, kind: str, base: float, steps: int, warmup: int = 0) -> None:
        self.kind = kind
        self.base = base
        self.steps = max(steps, 1)
        self.warmup = warmup
        self.factor = 1.0

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        if step < self.warmup:
            return self.base * (step + 1) / (self.warmup + 1)
        if self.kind == "cosine":
            share = (step - self.warmup) / max(self.steps - self.warmup, 1)
            return self.base * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))
        return self.base * self.factor

    def after(self, watch: Watch) -> None:
        """Take note of an epoch: on a plateau, halve the rate after half the patience."""
        wait = max(1, watch.patience // 2)
        if self.kind == "plateau" and watch.waited and watch.waited % wait == 0:
            self.factor *= PLATEAU_FACTOR


class Checkpoint:
    """One file with everything that the next epoch depends on.

    Args:
        folder: where the file is; made when first needed.
        name: tells trainings apart that share a folder, such as a spec's digest and the stage.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._path = Path(folder) / f"{name}.npz"

    def load(
        self, trainee: Trainee, watch: Watch, schedule: Schedule, history: list[Epoch]
    ) -> None:
        """Take up what was kept; nothing, if nothing was, or if it is damaged: that is noted."""
        if not self._path.is_file():
            return
        try:
            with self._path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
                story = json.loads(str(kept["story"]))
                state = [kept[f"state{place}"] for place in range(story["state"])]
                best = [kept[f"best{place}"] for place in range(story["best"])]
                epochs = [Epoch(**epoch) for epoch in story["history"]]
        except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
            note(f"a checkpoint was damaged ({kind_and_line(error)}); its training began anew.")
            return
        trainee.take_state(state)
        watch.best_weights = best
        watch.best_metrics = story["best_metrics"]
        watch.best_value, watch.waited = story["best_value"], story["waited"]
        schedule.factor = story["factor"]
        history.extend(epochs)

    def save(
        self, trainee: Trainee, watch: Watch, schedule: Schedule, history: list[Epoch]
    ) -> None:
        """Keep the training as it stands after an epoch."""
        state = trainee.state()
        story = {
            "state": len(state),
            "best": len(watch.best_weights),
            "best_metrics": watch.best_metrics,
            "best_value": watch.best_value,
            "waited": watch.waited,
            "factor": schedule.factor,
            "history": [asdict(epoch) for epoch in history],
        }
        arrays = {f"state{place}": each for place, each in enumerate(state)}
        arrays |= {f"best{place}": each for place, each in enumerate(watch.best_weights)}
        arrays["story"] = np.array(json.dumps(story))
        # Two processes may train the same spec: each writes a file of its own.
        with whole_file(self._path) as part, part.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)

    def remove(self) -> None:
        """Forget the training: it is finished."""
        self._path.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrainingStage:
    """A stage of a training.

    Attributes:
        name: its name in the history.
        seed: orders the images, epoch by epoch, so that a resumed training goes on the same.
        report: told of every epoch; what it raises (a pruned trial) ends the training.
        earlier: how many epochs earlier stages had.
        start: metrics of the network as it comes, which then counts as a candidate; or none.
        checkpoint: keeps every epoch; None to keep none.
        seen: told the (n_val, k) probabilities of every epoch that has some, just before `report`.
    """

    name: str
    seed: int
    report: Report
    earlier: int = 0
    start: Mapping[str, float] = field(default_factory=dict)
    checkpoint: Checkpoint | None = None
    seen: Seen | None = None


def run_epochs(
    trainee: Trainee,
    inputs: Inputs,
    train: Examples,
    val: Examples,
    settings: Settings,
    stage: TrainingStage,
) -> Trained:
    """Train until the epochs or the patience are spent; leave the best epoch's weights.

    The images of `train` are learnt from, and early stopping watches those of `val`. Where there
    are none all epochs are trained, and the last one's weights are left.
    """
    watch, history = Watch(settings.monitor, settings.patience), list[Epoch]()
    schedule = _schedule(settings, len(train.rows))
    if stage.start:
        watch.better(dict(stage.start))
        watch.best_weights = trainee.snapshot()
    if stage.checkpoint is not None:
        stage.checkpoint.load(trainee, watch, schedule, history)
    for number in range(len(history), settings.epochs):
        if watch.is_over:
            break
        metrics = _train_once(trainee, inputs, train, settings, schedule, stage.seed, number)
        said = trainee.predict(inputs, val.rows)
        is_finite = bool(said.size) and bool(np.isfinite(said).all())
        if is_finite:  # NaN would count as an answer, and might be the best epoch
            metrics |= measure("val", said, val.labels)
        history.append(Epoch(number=stage.earlier + number, stage=stage.name, metrics=metrics))
        if watch.better(metrics) or watch.best_weights is None or not said.size:
            watch.best_weights = trainee.snapshot()
        schedule.after(watch)
        if stage.checkpoint is not None:
            stage.checkpoint.save(trainee, watch, schedule, history)
        if stage.seen is not None and is_finite:
            stage.seen(said.astype(np.float64))
        stage.report(history[-1])
    trainee.restore(watch.best_weights)
    trainee.finish()
    if stage.checkpoint is not None:
        stage.checkpoint.remove()
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
        with _naming_batch(settings):
            batch = inputs.drawn(train.rows[chosen], number)
            step = trainee.step(batch, train.labels[chosen], rate)
        loss += step.loss * len(chosen)
        correct += step.accuracy * len(chosen)
    return defined({"train_loss": loss / len(order), "train_accuracy": correct / len(order)})


@contextmanager
def _naming_batch(settings: Settings) -> Iterator[None]:
    """Say how to need less where memory runs out in a step.

    Raises:
        MemoryError: it did; another batch is another spec, which only a person can choose.
    """
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        less = f"--batch {settings.batch // 2} needs less, and is another run"
        if settings.batch == 1:
            less = "a smaller --side needs less, and is another run"
        raise MemoryError(
            f"memory ran out in a training step of {settings.batch} images: {less} "
            f"({kind_and_line(error)})"
        ) from error
