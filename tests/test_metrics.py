import math
from typing import Any

import numpy as np
import pytest

from benchmark.evaluation import overall
from benchmark.metrics import BY_EPOCH, METRICS, MONITORS, measure
from benchmark.records import Part, Predictions


def as_predictions(probabilities: Any, labels: Any) -> Predictions:
    n, k = probabilities.shape
    return Predictions(
        classes=tuple(map(str, range(k))),
        hashes=tuple(map(str, range(n))),
        paths=tuple(map(str, range(n))),
        parts=(Part.VAL,) * n,
        labels=labels,
        probabilities=probabilities,
        is_copy=np.zeros(n, dtype=bool),
    )


@pytest.mark.parametrize("classes", [2, 3, 4])
def test_epoch_metrics_are_those_of_scikit_learn(classes: int) -> None:
    from sklearn.metrics import (
        accuracy_score,
        f1_score,
        log_loss,
        precision_score,
        recall_score,
        roc_auc_score,
    )

    random = np.random.default_rng(classes)
    probabilities = random.dirichlet(np.ones(classes), 50)
    probabilities[:5] = 1 / classes
    labels = np.arange(50) % classes
    chosen = probabilities.argmax(axis=1)
    scores = probabilities[:, 1] if classes == 2 else probabilities
    assert measure("val", probabilities, labels) == {
        "val_loss": pytest.approx(log_loss(labels, probabilities)),
        "val_accuracy": pytest.approx(accuracy_score(labels, chosen)),
        "val_precision": pytest.approx(precision_score(labels, chosen, average="macro")),
        "val_recall": pytest.approx(recall_score(labels, chosen, average="macro")),
        "val_f1": pytest.approx(f1_score(labels, chosen, average="macro")),
        "val_macro_f1": pytest.approx(f1_score(labels, chosen, average="macro")),
        "val_auroc": pytest.approx(roc_auc_score(labels, scores, multi_class="ovr")),
    }


def test_auroc_is_absent_where_a_class_has_no_image() -> None:
    found = measure("val", np.full((4, 3), 1 / 3), np.array([0, 1, 0, 1]))
    assert "val_auroc" not in found


@pytest.mark.parametrize("missing", [0, 1, 3])
def test_a_curves_means_over_classes_are_the_boards_where_a_class_has_no_image(
    missing: int,
) -> None:
    random = np.random.default_rng(missing)
    probabilities = random.dirichlet(np.ones(4), 40)
    there = np.array([each for each in range(4) if each != missing])
    labels = there[np.arange(40) % 3]
    assert missing in probabilities.argmax(axis=1)  # named, though it has no image
    curve = measure("val", probabilities, labels)
    board = overall(as_predictions(probabilities, labels))
    for name in ("macro_f1", "f1", "precision", "recall", "accuracy", "loss"):
        assert curve[f"val_{name}"] == pytest.approx(board[name], rel=1e-12)


def test_a_network_that_gives_no_numbers_reports_none() -> None:
    found = measure("val", np.full((4, 2), np.nan), np.array([0, 1, 0, 1]))
    assert set(found) == {
        *("val_accuracy", "val_precision", "val_recall", "val_f1", "val_macro_f1"),
    }
    assert all(math.isfinite(value) for value in found.values())


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_has_one_formula(name: str) -> None:
    metric = METRICS[name]
    assert (metric.of_answers is None) != (metric.of_probabilities is None)


def test_what_is_known_by_epoch_can_be_monitored() -> None:
    assert {f"val_{name}" for name in BY_EPOCH} <= set(MONITORS)
    assert [name for name, more_is_better in MONITORS.items() if not more_is_better] == [
        "val_loss",
        "train_loss",
    ]
