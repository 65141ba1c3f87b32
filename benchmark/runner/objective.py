"""A search inside a worker: what a trial costs and scores, and the spec that the best one gives."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np

from .. import environment
from ..errors import UsageError
from ..evaluation import overall
from ..records import (
    Epoch,
    Labels,
    Params,
    ParamValue,
    Part,
    Predictions,
    Probabilities,
    Progress,
    Regime,
    Rows,
    SearchSpec,
    Silent,
    Spec,
)
from ..search import (
    SIDE,
    Goal,
    Infeasible,
    SearchResult,
    SearchSettings,
    Space,
    Trial,
    TrialRecord,
    folds,
    parse_select,
    search,
)
from ..seeds import derive
from ..training import (
    Examples,
    Features,
    Material,
    Trunk,
    check,
    fit_head,
    open_features,
    settings_of,
    train,
)
from ..zoo import ARCHITECTURES, check_side

_FEWER_IS_BETTER = ("loss", "brier", "parameters", "milliseconds_per_image")
_BY_EPOCH = ("macro_f1", "f1", "accuracy", "precision", "recall", "auroc", "loss")
"""What training measures on validation after every epoch."""

# A dense layer reads each of its weights once an image, at the pace of memory: 10 GB/s, a few
# times less than a desktop's. Measuring a head would give noise of its own size.
_HEAD_WEIGHTS_A_MILLISECOND = 2.5e6

_MORE_IS_BETTER = (
    *("macro_f1", "micro_f1", "weighted_f1", "f1", "accuracy", "balanced_accuracy"),
    *("auroc", "mcc", "precision", "recall"),
)


def read_goals(objective: str) -> tuple[Goal, ...]:
    """Read `--objective`: one metric, or several separated by commas.

    Raises:
        UsageError: no such metric.
    """
    goals = []
    for name in (word.strip() for word in objective.split(",")):
        if name not in (*_FEWER_IS_BETTER, *_MORE_IS_BETTER):
            known = ", ".join((*_MORE_IS_BETTER, *_FEWER_IS_BETTER))
            raise UsageError(f"--objective must be among {known}, not {name!r}.")
        goals.append(Goal(metric=name, maximise=name in _MORE_IS_BETTER))
    return tuple(goals)


def check_pruner(pruner: str, objective: str, select: str) -> None:
    """Check that a pruner will have something to prune by.

    Raises:
        UsageError: trials report nothing on the way: the metric is only known at a trial's end.
    """
    goals = read_goals(objective)
    by_fold = parse_select(select) is not None
    if pruner == "none" or by_fold or all(goal.metric in _BY_EPOCH for goal in goals):
        return
    raise UsageError(
        f"--pruner {pruner} prunes by a metric that is known after every epoch, which are "
        f"{', '.join(_BY_EPOCH)}; --objective {objective} is none. With --select cv:5x2 it prunes "
        "by folds, and any metric will do."
    )


def settings_for(
    spec: Spec, wanted: SearchSpec, start: Params, job: Mapping[str, Any]
) -> SearchSettings:
    """Give a search's settings; its study's material is the spec but for the budget.

    Args:
        spec: what is searched for.
        wanted: how.
        start: the first trial's parameters, empty for none.
        job: what a process elsewhere needs to join the study.
    """
    without_budget = replace(spec, search=replace(wanted, trials=0, seconds=0.0))
    return SearchSettings(
        engine=wanted.engine,
        trials=wanted.trials,
        seconds=wanted.seconds,
        seed=derive(spec.seed, "search"),
        pruner=wanted.pruner,
        goals=read_goals(wanted.objective),
        study=spec.arch.replace(":", "-"),
        material=without_budget.digest,
        start=start,
        epochs=spec.epochs,
        job=job,
    )


def own_point(spec: Spec) -> dict[str, ParamValue]:
    """Give every value that a spec has before it is searched for, its side included."""
    return {**spec.params, SIDE.name: spec.picture.side_px}


def start_of(space: Space, own: Mapping[str, ParamValue]) -> Params:
    """Give the spec's own values as a point of the space, for the first trial.

    Nothing if they are none: a range that does not reach one of them (`Space.outside` names it).
    """
    return Params() if space.outside(own) else space.complete(own)


class Study:
    """The trials of one spec over the pixels of one side or several.

    Args:
        spec: what is searched for.
        space: where.
        materials: what a trial is trained on, by side in pixels.
        progress: told of features computed and of trials.
    """

    def __init__(
        self, spec: Spec, space: Space, materials: Mapping[int, Material], progress: Progress
    ) -> None:
        assert spec.search is not None
        self._spec = spec
        self._space = space.including(own_point(spec))
        self._wanted = spec.search
        self._materials = materials
        self._progress = progress
        self._features: dict[int, Features] = {}
        self._goals = read_goals(self._wanted.objective)
        self._select = parse_select(self._wanted.select)

    def run(
        self, storage: str, job: Mapping[str, Any], on_trial: Callable[[TrialRecord], None]
    ) -> SearchResult:
        """Search, or go on with a search that was interrupted.

        Args:
            storage: where the study is kept.
            job: what a process elsewhere needs to join it.
            on_trial: called with each trial finished here.
        """
        own = own_point(self._spec)
        start = start_of(self._space, own)
        self._progress.stage("search", self._wanted.trials or None, "trials")

        def told(record: TrialRecord) -> None:
            self._progress.advance()
            on_trial(record)

        settings = settings_for(self._spec, self._wanted, start, job)
        result = search(self._space, self.score, settings, storage, told)
        return replace(result, notes=(*result.notes, *_start_notes(self._space, own)))

    def spec_of(self, params: Params) -> Spec:
        """Give the spec with a trial's parameters in place of its own.

        Raises:
            UsageError: a parameter that the architecture does not have.
        """
        spec = self._spec
        side = int(params.get(SIDE.name, spec.picture.side_px))
        own = {name: value for name, value in params.items() if name != SIDE.name}
        checked = check({**spec.params, **own}, ARCHITECTURES[spec.arch], spec.regime)
        return replace(
            spec, picture=replace(spec.picture, side_px=side), params=checked, search=None
        )

    def score(self, trial: Trial) -> tuple[float, ...]:
        """Give the goals' values of a trial: on validation, or the mean over folds."""
        try:
            spec = self.spec_of(trial.params)
            check_side(ARCHITECTURES[spec.arch], spec.picture)
        except UsageError as error:  # a point that no network can be built at is no failure
            raise Infeasible(str(error)) from error
        spec = replace(spec, epochs=min(trial.epochs, self._spec.epochs))
        material = self._materials[spec.picture.side_px]
        one = self._score_head if _is_quick(spec) else self._score_network
        if self._select is None:
            split = material.split
            found = one(spec, material, split.train, split.val, self._reporter(trial))
            values = self._values(found)
        else:
            each = []
            for number, (fit, held) in enumerate(self._folds(material)):
                each.append(self._values(one(spec, material, fit, held, None)))
                if len(self._goals) == 1:
                    trial.report(number, each[-1][0])
            values = tuple(np.mean(each, axis=0).tolist())
        return values

    def _folds(self, material: Material) -> Iterator[tuple[Rows, Rows]]:
        assert self._select is not None
        rows = np.concatenate([material.split.train, material.split.val])
        keys = [material.groups[row] for row in rows]
        seed = derive(self._spec.seed, "select")
        for fold in folds(material.labels[rows], keys, *self._select, seed):
            yield rows[fold.train], rows[fold.val]

    def _reporter(self, trial: Trial) -> Callable[[Epoch], None] | None:
        name = f"val_{self._goals[0].metric}"
        if len(self._goals) > 1:
            return None

        def report(epoch: Epoch) -> None:
            if name in epoch.metrics:
                trial.report(epoch.number, epoch.metrics[name])

        return report

    def _score_head(
        self,
        spec: Spec,
        material: Material,
        fit: Rows,
        held: Rows,
        report: Callable[[Epoch], None] | None,
    ) -> dict[str, float]:
        """Train a head over features that are there already: milliseconds."""
        features = self._features_of(spec, material)
        place = material.pixels.rows([material.hashes[row] for row in held])
        head = fit_head(
            features,
            spec.params,
            _examples(material, fit),
            _examples(material, held),
            settings_of(spec, material, material.labels[fit]),
            classes=len(material.classes),
            seed=derive(spec.seed, "head"),
            report=report or _ignore,
        )
        probabilities = head.trained.predict(head.inputs, place)
        weights = head.network.count_params()
        backbone_ms = 1000 * features.seconds / max(len(features.matrix), 1)
        return {
            **_metrics(material, material.labels[held], probabilities),
            "parameters": float(ARCHITECTURES[spec.arch].parameters + weights),
            "milliseconds_per_image": backbone_ms + weights / _HEAD_WEIGHTS_A_MILLISECOND,
        }

    def _score_network(
        self,
        spec: Spec,
        material: Material,
        fit: Rows,
        held: Rows,
        report: Callable[[Epoch], None] | None,
    ) -> dict[str, float]:
        """Train a whole network; what it is scored on stands in test's place, never test."""
        split = replace(
            material.split,
            train=fit,
            val=held,
            test=held,
            test_is_copy=np.zeros(len(held), dtype=bool),
        )
        fitted = train(spec, replace(material, split=split, scratch=None), _Reporting(report))
        images = material.pixels.array[
            material.pixels.rows([material.hashes[row] for row in held[:32]])
        ]
        fitted.network.predict_on_batch(images)
        began = environment.seconds()
        fitted.network.predict_on_batch(images)
        milliseconds = 1000 * (environment.seconds() - began) / len(images)
        return {
            **_metrics(material, material.labels[held], fitted.val),
            "parameters": float(fitted.network.count_params()),
            "milliseconds_per_image": milliseconds,
        }

    def _features_of(self, spec: Spec, material: Material) -> Features:
        side = spec.picture.side_px
        if side not in self._features:
            trunk = Trunk(spec, material)
            self._features[side] = open_features(
                spec, material, lambda: trunk.backbone, self._progress, None
            )
            self._progress.stage("search", self._wanted.trials or None, "trials")
        return self._features[side]

    def _values(self, found: Mapping[str, float]) -> tuple[float, ...]:
        for goal in self._goals:
            if goal.metric not in found:
                _undefined(goal.metric)
        return tuple(found[goal.metric] for goal in self._goals)


def _start_notes(space: Space, own: Mapping[str, ParamValue]) -> tuple[str, ...]:
    outside = [f"{name} {own.get(name)}" for name in space.outside(own)]
    if not outside:
        return ()
    note = (
        f"the search may end worse than a run without one: {', '.join(outside)} is not in the "
        f"space {space.name}, so that the first trial could not take the run's own values."
    )
    return (note,)


class _Reporting(Silent):
    """A `Progress` that hands epochs to a trial, which may raise to end it."""

    def __init__(self, report: Callable[[Epoch], None] | None) -> None:
        self._report = report or _ignore

    def epoch(self, epoch: Epoch) -> None:
        """Hand the epoch on."""
        self._report(epoch)


def _ignore(_epoch: Epoch) -> None:
    """Do nothing with an epoch."""


def _is_quick(spec: Spec) -> bool:
    """Whether a trial is a head over features that are the same for every trial."""
    return spec.regime is Regime.FROZEN and not spec.params.integer("views")


def _examples(material: Material, rows: Rows) -> Examples:
    hashes = [material.hashes[row] for row in rows]
    return Examples(rows=material.pixels.rows(hashes), labels=material.labels[rows])


def _metrics(material: Material, labels: Labels, probabilities: Probabilities) -> dict[str, float]:
    n = len(labels)
    return overall(
        Predictions(
            classes=material.classes,
            hashes=("",) * n,
            paths=("",) * n,
            parts=(Part.VAL,) * n,
            labels=labels,
            probabilities=np.asarray(probabilities, dtype=np.float64),
            is_copy=np.zeros(n, dtype=bool),
        )
    )


def _undefined(metric: str) -> NoReturn:
    raise ValueError(f"{metric} is undefined on these images")
