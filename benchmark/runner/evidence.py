"""The figures and tables of a run, from its prediction table and its history."""

from collections.abc import Sequence
from typing import Any

from ..evaluation import (
    Caption,
    classification_report,
    confusion_matrix,
    confusion_table,
    loss_and_accuracy,
    precision_recall_curves,
    roc_curves,
)
from ..records import Epoch, Part, Predictions

_SCORED = (Part.VAL, Part.TEST)


def import_what_draws() -> None:
    """Import what figures are drawn with, a second's work, while nothing waits for them."""
    import seaborn as sns  # noqa: F401


def figures_of(
    predictions: Predictions, history: Sequence[Epoch], caption: Caption
) -> dict[str, Any]:
    """Draw a run's figures, by file name."""
    figures: dict[str, Any] = {}
    for part in _SCORED:
        figures[f"confusion_{part}.png"] = confusion_matrix(predictions, part, caption)
        figures[f"roc_{part}.png"] = roc_curves(predictions, part, caption)
        figures[f"precision_recall_{part}.png"] = precision_recall_curves(
            predictions, part, caption
        )
    if history:
        figures["loss_and_accuracy.png"] = loss_and_accuracy(history, caption)
    return figures


def tables_of(predictions: Predictions) -> dict[str, str]:
    """Write a run's tables, by file name."""
    tables = {}
    for part in _SCORED:
        tables[f"confusion_{part}.csv"] = confusion_table(predictions, part).to_csv(index=False)
        tables[f"classification_report_{part}.txt"] = classification_report(predictions, part)
    return tables
