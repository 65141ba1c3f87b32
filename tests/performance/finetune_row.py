"""Fine-tuning behind a cut: ours over cached activations beside `fit` over the whole network."""

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.records import Epoch, Part, Regime, Silent, Spec
from benchmark.training import Material, OverFeatures, train
from benchmark.zoo import assemble, split_backbone

from .markdown import draw_table
from .plain_fit import PlainFit, plain_fit
from .setting import EPOCHS, Setting, make_spec, read, timed

CUT = "last-block"
SEEDS = (0, 1, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """One seed's second stage of 10 epochs, from the same head; losses in nats.

    Attributes:
        seed: orders the images and gives the head its first weights.
        cold: whether ours had nothing in its cache, neither pixels nor features nor activations.
        plain: seconds of plain `fit`.
        stage: seconds of our second stage: the backbone cut, activations and epochs.
        whole: seconds of our whole run: images, features, head, second stage, test predicted.
        head_loss: of the head that both start from, on validation.
        plain_losses: of plain Keras after each epoch, on validation as Keras reads it.
        plain_loss_on_ours: of plain Keras at the end, on validation as we read it: Keras resizes
            without averaging.
        losses: of ours after each epoch.
    """

    seed: int
    cold: bool
    plain: float
    stage: float
    whole: float
    head_loss: float
    plain_losses: tuple[float, ...]
    plain_loss_on_ours: float
    losses: tuple[float, ...]


class _Clock(Silent):
    """Notes when each epoch ended."""

    def __init__(self) -> None:
        self.ended: list[tuple[str, float]] = []

    def epoch(self, epoch: Epoch) -> None:
        """Note an epoch's end."""
        self.ended.append((epoch.stage, time.perf_counter()))

    @property
    def second_stage(self) -> float:
        """Seconds from the head's last epoch to the last of all."""
        head = max(at for stage, at in self.ended if stage == "head")
        return self.ended[-1][1] - head


def measure_finetune(arch: str, setting: Setting, seeds: Sequence[int] = SEEDS) -> list[Tuned]:
    """Measure fine-tuning, plain Keras first: ours makes operations deterministic.

    Args:
        arch: a published architecture.
        setting: `plain_epochs` below 10 scale plain Keras's seconds; losses then cannot be
            compared.
        seeds: the first is ours cold, the others find pixels, features and activations.
    """
    with tempfile.TemporaryDirectory() as folder:
        plain = [_plain(arch, setting, Path(folder), seed) for seed in seeds]
    with tempfile.TemporaryDirectory() as folder:
        return [
            _ours(arch, setting, Path(folder), seed, *beside)
            for seed, beside in zip(seeds, plain, strict=True)
        ]


def _plain(arch: str, setting: Setting, folder: Path, seed: int) -> tuple[PlainFit, float]:
    """Fit the whole network with all before the cut frozen; return its loss on our pixels too."""
    material = read(setting, folder, arch)
    spec = make_finetuning_spec(arch, setting, material, seed)
    network = whole_network(spec, material)
    rate = spec.params.number("finetune_learning_rate")
    fitted = plain_fit(network, setting, rate, seed=seed)
    images = material.pixels.array[material.pictures(Part.VAL)]
    found = network.predict(images, batch_size=32, verbose=0)
    right = found[np.arange(len(found)), material.truth(Part.VAL)]
    return fitted, float(-np.log(np.maximum(right, 1e-7)).mean())


def whole_network(spec: Spec, material: Material) -> Any:
    """Return backbone and trained head as one network, trainable behind the cut as ours is."""
    import keras

    first = OverFeatures(spec, material, Silent())
    backbone = first.trunk.backbone
    standing = first.head(material).standing(len(material.classes))
    network = assemble(backbone, standing, spec.params)
    tail = split_backbone(backbone, spec.params.text("cut"), spec.params).tail
    # With features from before the cut the tail holds a network within it.
    behind = {layer.name for layer in tail._flatten_layers(include_self=False, recursive=True)}
    trained = behind | {layer.name for layer in standing.layers}
    for layer in network.layers:
        still = isinstance(layer, keras.layers.BatchNormalization | keras.layers.Normalization)
        layer.trainable = layer.name in trained and not still
    return network


def _ours(
    arch: str, setting: Setting, folder: Path, seed: int, plain: PlainFit, plain_loss: float
) -> Tuned:
    cold = not (folder / "cache").exists()
    reading, material = timed(lambda: read(setting, folder, arch))
    clock = _Clock()
    training, fitted = timed(
        lambda: train(make_finetuning_spec(arch, setting, material, seed), material, clock)
    )
    losses = {
        stage: [each.metrics["val_loss"] for each in fitted.history if each.stage == stage]
        for stage in ("head", "finetune")
    }
    return Tuned(
        seed=seed,
        cold=cold,
        plain=plain.seconds,
        stage=clock.second_stage,
        whole=reading + training,
        head_loss=min(losses["head"]),
        plain_losses=plain.val_losses,
        plain_loss_on_ours=plain_loss,
        losses=tuple(losses["finetune"]),
    )


def make_finetuning_spec(arch: str, setting: Setting, material: Material, seed: int) -> Spec:
    """Return 10 epochs to either stage, without what plain `fit` has not: schedule and warm-up."""
    return make_spec(
        arch,
        setting,
        material,
        regime=Regime.FINETUNE,
        seed=seed,
        epochs=EPOCHS,
        patience=0,
        cut=CUT,
        schedule="constant",
        warmup_epochs=0,
    )


def table(rows: Sequence[Tuned]) -> str:
    """Draw the seeds as a Markdown table, and mean and deviation of the losses under it."""
    names = ["seed", "cache", "plain s", "second stage s", "plain / stage", "whole run s"]
    names += ["plain / whole", "head loss", "plain loss", "on our pixels", "our loss"]
    lines = [draw_table(names, [_cells(row) for row in rows])]
    for name, values in losses_by_side(rows).items():
        lines.append(f"\n{name}: {np.mean(values):.4f} ± {np.std(values, ddof=1):.4f}")
    return "\n".join(lines)


def _cells(row: Tuned) -> list[str]:
    figures = [row.plain, row.stage, row.plain / row.stage, row.whole, row.plain / row.whole]
    losses = [row.head_loss, row.plain_losses[-1], row.plain_loss_on_ours, row.losses[-1]]
    words = [f"{each:.1f}" for each in figures] + [f"{each:.4f}" for each in losses]
    return [str(row.seed), "cold" if row.cold else "warm", *words]


def losses_by_side(rows: Sequence[Tuned]) -> dict[str, list[float]]:
    """Return the seeds' validation losses after the last epoch, and at the best."""
    return {
        "plain, last epoch": [row.plain_losses[-1] for row in rows],
        "plain, last epoch, on our pixels": [row.plain_loss_on_ours for row in rows],
        "ours, last epoch": [row.losses[-1] for row in rows],
        "plain, best epoch": [min(row.plain_losses) for row in rows],
        "ours, best epoch": [min(row.losses) for row in rows],
        "ours, as kept (the head's, where no epoch is better)": [
            min(row.head_loss, *row.losses) for row in rows
        ],
    }
