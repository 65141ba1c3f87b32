"""The job that judges registered models on labelled images, such as another hospital's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..cache import Cache
from ..data import read_cells, read_index, understood_lines
from ..errors import DataError
from ..plan import left_out_notes, reading_of
from ..records import Index, LeftOut, Probabilities
from ..texts import last_part, shown
from ..tracking import Evaluation, Pulled, log_evaluations
from .evaluating_images import AUTO, Questions, agree, ask, choose_rows
from .evaluating_models import JudgedModel, Wanted, find_subjects, of_known_patients
from .evaluating_report import (
    PAGE,
    Judgement,
    Setting,
    as_logged,
    files_of,
    files_of_comparison,
    leave,
    scores,
    tables_of,
    without_names,
)
from .evaluating_tables import Table, compared
from .progress import Display, StageOf, show, wide_console
from .results import folder_name, writable
from .shown import shown_options

REPORT = "report"
_NAMED = 5  # images that a line names


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluating(Wanted):
    """What is to be judged, and how, under the options' own names; see `Wanted` for the models.

    Attributes:
        data: the data set.
        part: which of its parts, see `choose_rows`.
        map: the model's class by the data set's.
        by: columns of the table by which subgroups are told.
        on_leak: `drop` leaves out images that a model was trained or chosen on, `report` does not.
        max_unreadable: percent of unreadable images that are left out without asking.
        experiment: MLflow's experiment, None for `evaluate-` and the data set's name.
        output: the folder for tables and figures.
        cache: where hashes of files are remembered.
    """

    data: str
    part: str
    map: Mapping[str, str]
    by: tuple[str, ...]
    on_leak: str
    max_unreadable: float
    experiment: str | None
    output: str
    cache: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Posed:
    """The images that models are asked about.

    Attributes:
        asked: the images.
        lists: a table of those that a model was made from, if there are such.
        notes: what should be said of them, a line each.
        warnings: what makes figures doubtful, which is said beside them.
    """

    asked: Questions
    lists: tuple[Table, ...]
    notes: tuple[str, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Answered:
    """The images that every model could be asked about, and what each said.

    Attributes:
        asked: n images.
        answers: (n, k) probabilities for each model, in the order of its own classes.
        unreadable: images that are not judged, for they cannot be read.
    """

    asked: Questions
    answers: tuple[Probabilities, ...]
    unreadable: tuple[LeftOut, ...]


def evaluate_models(wanted: Evaluating, texts: Mapping[str, str], *, quiet: bool) -> int:
    """Judge models on labelled images; what came of it is left as files and as an MLflow run.

    Args:
        wanted: what is judged.
        texts: the options' texts that were given.
        quiet: whether nothing but results is said.

    Raises:
        BenchmarkError: something that a person must mend; nothing is left then.
    """
    console = wide_console()
    writable(Path(wanted.output))
    with show(console, quiet=quiet) as display:
        subjects = find_subjects(wanted)
        reading = reading_of(texts)
        index = read_index(wanted.data, reading, Cache(Path(wanted.cache)))
        cells = read_cells(wanted.data, reading, wanted.by) if wanted.by else {}
        for line in (*understood_lines(index), *index.notes):
            display.note(line)
        posed = _posed(wanted, index, subjects)
        for line in posed.notes:
            display.note(line)
        found = _answered(wanted, subjects, posed.asked, display)
        warnings = (*posed.warnings, *left_out_notes(found.unreadable))
        setting = Setting(
            data=index.name,
            synthetic=index.synthetic or any(each.model.card.synthetic for each in subjects),
            prevalence=wanted.prevalence,
            cells={
                column: tuple(cells[path][place] for path in found.asked.paths)
                for place, column in enumerate(wanted.by)
            },
            lists=(*posed.lists, *_unreadable(found.unreadable)),
            notes=(*posed.notes, *warnings),
        )
        display.begin("tables and figures")
        tables, lines = _leave(wanted, texts, subjects, found, setting)
        display.over("tables and figures")
    for table in tables:
        console.print(table.to_rich())
    for line in (*warnings, *lines):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    return 0


def _posed(wanted: Evaluating, index: Index, subjects: Sequence[JudgedModel]) -> _Posed:
    """Return the images that are judged, less those that a model was made from.

    Raises:
        UsageError: there is no such part, or a class is none of the models'.
        DataError: a model was made from every image, or too many cannot be read.
    """
    lost = len(index.left_out)
    _check_readable(lost, len(index) + lost, wanted.max_unreadable)
    rows, which = choose_rows(index, wanted.part)
    classes = subjects[0].model.card.classes
    mapping = agree(index, rows, classes, wanted.map)
    asked = Questions(
        index=index,
        rows=rows,
        classes=classes,
        mapping=mapping,
        is_known=np.zeros(len(rows), dtype=bool),
    )
    known = [
        (path, sha256, each.label, way)
        for each in subjects
        for path, sha256 in zip(asked.paths, asked.hashes, strict=True)
        if (way := each.known.of(sha256))
    ]
    notes = (
        f"judged: {which}, {len(rows)} of {len(index)} images",
        *(f"the class {a!r} is taken as {b!r}" for a, b in mapping.items() if a != b),
        *(note for each in subjects for note in each.notes),
    )
    warnings = (
        *(warning for each in subjects for warning in each.warnings),
        *of_known_patients(index, asked.rows, subjects),
    )
    if not known:
        return _Posed(asked=asked, lists=(), notes=notes, warnings=warnings)
    held = {path for path, *_ in known}
    asked = replace(asked, is_known=np.array([path in held for path in asked.paths], dtype=bool))
    keeps = wanted.on_leak == REPORT
    if not keeps and asked.is_known.all():
        raise DataError(
            f"every image of {index.name} that would be judged is one that a model was trained or "
            "chosen on; --on-leak report judges them all the same."
        )
    done = "stay in, as --on-leak report says" if keeps else "are left out"
    said = (
        f"{len(held)} images that a model was trained or chosen on {done}: "
        f"{shown(sorted(held), _NAMED)}; known_images.csv names each"
    )
    columns = ("path", "sha256", "model", "known")
    table = Table(name="known_images", title="Known images", columns=columns, rows=tuple(known))
    return _Posed(
        asked=asked if keeps else asked.where(~asked.is_known),
        lists=(table,),
        notes=notes,
        warnings=(*warnings, said),
    )


def _answered(
    wanted: Evaluating, subjects: Sequence[JudgedModel], asked: Questions, display: Display
) -> _Answered:
    """Ask every model about the images, and leave out what cannot be read.

    Raises:
        DataError: that is too many.
    """
    answers: list[Probabilities] = []
    faults: dict[int, str] = {}
    for each in subjects:
        display.begin(each.label)
        own, bad = ask(Pulled(each.model), asked, StageOf(display, each.label))
        display.over(each.label)
        answers.append(own)
        faults |= bad
    _check_readable(len(faults), len(asked.rows), wanted.max_unreadable)
    readable = np.array([place not in faults for place in range(len(asked.rows))], dtype=bool)
    unread = [LeftOut(path=asked.paths[place], reason=faults[place]) for place in sorted(faults)]
    return _Answered(
        asked=asked.where(readable),
        answers=tuple(own[readable] for own in answers),
        unreadable=(*asked.index.left_out, *unread),
    )


def _check_readable(bad: int, total: int, percent: float) -> None:
    """Hold unreadable images to what is allowed, as in a benchmark."""
    if bad and (bad == total or bad > total * percent / 100):
        raise DataError(
            f"{bad} of {total} images cannot be read, above {percent:g} %; mend them, or allow "
            "more with --max-unreadable."
        )


def _unreadable(left_out: Sequence[LeftOut]) -> tuple[Table, ...]:
    if not left_out:
        return ()
    rows = tuple((each.path, each.reason) for each in left_out)
    columns = ("path", "reason")
    return (Table(name="unreadable", title="Unreadable images", columns=columns, rows=rows),)


def _leave(
    wanted: Evaluating,
    texts: Mapping[str, str],
    subjects: Sequence[JudgedModel],
    found: _Answered,
    setting: Setting,
) -> tuple[list[Table], list[str]]:
    """Write what came of it, then log it; return the tables to show, and where all of it is."""
    asked, several = found.asked, len(subjects) > 1
    labels = "+".join(each.label for each in subjects)
    experiment = folder_name(wanted.experiment or f"evaluate-{setting.data}")
    part = "" if wanted.part == AUTO else f"-{wanted.part}"
    folder = Path(wanted.output) / experiment / f"{labels}{part}"
    same: dict[str, Any] = {
        "data": setting.data,
        "data_digest": asked.index.digest,
        "hashes": asked.hashes,
        "synthetic": setting.synthetic,
    }
    params, nameless = _params(wanted, texts), without_names(setting, asked.index)
    judged, shown_tables, logged = [], [], []
    for each, probabilities in zip(subjects, found.answers, strict=True):
        rows = asked.table(each.model.card.classes, probabilities)
        own = Judgement.of(each.label, rows, each.point)
        tables = tables_of(own, setting)
        files = files_of(own, tables, setting)
        leave(folder / each.label if several else folder, files)
        judged.append(own)
        shown_tables += [replace(table, title=f"{each.label}: {table.title}") for table in tables]
        one = {**params, "model": _shown_model(each.model.uri)}
        logged.append(
            Evaluation(
                model=each.model,
                title=f"{each.label} on {setting.data}",
                params=one,
                scores=scores(own, setting.prevalence),
                files=as_logged(own, tables, nameless, files, asked),
                **same,
            )
        )
    whole, below = logged[0], logged[1:]
    if several:
        table = compared({each.label: each.rows for each in judged})
        names = " and ".join(each.label for each in judged)
        leave(folder, files_of_comparison(names, table, setting))
        files = files_of_comparison(names, table, nameless)
        shown_tables.append(table)
        title = f"{labels} on {setting.data}"
        whole, below = Evaluation(title=title, params=params, files=files, **same), logged
    uri, page = log_evaluations(wanted.experiment, whole, below)
    browse = f"{uri}{page}" if uri.startswith("http") else f"mlflow ui --backend-store-uri {uri}"
    lines = [f"Written:  {folder / PAGE}", f"Browse:   {browse}"]
    if not uri.startswith("http"):
        lines.append(f"          then http://127.0.0.1:5000{page}")
    return shown_tables, lines


def _params(wanted: Evaluating, texts: Mapping[str, str]) -> dict[str, str]:
    """Return the options as they are logged: of folders the last part only."""
    models = ",".join(map(_shown_model, wanted.model))
    return {**shown_options(texts), "data": last_part(wanted.data), "model": models}


def _shown_model(uri: str) -> str:
    return uri if uri.startswith(("models:", "runs:")) else last_part(uri)
