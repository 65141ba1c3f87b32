"""A finished spec on disk: a folder that is complete under its name, or is not there."""

import csv
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from .. import environment
from ..cache import Cache
from ..data import Pixels
from ..errors import StoreError, one_line
from ..evaluation import write_predictions
from ..files import sync
from ..records import (
    Epoch,
    Outcome,
    Part,
    Predictions,
    Probabilities,
    Progress,
    Rows,
    Seconds,
    Spec,
)
from ..search import SEARCH_FILE, SearchResult, write_search
from ..training import (
    Choose,
    Considered,
    Fitted,
    Material,
    Trunk,
    answer_out_of_fold,
    fold_count,
    noting,
    rows_in_folds,
    this_device,
)
from ..zoo import FINETUNED
from .checking import train_checked
from .messages import Task, Voice
from .objective import Study, search_in_fold


def run_task(task: Task, progress: Voice) -> Outcome:
    """Search where it is asked for, train, and leave the outcome's folder.

    Whatever raises is that spec's failure.
    """
    with noting() as notes:
        return _run_task(task, progress, notes)


def _run_task(task: Task, progress: Voice, notes: Sequence[str]) -> Outcome:
    began = environment.seconds()
    material = _material(task)
    found, seconds = _search(task, material, progress)
    spec = found.spec if found else task.spec
    trunk = found.trunk if found else None
    fitted, checked = train_checked(spec, material, progress, trunk, task.temperature)
    progress.stage("save")
    with _left(task.folder) as folder:
        fitted.network.save(folder / "model.keras")
        write_predictions(_predictions(task, fitted), folder / "predictions.parquet")
        write_predictions(
            _rows_as_predictions(task, checked.rows, checked.probabilities),
            folder / "check.parquet",
        )
        (folder / "history.json").write_text(
            json.dumps([asdict(epoch) for epoch in fitted.history])
        )
        _leave_hashes(task, folder / "trained_on.parquet")
        if found:
            write_search(found.result, folder / SEARCH_FILE)
        if fitted.tried:
            _leave_choices(fitted.tried, folder / "choices.csv")
        more = _leave_out_of_fold(task, material, checked.engine, progress, folder)
        outcome = Outcome(
            spec=task.spec,
            folder=task.folder,
            seconds=fitted.seconds.having(search=seconds, wall=environment.seconds() - began),
            parameters=int(fitted.network.count_params()),
            model_bytes=(folder / "model.keras").stat().st_size,
            milliseconds_per_image=checked.milliseconds,
            device=this_device().name,
            engine=fitted.engine,
            peak_memory_mib=environment.peak_memory_mib(),
            largest_difference=checked.difference,
            facts={**fitted.facts, **more},
            warnings=(*fitted.warnings, *(found.result.notes if found else ()), *notes),
            trained=_final(spec, fitted) if found or fitted.params else None,
            temperature=checked.temperature,
        )
        (folder / "outcome.json").write_text(json.dumps(_to_json(outcome)))
    return outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What a search came to: its trials, the spec that the best one gives, and its backbone."""

    result: SearchResult
    spec: Spec
    trunk: Trunk


def _search(task: Task, material: Material, progress: Voice) -> tuple[_Found | None, float]:
    if task.space is None or task.spec.search is None:
        return None, 0.0
    study = Study(task.spec, task.space, material, progress)
    study.prepare()  # no time of the search
    began = environment.seconds()
    progress.searching(is_under_way=True)
    result = study.run(task.storage, progress.trial, anew=task.anew)
    progress.searching(is_under_way=False)
    own = sum(trial.seconds for trial in result.trials)  # an interrupted search counts as a whole
    spent = max(environment.seconds() - began, own)
    spec = study.spec_of(result.best.params, result.best.epochs)  # the network it had
    return _Found(result=result, spec=spec, trunk=study.trunk), spent


def _final(spec: Spec, fitted: Fitted) -> Spec:
    """Return the spec with the parameters that its training chose, if it chose any."""
    return replace(spec, params=fitted.params or spec.params, search=None)


def _material(task: Task) -> Material:
    return Material(
        classes=task.classes,
        labels=task.labels,
        hashes=tuple(task.hashes),
        groups=tuple(task.groups),
        units=task.units,
        split=task.split,
        pixels=Pixels.open(task.pixels),
        weights=task.weights,
        cache=Cache(task.cache, task.cache_bytes),
        members=task.members,
        scratch=task.scratch,
    )


def read_outcome(folder: Path) -> Outcome:
    """Read the outcome that a worker left in a folder."""
    values: Mapping[str, Any] = json.loads((folder / "outcome.json").read_text())
    return Outcome(
        **{
            **values,
            "spec": Spec.from_json(values["spec"]),
            "folder": folder,
            "seconds": Seconds(**values["seconds"]),
            "warnings": tuple(values["warnings"]),
            "trained": values["trained"] and Spec.from_json(values["trained"]),
        }
    )


def read_history(folder: Path) -> tuple[Epoch, ...]:
    """Read the epochs that a worker left in a folder."""
    return epochs_of((folder / "history.json").read_text())


def epochs_of(text: str) -> tuple[Epoch, ...]:
    """Read the epochs of a `history.json` from its text."""
    return tuple(Epoch(**epoch) for epoch in json.loads(text))


def complete_outcomes(folder: Path) -> tuple[Path, ...]:
    """Find outcomes that were finished and not yet logged, and clear what was left half-made.

    Args:
        folder: where a process that is gone left them, and what it was making of them.
    """
    if not folder.is_dir():
        return ()
    found = sorted(each.parent for each in folder.glob("*/outcome.json"))
    complete = tuple(path for path in found if path.suffix != ".part")
    for half in set(folder.iterdir()) - set(complete):
        shutil.rmtree(half, ignore_errors=True)
    return complete


def _to_json(outcome: Outcome) -> dict[str, Any]:
    names = [name for name in Outcome.__slots__ if name != "folder"]
    values = {name: getattr(outcome, name) for name in names}
    return {
        **values,
        "spec": outcome.spec.to_json(),
        "seconds": asdict(outcome.seconds),
        "trained": outcome.trained and outcome.trained.to_json(),
    }


def _predictions(task: Task, fitted: Fitted) -> Predictions:
    rows = np.concatenate([task.split.val, task.split.test])
    return _rows_as_predictions(task, rows, np.concatenate([fitted.val, fitted.test]))


def _rows_as_predictions(task: Task, rows: Rows, probabilities: Probabilities) -> Predictions:
    split = task.split
    parts = {row: part for part in Part for row in split.rows(part).tolist()}
    copies = {row for part in Part for row in split.rows(part)[split.is_copy(part)].tolist()}
    return Predictions(
        classes=task.classes,
        hashes=tuple(task.hashes[row] for row in rows),
        paths=tuple(task.paths[row] for row in rows),
        parts=tuple(parts[row] for row in rows.tolist()),
        labels=task.labels[rows],
        probabilities=probabilities,
        is_copy=np.array([row in copies for row in rows.tolist()], dtype=bool),
        units=task.units[rows],
    )


def _leave_out_of_fold(
    task: Task, material: Material, engine: str | None, progress: Progress, folder: Path
) -> dict[str, str]:
    """Leave the answers out of fold that a spec asks for; return what they cost, as facts.

    Copies of an image share its fold, so that none of these images was learnt from.
    """
    if not fold_count(task.spec.rank_on):
        return {}
    began = environment.seconds()
    said = answer_out_of_fold(
        task.spec, material, progress, engine=engine, choose=_chosen_in_folds(task)
    )
    rows = rows_in_folds(material)
    table = _rows_as_predictions(task, rows, said)
    table = replace(table, is_copy=np.zeros(len(rows), dtype=bool))
    write_predictions(table, folder / "out_of_fold.parquet")
    return {"out_of_fold_seconds": f"{environment.seconds() - began:.3f}"}


def _leave_choices(tried: Sequence[Considered], path: Path) -> None:
    """Leave a table of what a head was chosen among: a row a combination of alternatives."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(["alternative", "l2", "log_loss", "standard_error", "chosen"])
        for each in tried:
            named = " ".join(f"{name}={value}" for name, value in each.params.items())
            figures = (each.l2, each.log_loss, each.standard_error)
            chosen = "yes" if each.chosen else "no"
            table.writerow([named, *(f"{figure:.6g}" for figure in figures), chosen])


def _chosen_in_folds(task: Task) -> Choose | None:
    """Return what searches anew in a fold, where the network, or the one it began from, was."""
    asked = task.members[0].asked if task.spec.arch == FINETUNED else task.spec
    space = task.space
    if space is None or asked.search is None:
        return None
    return lambda fold: search_in_fold(asked, space, fold)


def _leave_hashes(task: Task, path: Path) -> None:
    """Leave the content digests of what the network learnt from: a later comparison needs them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    hashes = [task.hashes[row] for row in task.split.train]
    pq.write_table(pa.table({"hash": pa.array(hashes, pa.string())}), path, compression="zstd")


@contextmanager
def _left(folder: Path) -> Iterator[Path]:
    """Yield an empty folder that stands under its final name once all went well, else is gone.

    Raises:
        StoreError: it cannot be written, such as on a full disk.
    """
    part = folder.with_name(folder.name + ".part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        yield part
        _complete(part, folder)
    except OSError as error:
        raise StoreError(
            f"what was trained cannot be written to {folder}: {error.strerror or one_line(error)}; "
            "the next start trains it again."
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _complete(part: Path, folder: Path) -> None:
    """Put a folder under its final name, once its contents are on the disk."""
    for path in part.iterdir():
        sync(path)
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)
