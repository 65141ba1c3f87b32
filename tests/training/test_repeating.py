"""A recipe with its epochs fixed: which it can be, and that it is trained without validation."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.errors import UsageError
from benchmark.records import Epoch, Part, Regime, SearchSpec, Silent, Spec
from benchmark.training import Examples, Material, joined, train, verify, with_fixed_epochs
from benchmark.training.epochs import Step, TrainingStage, run_epochs
from benchmark.training.loop_settings import read_settings
from benchmark.training.repeating import epochs_kept
from tests.training.conftest import CLASSES, make_material, make_spec

HEAD = {"head": "layers", "monitor": "val_loss"}


def history(**losses: list[float]) -> tuple[Epoch, ...]:
    """Return epochs with these validation losses, by stage."""
    found: list[Epoch] = []
    for stage, values in losses.items():
        found += [
            Epoch(number=len(found) + place, stage=stage, metrics={"val_loss": loss})
            for place, loss in enumerate(values)
        ]
    return tuple(found)


def frozen(**params: Any) -> Spec:
    return make_spec("mobilenetv2", Regime.FROZEN, {**HEAD, **params}, epochs=9)


@pytest.mark.parametrize(
    ("losses", "kept"),
    [
        ({"head": [0.5, 0.3, 0.4]}, {"head": 2}),
        ({"head": [0.5, 0.3, 0.3]}, {"head": 2}),
        ({"head": [0.5], "finetune": [0.6, 0.2, 0.4]}, {"head": 1, "finetune": 2}),
        ({"head": [0.5, 0.4], "finetune": [0.6, 0.7]}, {"head": 2, "finetune": 0}),
        ({}, {}),
    ],
)
def test_epochs_are_counted_to_the_best_one(
    losses: dict[str, list[float]], kept: dict[str, int]
) -> None:
    assert epochs_kept(frozen(), history(**losses)) == kept


def test_a_recipe_is_repeated_with_its_best_epochs_and_without_a_search() -> None:
    search = SearchSpec(engine="optuna:tpe", space="linear", space_digest="d", trials=3)
    scored = replace(frozen(), search=search, rank_on="cv:5")
    fixed = with_fixed_epochs(scored, history(head=[0.5, 0.3, 0.4]))
    assert (fixed.epochs, fixed.patience) == (2, 0)
    assert (fixed.search, fixed.rank_on) == (None, "val")
    assert fixed.params == scored.params
    assert fixed.digest != scored.digest


@pytest.mark.parametrize(("tail", "epochs"), [([0.6, 0.2], 2), ([0.6, 0.7], 0)])
def test_behind_a_convex_head_the_epochs_of_the_deeper_blocks_count(
    tail: list[float], epochs: int
) -> None:
    spec = make_spec("mobilenetv2", Regime.FINETUNE, {"head": "logistic"})
    assert with_fixed_epochs(spec, history(head=[0.5], finetune=tail)).epochs == epochs


@pytest.mark.parametrize(
    ("spec", "epochs", "why"),
    [
        (replace(frozen(), regime=Regime.COMPOSITE), history(), "it is made of other runs"),
        (replace(frozen(), labels="shuffled"), history(head=[0.1]), "from exchanged labels"),
        (frozen(), (), "its epochs are not known any more"),
        (frozen(schedule="plateau"), history(head=[0.1]), "was halved where validation stood"),
        (
            make_spec("mobilenetv2", Regime.FINETUNE, HEAD),
            history(head=[0.5, 0.4], finetune=[0.3]),
            r"different numbers of epochs, 2 \(head\) and 1 \(finetune\)",
        ),
    ],
)
def test_what_cannot_be_repeated_is_refused(
    spec: Spec, epochs: tuple[Epoch, ...], why: str
) -> None:
    with pytest.raises(UsageError, match=why):
        with_fixed_epochs(spec, epochs)


@pytest.mark.slow
class TestWithoutValidation:
    """Trainings on train and validation together."""

    @pytest.mark.parametrize(
        ("arch", "regime", "params"),
        [
            ("mlp", Regime.SCRATCH, {}),
            ("cnn", Regime.SCRATCH, {}),
            ("mobilenetv2", Regime.FROZEN, {"head": "layers"}),
            ("mobilenetv2", Regime.FINETUNE, {"head": "logistic", "penalty": "given"}),
            ("prior", Regime.PRIOR, {}),
        ],
    )
    def test_every_regime_is_trained_and_answers_as_its_network_does(
        self, arch: str, regime: Regime, params: dict[str, Any], material: Material
    ) -> None:
        fitted = train(make_spec(arch, regime, params, epochs=2, patience=0), material, Silent())
        assert fitted.val.shape == (0, 2)
        pictures = material.pixels.array[material.pictures(Part.TEST)]
        assert np.abs(verify(fitted.network, pictures).probabilities - fitted.test).max() < 1e-3
        assert not any(name.startswith("val_") for each in fitted.history for name in each.metrics)

    @pytest.fixture(scope="class")
    def material(self, tmp_path_factory: pytest.TempPathFactory) -> Material:
        """Return material whose features are computed once."""
        material = make_material(tmp_path_factory.mktemp("material"))
        return replace(material, split=joined(material.split))

    def test_the_split_learns_from_validation_and_keeps_test(self, tmp_path: Path) -> None:
        split = make_material(tmp_path).split
        whole = joined(split)
        assert whole.train.tolist() == [*split.train, *split.val]
        assert len(whole.val) == 0
        assert whole.test.tolist() == split.test.tolist()
        assert whole.digest != split.digest

    def test_the_last_epoch_is_kept(self) -> None:
        trainee = Counting()
        settings = replace(read_settings(frozen(), CLASSES, np.arange(8) % 2), epochs=3, patience=0)
        rows = np.arange(8)
        some = Examples(rows=rows, labels=rows % 2)
        none = Examples(rows=rows[:0], labels=rows[:0])
        stage = TrainingStage(name="head", seed=0, report=lambda _: None)
        done = run_epochs(trainee, trainee, some, none, settings, stage)  # type: ignore[arg-type]
        assert len(done.history) == 3
        assert trainee.steps == trainee.restored == 3 * -(-8 // settings.batch)


class Counting:
    """Stands for a trainee and its inputs: its weights are how many steps it was trained."""

    steps = restored = 0

    def take(self, rows: Any) -> Any:
        return rows

    def drawn(self, rows: Any, _epoch: int) -> Any:
        return rows

    def step(self, *_: Any) -> Any:
        self.steps += 1
        return Step(loss=1.0, accuracy=0.5)

    def predict(self, _inputs: Any, rows: Any) -> Any:
        return np.full((len(rows), 2), 0.5, np.float32)

    def snapshot(self) -> int:
        return self.steps

    def restore(self, snapshot: int) -> None:
        self.restored = snapshot

    def finish(self) -> None:
        pass
