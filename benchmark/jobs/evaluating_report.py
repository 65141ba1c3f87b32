"""What is left of models that were judged: tables, figures and a page, as files by name."""

import io
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..data import renamed
from ..evaluation import (
    Caption,
    OperatingPoint,
    by_patient,
    interval_metrics,
    part_figures,
    patient_metrics,
    point_metrics,
    reliability_table,
    score,
    write_predictions,
)
from ..files import whole_file
from ..records import Index, Part, Predictions
from ..texts import printable
from .evaluating_images import Questions
from .evaluating_tables import Table, at_point, by_class, measured, of_subgroups

PAGE = "evaluation.md"
_PREDICTIONS = "predictions.parquet"
_OF_FILES = ("known_images.csv", "unreadable.csv")  # a row a file, by its name
_OF_SOME = ("operating_point.csv", "subgroups.csv", *_OF_FILES)
_DPI = 110  # chosen: sharp at the width of MLflow's pages, as figures of runs are


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judgement:
    """A model's answers for the images that it was judged on.

    Attributes:
        label: what the model is called for people and in files' names.
        rows: its answers.
        patients: its answers by patient, None where no patient has several images.
        point: its operating point, None without one.
    """

    label: str
    rows: Predictions
    patients: Predictions | None
    point: OperatingPoint | None

    @classmethod
    def of(cls, label: str, rows: Predictions, point: OperatingPoint | None) -> "Judgement":
        """Return a model's answers with those by patient."""
        return cls(label=label, rows=rows, patients=by_patient(rows), point=point)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Setting:
    """On what models are judged.

    Attributes:
        data: the data set's name.
        synthetic: whether a program drew the images, or those that a model learnt from.
        prevalence: the share of positives that predictive values are given for, if any.
        cells: for each column that tells subgroups, a cell an image.
        lists: tables of images that are not judged, or known to a model.
        notes: what a reader should know, a line each.
    """

    data: str
    synthetic: bool
    prevalence: float | None
    cells: Mapping[str, Sequence[str]]
    lists: Sequence[Table]
    notes: Sequence[str]


def tables_of(judged: Judgement, setting: Setting) -> tuple[Table, ...]:
    """Return the tables about a model."""
    rows, patients, point = judged.rows, judged.patients, judged.point
    found = [measured(rows, patients), by_class(rows, patients)]
    if point is not None:
        found.append(at_point(point, rows, patients, setting.prevalence))
    if setting.cells:
        found.append(of_subgroups(rows, setting.cells, point))
    return tuple(found)


def scores(judged: Judgement, prevalence: float | None) -> dict[str, float]:
    """Return a model's figures as metrics, under the names that they have in a run.

    The images judged are the part test: `test_macro_f1`, and `test_patient_macro_f1` by patient.
    """
    point = judged.point
    return {
        **score(judged.rows),
        **interval_metrics(judged.rows),
        **patient_metrics(judged.rows),
        **({} if point is None else point_metrics(point, judged.rows, prevalence)),
    }


def files_of(judged: Judgement, tables: Sequence[Table], setting: Setting) -> dict[str, bytes]:
    """Return all that is left of a model that was judged, by name."""
    reliable = reliability_table(judged.rows, Part.TEST).to_csv(index=False)
    texts = {f"{table.name}.csv": table.to_csv() for table in (*tables, *setting.lists)}
    texts |= {"reliability.csv": reliable, PAGE: page(judged.label, tables, setting)}
    files = {name: text.encode(errors="backslashreplace") for name, text in texts.items()}
    files |= {f"figures/{name}.png": _png(each) for name, each in _drawn(judged, setting).items()}
    return {**files, _PREDICTIONS: _parquet(judged.rows)}


def without_names(setting: Setting, index: Index) -> Setting:
    """Return a setting whose notes name no file of real images."""
    return replace(setting, notes=[renamed(each, index) for each in setting.notes])


def as_logged(
    judged: Judgement,
    tables: Sequence[Table],
    nameless: Setting,
    files: Mapping[str, bytes],
    asked: Questions,
) -> dict[str, bytes]:
    """Return the files of `files_of` as they are logged: of real images no file is named.

    Args:
        judged: the model that was judged; `tables` are of it.
        tables: see judged.
        nameless: on what, see `without_names`.
        files: what is left of it among the results.
        asked: the images.
    """
    if asked.index.synthetic:
        return dict(files)
    kept = {name: content for name, content in files.items() if name not in _OF_FILES}
    text = page(judged.label, tables, nameless).encode(errors="backslashreplace")
    return {**kept, PAGE: text, _PREDICTIONS: _parquet(replace(judged.rows, paths=asked.names))}


def _parquet(rows: Predictions) -> bytes:
    with tempfile.TemporaryDirectory(prefix="benchmark-evaluation-") as folder:
        path = Path(folder) / _PREDICTIONS
        write_predictions(rows, path)
        return path.read_bytes()


def files_of_comparison(title: str, table: Table, setting: Setting) -> dict[str, bytes]:
    """Return the files that say how several models differ, by name."""
    texts = {"comparison.csv": table.to_csv(), PAGE: page(title, [table], setting)}
    return {name: text.encode(errors="backslashreplace") for name, text in texts.items()}


def page(title: str, tables: Sequence[Table], setting: Setting) -> str:
    """Return the page about models that were judged, as Markdown."""
    marked = " (SYNTHETIC)" if setting.synthetic else ""
    notes = "\n".join(f"- {printable(each)}" for each in setting.notes)
    body = "\n".join(table.to_markdown() for table in tables)
    foot = (
        "[ ] is the 95 % interval over other images, or other patients where they are known; a "
        "figure without one rests on too few. Intervals of subgroups are not made wider for their "
        "number: with twenty of them one is expected to miss."
    )
    return f"# {title} on {setting.data}{marked}\n\n{notes}\n\n{body}\n{foot}\n"


def leave(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder, and take away tables that an earlier evaluation left there alone.

    Raises:
        StoreError: it cannot be written to.
    """
    for name in _OF_SOME:
        if name not in files:
            (folder / name).unlink(missing_ok=True)
    for name, content in files.items():
        with whole_file(folder / name) as part:
            part.write_bytes(content)


def _drawn(judged: Judgement, setting: Setting) -> dict[str, Any]:
    caption = Caption(arch=judged.label, data=setting.data, synthetic=setting.synthetic)
    return part_figures(judged.rows, Part.TEST, caption)


def _png(figure: Any) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_DPI, bbox_inches="tight")
    return file.getvalue()
