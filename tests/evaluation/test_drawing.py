import io
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmark.evaluation import (
    Caption,
    Interval,
    board_figure,
    classification_report,
    confusion,
    confusion_matrix,
    confusion_table,
    loss_and_accuracy,
    precision_recall_curves,
    roc_curves,
    score,
)
from benchmark.evaluation.curves import precision_recall_points, roc_points
from benchmark.records import Epoch, Part, Predictions
from tests.evaluation.made import Make

if TYPE_CHECKING:
    from matplotlib.figure import Figure

pytestmark = pytest.mark.slow  # seaborn and matplotlib take seconds to import

CAPTION = Caption(arch="densenet121", data="phantom", synthetic=True)
REAL = Caption(arch="densenet121", data="chest-ct", synthetic=False)
DRAWN: dict[str, Callable[[Predictions, Part, Caption], "Figure"]] = {
    "Confusion matrix": confusion_matrix,
    "ROC curves": roc_curves,
    "Precision-recall curves": precision_recall_curves,
}


def title(figure: "Figure") -> str:
    return figure.get_suptitle()


def is_whole(figure: "Figure") -> bool:
    """Say whether everything that is drawn lies on the canvas, in inches."""
    figure.savefig(io.BytesIO(), format="png")
    drawn = figure.get_tightbbox()
    width, height = figure.get_size_inches()
    least, most = min(drawn.x0, drawn.y0), max(drawn.x1 - width, drawn.y1 - height)
    return bool(least > -0.03 and most < 0.03)


@pytest.mark.parametrize("classes", [2, 4, 20])
@pytest.mark.parametrize("what", DRAWN)
def test_a_figure_says_what_it_is_of_and_fits(make: Make, what: str, classes: int) -> None:
    figure = DRAWN[what](make(images=90, classes=classes), Part.TEST, CAPTION)
    assert title(figure) == f"{what} of densenet121\nphantom, test, n=60 · SYNTHETIC images"
    assert is_whole(figure)


@pytest.mark.parametrize("what", DRAWN)
def test_figures_of_scans_are_not_called_synthetic(make: Make, what: str) -> None:
    assert "SYNTHETIC" not in title(DRAWN[what](make(), Part.VAL, REAL))


@pytest.mark.parametrize("what", DRAWN)
def test_dollar_signs_in_names_are_no_formulas(make: Make, what: str) -> None:
    rows = replace(make(images=90), classes=("$a_{", "b$", "$\\frac$"))
    dear = Caption(arch="$x_{", data="$\\frac$", synthetic=False)
    assert is_whole(DRAWN[what](rows, Part.TEST, dear))


@pytest.mark.parametrize("what", DRAWN)
def test_a_part_of_one_class_is_drawn_all_the_same(make: Make, what: str) -> None:
    rows = make(images=60, classes=3)
    assert is_whole(DRAWN[what](rows.where(rows.labels == 1), Part.TEST, CAPTION))


def test_the_confusion_matrix_shows_counts_and_shares(make: Make) -> None:
    rows = make(images=90, classes=3)
    counts = confusion(rows.part(Part.TEST))
    axes = confusion_matrix(rows, Part.TEST, CAPTION).axes[0]
    wanted = [f"{count}\n{count / row.sum():.0%}" for row in counts for count in row.tolist()]
    assert [text.get_text() for text in axes.texts] == wanted


def test_the_roc_legend_gives_the_area_that_is_logged(make: Make) -> None:
    rows = make(images=90, classes=2)
    legend = roc_curves(rows, Part.TEST, CAPTION).axes[0].get_legend()
    assert legend is not None
    assert legend.get_texts()[0].get_text() == f"class 1 (AUROC {score(rows)['test_auroc']:.3f})"


@pytest.mark.parametrize("steps", [0, 2])
def test_the_curves_are_those_of_scikit_learn(make: Make, steps: int) -> None:
    from sklearn import metrics

    rows = make(images=90, classes=2, steps=steps)
    positive, scores = rows.labels == 1, rows.probabilities[:, 1]
    false, true, _ = metrics.roc_curve(positive, scores, drop_intermediate=False)
    assert np.allclose(roc_points(positive, scores), (false, true))
    precision, recall, _ = metrics.precision_recall_curve(positive, scores)
    ours = precision_recall_points(positive, scores)
    assert np.allclose(ours, (recall[-2::-1], precision[-2::-1]))


def history(stages: str) -> list[Epoch]:
    return [
        Epoch(number=number, stage=stage, metrics={"loss": 1 / (number + 1), "val_loss": 0.5})
        for number, stage in enumerate(stages)
    ]


def test_loss_is_drawn_over_the_epochs_and_stages_are_marked() -> None:
    figure = loss_and_accuracy(history("hhf"), CAPTION)
    training, validation, mark = figure.axes[0].lines
    assert np.asarray(training.get_ydata()).tolist() == [1.0, 0.5, 1 / 3]
    assert np.asarray(validation.get_ydata()).tolist() == [0.5, 0.5, 0.5]
    assert np.asarray(mark.get_xdata()).tolist() == [2.5, 2.5]
    assert "SYNTHETIC" in title(figure)
    assert is_whole(figure)


def test_training_figures_under_their_other_name_are_drawn() -> None:
    epochs = [Epoch(number=0, stage="head", metrics={"train_accuracy": 0.25})]
    line = loss_and_accuracy(epochs, CAPTION).axes[1].lines[0]
    assert np.asarray(line.get_ydata()).tolist() == [0.25]


def test_a_run_without_epochs_is_drawn_empty() -> None:
    assert is_whole(loss_and_accuracy([], CAPTION))


@pytest.mark.parametrize("rows", [1, 20])
def test_the_board_is_drawn_best_on_top(rows: int) -> None:
    val = Interval(value=0.8, low=0.7, high=0.9)
    drawn = [(f"network {n} ★ ≈", val, val) for n in range(rows)]
    figure = board_figure(drawn, "phantom: $ (SYNTHETIC images)", "macro-F1")
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels[0] == "network 0 ★ ≈"
    heights = figure.axes[0].get_yticks()
    assert heights[0] == max(heights)
    assert title(figure) == "phantom: \\$ (SYNTHETIC images)"
    assert is_whole(figure)


def test_the_board_says_what_ranks_and_what_its_signs_mean() -> None:
    val = Interval(value=0.8, low=0.7, high=0.9)
    lines = ["≈ may be the best", "★ the champion by rule"]
    figure = board_figure([("network", val, None)], "phantom", "macro-F1", "out-of-fold", lines)
    said = [text.get_text() for text in figure.legends[0].get_texts()]
    assert said == ["out-of-fold (ranked on)", "test (reporting only)", *lines]
    assert is_whole(figure)


def test_the_confusion_table_has_every_pair_of_classes(make: Make) -> None:
    rows = make(images=90, classes=3)
    table = confusion_table(rows, Part.TEST)
    counts = confusion(rows.part(Part.TEST))
    assert table["images"].tolist() == counts.ravel().tolist()
    assert table["true_class"].tolist()[:4] == ["class 0"] * 3 + ["class 1"]
    assert table["predicted_class"].tolist()[:4] == ["class 0", "class 1", "class 2", "class 0"]
    assert table.groupby("true_class")["share_of_true"].sum().tolist() == pytest.approx([1, 1, 1])


def test_the_share_of_a_class_without_images_is_unknown(make: Make) -> None:
    rows = make(images=60, classes=3)
    table = confusion_table(rows.where(rows.labels != 2), Part.TEST)
    assert table[table["true_class"] == "class 2"]["share_of_true"].isna().all()


def test_the_report_gives_scikit_learns_figures(make: Make) -> None:
    from sklearn.metrics import precision_recall_fscore_support

    rows = make(images=90, classes=3)
    text = classification_report(rows, Part.TEST)
    test = rows.part(Part.TEST)
    called = test.probabilities.argmax(axis=1)
    values = precision_recall_fscore_support(test.labels, called, zero_division=0)
    for position, line in enumerate(text.splitlines()[2:5]):
        wanted = [f"{each[position]:.4f}" for each in values[:3]]
        assert line.split()[2:] == [*wanted, str(values[3][position])]


def test_the_room_is_imported_without_anything_heavy() -> None:
    code = (
        "import sys, benchmark.evaluation, benchmark.board; print(sorted({'matplotlib', 'pandas',"
        " 'pyarrow', 'seaborn', 'sklearn', 'rich', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_drawing_leaves_no_pyplot_figure_behind(make: Make) -> None:
    from matplotlib import pyplot as plt

    confusion_matrix(make(), Part.TEST, CAPTION)
    assert plt.get_fignums() == []
