import re
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.evaluation import class_slugs, confusion, score
from benchmark.records import Part, Predictions
from tests.evaluation.made import Make, answered, predictions, truth, turned

DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"

made = st.builds(
    predictions,
    images=st.integers(6, 60),
    classes=st.integers(2, 7),  # often more classes than images have: some are absent
    seed=st.integers(0, 10_000),
    skill=st.floats(-1, 4),
    copies=st.just(0.0),
    steps=st.integers(0, 2),
)


def reference(rows: Predictions) -> dict[str, float]:
    from sklearn import metrics

    true, called = rows.labels, rows.probabilities.argmax(axis=1)
    every = list(range(len(rows.classes)))
    found = {
        "accuracy": metrics.accuracy_score(true, called),
        "balanced_accuracy": metrics.balanced_accuracy_score(true, called),
        "mcc": metrics.matthews_corrcoef(true, called),
        "loss": metrics.log_loss(true, rows.probabilities, labels=every),
        "log_loss": metrics.log_loss(true, rows.probabilities, labels=every),
        "brier": metrics.brier_score_loss(
            true, rows.probabilities, labels=every, scale_by_half=False
        ),
    }
    for mean in ("macro", "micro", "weighted"):
        for name, function in (
            ("precision", metrics.precision_score),
            ("recall", metrics.recall_score),
            ("f1", metrics.f1_score),
        ):
            occurring = np.unique(true) if mean == "macro" else every
            found[f"{mean}_{name}"] = function(
                true, called, labels=occurring, average=mean, zero_division=0
            )
    return found | {name: found[f"macro_{name}"] for name in ("precision", "recall", "f1")}


@settings(max_examples=30, deadline=None)
@given(made)
def test_metrics_over_all_classes_are_those_of_scikit_learn(predictions: Predictions) -> None:
    found = score(predictions)
    for part in (Part.VAL, Part.TEST):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn's remarks on absent classes
            wanted = reference(predictions.part(part))
        got = {name: found[f"{part}_{name}"] for name in wanted}
        assert got == pytest.approx(wanted, rel=1e-9, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(made)
def test_metrics_by_class_are_those_of_scikit_learn(predictions: Predictions) -> None:
    from sklearn import metrics

    rows = predictions.part(Part.TEST)
    true, called = rows.labels, rows.probabilities.argmax(axis=1)
    every = list(range(len(rows.classes)))
    values = metrics.precision_recall_fscore_support(true, called, labels=every, zero_division=0)
    matrices = metrics.multilabel_confusion_matrix(true, called, labels=every)
    found = score(predictions)
    for each in sorted({*true.tolist(), *called.tolist()}):
        names = [f"test_{name}_class_{each}" for name in ("precision", "recall", "f1")]
        assert [found[name] for name in names] == pytest.approx([v[each] for v in values[:3]])
        (true_negative, false_positive), _ = matrices[each]
        specificity = found.get(f"test_specificity_class_{each}", 0.0)
        assert specificity * (true_negative + false_positive) == pytest.approx(true_negative)


@settings(max_examples=30, deadline=None)
@given(
    st.builds(
        predictions,
        images=st.integers(60, 90),
        classes=st.integers(2, 4),
        seed=st.integers(0, 10_000),
        steps=st.integers(0, 2),
    )
)
def test_auroc_is_that_of_scikit_learn(predictions: Predictions) -> None:
    from sklearn.metrics import roc_auc_score

    rows = predictions.part(Part.TEST)
    k = len(rows.classes)
    scores = rows.probabilities[:, 1] if k == 2 else rows.probabilities
    wanted = roc_auc_score(rows.labels, scores, multi_class="ovr", average="macro")
    assert score(predictions)["test_auroc"] == pytest.approx(wanted, abs=1e-12)


@settings(max_examples=40, deadline=None)
@given(made, st.integers(0, 1000))
def test_metrics_do_not_move_with_the_order_of_rows(predictions: Predictions, seed: int) -> None:
    assert score(turned(predictions, seed)) == pytest.approx(score(predictions), abs=1e-12)


def test_auroc_is_absent_where_a_class_has_no_image(make: Make) -> None:
    whole = make(images=90, classes=3)
    lacking = whole.where((whole.labels != 2) | np.array([p is Part.VAL for p in whole.parts]))
    found = score(lacking)
    assert "val_auroc" in found
    assert "test_auroc" not in found


def test_a_class_that_never_occurs_has_no_metrics_of_its_own(make: Make) -> None:
    rows = make(images=30, classes=4, skill=30.0)
    found = score(rows.where(rows.labels != 1))
    assert "test_recall_class_0" in found
    assert "test_recall_class_1" not in found


def test_a_class_that_every_image_is_of_has_no_specificity(make: Make) -> None:
    rows = make(images=30, classes=2)
    found = score(rows.where(rows.labels == 1))
    assert "test_recall_class_1" in found
    assert "test_specificity_class_1" not in found


def test_an_empty_part_has_no_metrics(make: Make) -> None:
    rows = make().part(Part.VAL)
    assert {name.split("_")[0] for name in score(rows)} == {"val"}
    assert score(rows.where(np.zeros(len(rows.hashes), dtype=bool))) == {}


def test_certain_and_wrong_has_a_large_but_finite_loss(make: Make) -> None:
    rows = make(images=12, classes=2)
    wrong = np.eye(2)[1 - rows.labels]
    sure = replace(rows, probabilities=wrong)
    assert score(sure)["test_loss"] == pytest.approx(-np.log(np.finfo(float).eps))


def test_clean_metrics_are_those_of_the_images_that_are_no_copies(make: Make) -> None:
    rows = make(images=90, copies=0.3)
    found, clean = score(rows), score(rows.where(~rows.is_copy))
    assert found["test_clean_macro_f1"] == clean["test_macro_f1"]
    assert found["test_clean_auroc"] == clean["test_auroc"]
    assert found["test_clean_macro_f1"] != found["test_macro_f1"]


def test_without_copies_there_are_no_clean_metrics(make: Make) -> None:
    assert not [name for name in score(make(copies=0.0)) if "clean" in name]


def test_a_part_of_nothing_but_copies_has_no_clean_metrics(make: Make) -> None:
    assert not [name for name in score(make(copies=1.1)) if "clean" in name]


def test_a_class_without_images_is_not_averaged_over_though_it_is_called() -> None:
    # Of 4 a's 3 are called a and one c; both b's are called b: F1 is 6/7 and 1, and c has none.
    found = score(answered(truth(4, 2), [0, 0, 0, 2, 1, 1], classes=3))
    assert found["val_macro_f1"] == pytest.approx((6 / 7 + 1) / 2)
    assert found["val_macro_recall"] == pytest.approx((3 / 4 + 1) / 2)
    assert found["val_balanced_accuracy"] == found["val_macro_recall"]
    assert found["val_macro_precision"] == pytest.approx(1.0)


def test_clean_metrics_at_the_same_mix_weigh_classes_as_the_whole_part() -> None:
    # 4 a's of which 2 are copies, 4 b's: what is left is one a right, one wrong, 3 of 4 b's right.
    rows = answered(truth(4, 4), [0, 0, 0, 1, 1, 1, 1, 0])
    rows = replace(rows, is_copy=np.array([True, True, *[False] * 6]))
    found = score(rows)
    assert found["val_clean_accuracy"] == pytest.approx(4 / 6)
    assert found["val_clean_mix_accuracy"] == pytest.approx((2 * 1 + 3) / 8)
    assert found["val_clean_balanced_accuracy"] == found["val_clean_mix_balanced_accuracy"]
    assert found["val_clean_mix_macro_f1"] == pytest.approx((4 / 7 + 6 / 9) / 2)


def test_the_mix_changes_nothing_where_copies_are_spread_evenly_over_the_classes() -> None:
    rows = answered(truth(4, 4), [0, 1, 0, 1, 1, 1, 1, 0])
    rows = replace(rows, is_copy=np.array([True, False] * 4))
    found = score(rows)
    for name in ("accuracy", "macro_f1", "mcc", "weighted_f1"):
        assert found[f"val_clean_mix_{name}"] == pytest.approx(found[f"val_clean_{name}"])


def test_there_is_no_same_mix_where_all_images_of_a_class_are_copies() -> None:
    rows = answered(truth(4, 4), [0, 1, 0, 1, 1, 1, 1, 0])
    found = score(replace(rows, is_copy=np.array([True] * 4 + [False] * 4)))
    assert "val_clean_macro_f1" in found
    assert not [name for name in found if "_mix_" in name]


def test_the_confusion_matrix_counts_true_by_predicted(make: Make) -> None:
    from sklearn.metrics import confusion_matrix

    rows = make(classes=4)
    wanted = confusion_matrix(rows.labels, rows.probabilities.argmax(axis=1), labels=range(4))
    assert confusion(rows).tolist() == wanted.tolist()


@given(st.lists(st.text(min_size=1, max_size=300), min_size=2, max_size=8))
def test_class_slugs_are_unique_and_legal_for_mlflow(classes: list[str]) -> None:
    slugs = class_slugs(classes)
    assert len(set(slugs)) == len(classes)
    assert all(re.fullmatch(r"[\w.\- /]{1,200}", slug) for slug in slugs)


def test_class_slugs_keep_legal_names() -> None:
    names = ("large.cell.carcinoma", "squamous cell", "squamous@cell", "(x)")
    assert class_slugs(names) == ("large.cell.carcinoma", "squamous_cell", "squamous_cell-2", "_x_")


def test_every_metric_is_documented(make: Make) -> None:
    documented = set(re.findall(r"^\| `([^`]+)` \|", DOCS.read_text(), flags=re.MULTILINE))
    shown = {re.sub(r"_class_\d$", "_<class>", name) for name in score(make(copies=0.3))}
    bare = {re.sub(r"^(val|test)_(clean_)?(mix_)?", "", name) for name in shown}
    assert bare == documented & bare
    assert not documented - bare - {"epoch_<metric>"}
