"""A finished spec on disk: a folder that is complete under its name, or is not there."""

import contextlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import environment
from ..cache import Cache
from ..data import Pixels
from ..evaluation import write_predictions
from ..records import (
    Epoch,
    Outcome,
    Part,
    Predictions,
    Probabilities,
    Progress,
    Rows,
    Seconds,
    Silent,
    Spec,
)
from ..search import SearchError, SearchResult
from ..training import Fitted, Material, difference_bound, train, verify
from .objective import Study
from .searches import SEARCH_FILE, write_search
from .task import Helped, Task, Voice

CHECKED_IMAGES = 16  # chosen, not sourced: half a batch of val and of test shows a wrong network


def run_task(task: Task, progress: Voice) -> Outcome:
    """Search where it is asked for, train, and leave the outcome's folder.

    Whatever raises is that spec's failure.
    """
    began = environment.seconds()
    found, seconds = _search(task, progress)
    spec = found.spec if found else task.spec
    material = _material(task, spec.picture.side_px)
    fitted, checked = _train(task, spec, material, progress)
    progress.stage("save")
    folder = _fresh(task.folder)
    fitted.network.save(folder / "model.keras")
    write_predictions(_predictions(task, fitted), folder / "predictions.parquet")
    write_predictions(
        _rows_as_predictions(task, checked.rows, checked.probabilities), folder / "check.parquet"
    )
    (folder / "history.json").write_text(json.dumps([asdict(epoch) for epoch in fitted.history]))
    if found:
        write_search(found.result, folder / SEARCH_FILE)
    outcome = Outcome(
        spec=task.spec,
        folder=task.folder,
        seconds=fitted.seconds.having(search=seconds, wall=environment.seconds() - began),
        parameters=int(fitted.network.count_params()),
        model_bytes=(folder / "model.keras").stat().st_size,
        milliseconds_per_image=checked.milliseconds,
        device=_device(),
        engine=fitted.engine,
        peak_memory_mib=environment.peak_memory_mib(),
        largest_difference=checked.difference,
        facts=dict(fitted.facts),
        warnings=(*fitted.warnings, *(found.result.notes if found else ())),
        trained=spec if found else None,
    )
    (folder / "outcome.json").write_text(json.dumps(_to_json(outcome)))
    _complete(folder, task.folder)
    return outcome


def help_with(task: Task, voice: Voice) -> Helped:
    """Run trials of a study that another worker began, until there is none left to begin.

    What that worker finds out by itself (that no trial has a score) is left to it.
    """
    study = study_of(task, Silent())
    study.prepare()
    with contextlib.suppress(SearchError):
        study.run(task.storage, task.job, voice.trial)
    return Helped()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What a search came to: its trials, and the spec that the best one gives."""

    result: SearchResult
    spec: Spec


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Checked:
    """What the deployable network itself says of some rows, and how far that is from the board."""

    rows: Rows
    probabilities: Probabilities
    milliseconds: float
    difference: float


def _search(task: Task, progress: Voice) -> tuple[_Found | None, float]:
    if task.space is None:
        return None, 0.0
    study = study_of(task, progress)
    study.prepare()  # before others come to help, who would wait for it; and no time of the search
    began = environment.seconds()
    progress.searching(is_open=True)
    result = study.run(task.storage, task.job, progress.trial)
    progress.searching(is_open=False)
    own = sum(trial.seconds for trial in result.trials)  # an interrupted search counts as a whole
    spent = max(environment.seconds() - began, own)
    return _Found(result=result, spec=study.spec_of(result.best.params)), spent


def study_of(task: Task, progress: Progress) -> Study:
    """Give the study of a task that has a search space."""
    assert task.space is not None
    materials = {side: _material(task, side) for side, _ in _sides(task)}
    return Study(task.spec, task.space, materials, progress)


def _sides(task: Task) -> tuple[tuple[int, Path], ...]:
    own = (task.spec.picture.side_px, task.pixels)
    return (own, *(each for each in task.sides if each[0] != own[0]))


def _material(task: Task, side_px: int) -> Material:
    return Material(
        classes=task.classes,
        labels=task.labels,
        hashes=tuple(task.hashes),
        groups=tuple(task.groups),
        split=task.split,
        pixels=Pixels.open(dict(_sides(task))[side_px]),
        weights=task.weights,
        cache=Cache(task.cache, task.cache_bytes),
        members=task.members,
        scratch=task.scratch,
    )


def _train(
    task: Task, spec: Spec, material: Material, progress: Progress
) -> tuple[Fitted, _Checked]:
    """Train, and train again on the reference's features if the network is far from the board."""
    fitted = train(spec, material, progress)
    checked = _check(task, fitted, material)
    bound = difference_bound(fitted.engine)
    if checked.difference > bound and fitted.engine.startswith("openvino"):
        fitted = train(spec, material, progress, engine="tensorflow")
        checked = _check(task, fitted, material)
    return fitted, checked


def _check(task: Task, fitted: Fitted, material: Material) -> _Checked:
    rows = _checked_rows(task.split.val, task.split.test)
    pictures = material.pixels.rows([material.hashes[row] for row in rows])
    own = verify(fitted.network, material.pixels.array[pictures])
    rows = rows[: len(own.probabilities)]
    return _Checked(
        rows=rows,
        probabilities=own.probabilities,
        milliseconds=own.milliseconds,
        difference=_largest_difference(task, fitted, rows, own.probabilities),
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
    return tuple(Epoch(**epoch) for epoch in json.loads((folder / "history.json").read_text()))


def complete_outcomes(folder: Path) -> tuple[Path, ...]:
    """Find outcomes that were finished and not yet logged, and clear what was left half-made."""
    if not folder.is_dir():
        return ()
    for half in folder.glob("*.part"):
        shutil.rmtree(half, ignore_errors=True)
    return tuple(sorted(each.parent for each in folder.glob("*/outcome.json")))


def _to_json(outcome: Outcome) -> dict[str, Any]:
    names = [name for name in Outcome.__slots__ if name != "folder"]
    values = {name: getattr(outcome, name) for name in names}
    return {
        **values,
        "spec": outcome.spec.to_json(),
        "seconds": asdict(outcome.seconds),
        "trained": outcome.trained and outcome.trained.to_json(),
    }


def _checked_rows(val: Rows, test: Rows) -> Rows:
    """Choose rows spread evenly over val and test, the two in turn: the first few are from both."""

    def spread(rows: Rows) -> Rows:
        return rows[np.linspace(0, len(rows) - 1, min(len(rows), CHECKED_IMAGES)).astype(np.int64)]

    chosen = [spread(val), spread(test)]
    turns = np.concatenate([np.arange(len(each)) for each in chosen])
    return np.concatenate(chosen)[np.argsort(turns, kind="stable")]


def _largest_difference(
    task: Task, fitted: Fitted, checked: Rows, probabilities: Probabilities
) -> float:
    """Compare the saved network with the board's probabilities, where both mean the same.

    A composite's validation probabilities on the board are cross-fitted; what the deployed one
    says of validation stands beside them.
    """
    val = fitted.val if fitted.own_val is None else fitted.own_val
    board = dict(zip(task.split.test.tolist(), fitted.test, strict=True))
    board |= dict(zip(task.split.val.tolist(), val, strict=True))
    pairs = [
        np.abs(board[int(row)] - own).max() for row, own in zip(checked, probabilities, strict=True)
    ]
    return float(max(pairs, default=0.0))


def _predictions(task: Task, fitted: Fitted) -> Predictions:
    rows = np.concatenate([task.split.val, task.split.test])
    return _rows_as_predictions(task, rows, np.concatenate([fitted.val, fitted.test]))


def _rows_as_predictions(task: Task, rows: Rows, probabilities: Probabilities) -> Predictions:
    copies = dict(zip(task.split.test.tolist(), task.split.test_is_copy.tolist(), strict=True))
    test = set(copies)
    return Predictions(
        classes=task.classes,
        hashes=tuple(task.hashes[row] for row in rows),
        paths=tuple(task.paths[row] for row in rows),
        parts=tuple(Part.TEST if row in test else Part.VAL for row in rows.tolist()),
        labels=task.labels[rows],
        probabilities=probabilities,
        is_copy=np.array([copies.get(row, False) for row in rows.tolist()], dtype=bool),
    )


def _fresh(folder: Path) -> Path:
    """Give an empty folder beside the final one."""
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    return part


def _complete(part: Path, folder: Path) -> None:
    """Put a folder under its final name, once its contents are on the disk."""
    for path in part.iterdir():
        descriptor = os.open(path, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)


def _device() -> str:
    """Name the device that Keras computes on."""
    import keras

    devices = [str(device) for device in keras.distribution.list_devices()]
    return next((device for device in devices if not device.startswith("cpu")), "cpu")
