"""All that is computed from a run's tables: figures for MLflow, tables and drawings for people."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from ..evaluation import (
    SCORED_PARTS,
    Caption,
    OperatingPoint,
    WantedPoint,
    at_temperature,
    choose_point,
    classification_report,
    confusion_table,
    interval_metrics,
    loss_and_accuracy,
    part_figures,
    patient_metrics,
    point_metrics,
    point_table,
    raw_scores,
    reliability_table,
    score,
    score_out_of_fold,
)
from ..records import Epoch, Part, Predictions


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judged:
    """A run's tables, as they are kept and at its temperature, and its operating point.

    Attributes:
        kept: its prediction table, of before the temperature.
        predictions: the same at its temperature, as is `out_of_fold`; None where it has none.
        point: its operating point, None where it has none.
        prevalence: the share of positives that predictive values are given for too.
        lacks: why it has no operating point though one is wanted, empty where it has.
    """

    kept: Predictions
    predictions: Predictions
    out_of_fold: Predictions | None
    point: OperatingPoint | None = None
    prevalence: float | None = None
    lacks: str = ""

    @classmethod
    def at(
        cls,
        temperature: float,
        kept: Predictions,
        out_of_fold: Predictions | None,
        wanted: WantedPoint | OperatingPoint | None,
        prevalence: float | None = None,
    ) -> Self:
        """Bring a run's tables to its temperature, and choose its point where it is wanted.

        Args:
            temperature: its network's.
            kept: its prediction table, as it is kept.
            out_of_fold: its answers out of fold, as they are kept.
            wanted: the operating point, or how it is to be chosen on validation; copies
                of train aside; it has none where validation lacks positive or negative images.
            prevalence: as above, for a point that is chosen already.
        """
        predictions, lacks = at_temperature(kept, temperature), ""
        point = wanted if isinstance(wanted, OperatingPoint) else None
        if isinstance(wanted, WantedPoint):
            prevalence = wanted.prevalence
            val = predictions.part(Part.VAL)
            val = val.where(~val.is_copy)
            sick = {val.classes[label] in wanted.positive for label in val.labels.tolist()}
            if len(sick) == 2:
                point = choose_point(val, wanted.positive, wanted.rule)
            else:
                named = "+".join(wanted.positive)
                lacks = f"no operating point: validation lacks images of {named}, or any others"
        return cls(
            kept=kept,
            predictions=predictions,
            out_of_fold=None if out_of_fold is None else at_temperature(out_of_fold, temperature),
            point=point,
            prevalence=prevalence,
            lacks=lacks,
        )

    def scores(self) -> dict[str, float]:
        """Return every figure of the tables, with the ends of their 95 % intervals."""
        predictions, point = self.predictions, self.point
        return {
            **score(predictions),
            **interval_metrics(predictions),
            **raw_scores(self.kept),
            **patient_metrics(predictions),
            **({} if point is None else point_metrics(point, predictions, self.prevalence)),
            **({} if self.out_of_fold is None else score_out_of_fold(self.out_of_fold)),
        }

    def tables(self) -> dict[str, str]:
        """Write the tables for people, by file name."""
        tables = {}
        for part in SCORED_PARTS:
            for name, table in (("confusion", confusion_table), ("reliability", reliability_table)):
                tables[f"{name}_{part}.csv"] = table(self.predictions, part).to_csv(index=False)
            report = classification_report(self.predictions, part)
            tables[f"classification_report_{part}.txt"] = report
        if self.point is not None:
            operated = point_table(self.point, self.predictions, self.prevalence)
            tables["operating_point.csv"] = operated.to_csv(index=False)
        return tables

    def figures(self, history: Sequence[Epoch], caption: Caption) -> dict[str, Any]:
        """Draw the figures, by file name."""
        figures: dict[str, Any] = {}
        for part in SCORED_PARTS:
            for name, figure in part_figures(self.predictions, part, caption).items():
                figures[f"{name}_{part}.png"] = figure
        if history:
            figures["loss_and_accuracy.png"] = loss_and_accuracy(history, caption)
        return figures
