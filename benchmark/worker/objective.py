"""A search inside a worker: its study, what a trial is scored on, the spec the best one gives."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property

import numpy as np

from ..errors import UsageError
from ..records import Epoch, Params, ParamValue, Probabilities, Progress, Regime, Rows, Silent, Spec
from ..search import (
    Infeasible,
    SearchResult,
    SearchSettings,
    Space,
    Trial,
    TrialRecord,
    parse_select,
    read_goals,
    write_answers,
)
from ..seeds import derive
from ..training import (
    Features,
    Material,
    OverFeatures,
    Passes,
    Trunk,
    Views,
    check,
    fold_count,
    folds,
    is_choosing,
    is_logistic,
    open_features,
    policies,
)
from ..zoo import ARCHITECTURES, check_scales, shares_in
from .scoring import Exam, Report, score_head, score_network, silently


def settings_for(spec: Spec, start: Params) -> SearchSettings:
    """Return a search's settings; its study's material is the spec but for the budget.

    Args:
        spec: what is searched for, and how.
        start: the first trial's parameters, empty for none.
    """
    wanted = spec.search
    assert wanted is not None
    return SearchSettings(
        engine=wanted.engine,
        trials=wanted.trials,
        seconds=wanted.seconds,
        seed=derive(spec.seed, "search"),
        pruner=wanted.pruner,
        goals=read_goals(wanted.objective),
        study=spec.arch.replace(":", "-"),
        material=spec.without_budget.digest,
        start=start,
        epochs=spec.epochs,
        asked=spec.without_budget.to_json(),
    )


def start_of(space: Space, own: Mapping[str, ParamValue]) -> Params:
    """Return the spec's own values as a point of the space, for the first trial.

    Nothing if they are none: a range that does not reach one of them (`Space.outside` names it).
    """
    return Params() if space.outside(own) else space.complete(own)


class Study:
    """The trials of one spec over its images.

    Args:
        spec: what is searched for.
        space: where.
        material: what a trial is trained on.
        progress: told of features computed, and how many trials there will be.

    Attributes:
        trunk: the frozen backbone of all trials.
    """

    def __init__(self, spec: Spec, space: Space, material: Material, progress: Progress) -> None:
        assert spec.search is not None
        self._spec = spec
        self._space = space.including(spec.params)
        self._wanted = spec.search
        self._material = material
        self._progress = progress
        self._features: dict[tuple[float, ...], Features] = {}
        self.trunk = Trunk(spec, material)
        self._goals = read_goals(self._wanted.objective)
        self._select = parse_select(self._wanted.select)

    def prepare(self) -> None:
        """Compute what most trials share: the features at the spec's own scales."""
        if self._is_quick(self._spec):
            self._features_of(self._spec)
        assert self.own

    @cached_property
    def own(self) -> Params:
        """The parameters of a run without a search, each with one value.

        Where a run would choose among several it chooses here, on the images that trials learn
        from: the first trial is what the run would have come to.
        """
        if not is_choosing(self._spec.params):
            return self._spec.params
        over = OverFeatures(self._spec, self._material, self._progress, trunk=self.trunk)
        return over.head(self._material).params

    def run(
        self, storage: str, on_trial: Callable[[TrialRecord], None], *, anew: bool = False
    ) -> SearchResult:
        """Search, or go on with a search that was interrupted.

        Args:
            storage: where the study is kept.
            on_trial: called with each finished trial.
            anew: whether a damaged journal is moved aside.
        """
        from ..search import search  # optuna is imported only when something is searched

        own = self.own
        start = start_of(self._space, own)
        self._progress.stage("search", self._wanted.trials or None, "trials")
        settings = settings_for(self._spec, start)
        result = search(self._space, self.score, settings, storage, on_trial, anew=anew)
        return replace(result, notes=(*result.notes, *_start_notes(self._space, own)))

    def spec_of(self, params: Params, epochs: int) -> Spec:
        """Return the spec with a trial's parameters and epochs in place of its own.

        Raises:
            UsageError: a parameter that the architecture does not have.
        """
        spec, own = self._spec, self.own
        if "l2" in own and all(each.name != "l2" for each in self._space.parameters):
            asked = {name: spec.params[name] for name in ("l2", "penalty") if name in spec.params}
            own = own.having(asked)  # a penalty that nobody moves is chosen by each trial's head
        checked = check({**own, **params}, ARCHITECTURES[spec.arch], spec.regime)
        return replace(spec, params=checked, epochs=min(epochs, spec.epochs), search=None)

    def score(self, trial: Trial) -> tuple[float, ...]:
        """Return the goals' values of a trial: on validation, or the mean over folds.

        Scored on validation, a trial notes the classes that it gives there, a pruned one those of
        the last epoch it reported: a board holds them against what choosing among trials promises.
        """
        try:
            spec = self.spec_of(trial.params, trial.epochs)
            check_scales(ARCHITECTURES[spec.arch], spec.picture, spec.params)
        except UsageError as error:  # a point that no network can be built at is no failure
            raise Infeasible(str(error)) from error
        if self._select is None:
            return self._on_validation(spec, trial)
        each: list[tuple[float, ...]] = []
        for number, (fit, held) in enumerate(self._folds()):
            each.append(self._values(spec, Exam(material=self._material, fit=fit, held=held)))
            if len(self._goals) == 1:
                trial.report(number, each[-1][0])
        return tuple(np.mean(each, axis=0).tolist())

    def _on_validation(self, spec: Spec, trial: Trial) -> tuple[float, ...]:
        material, said = self._material, list[Probabilities]()

        def seen(probabilities: Probabilities) -> None:
            said[:] = [probabilities]

        exam = Exam(
            material=material,
            fit=material.split.train,
            held=material.split.val,
            report=self._reporter(trial),
            seen=seen,
        )
        try:
            return self._values(spec, exam)
        finally:
            if said:
                classes = said[0].argmax(axis=1)
                trial.answers = write_answers(classes, len(material.classes))

    def _folds(self) -> Iterator[tuple[Rows, Rows]]:
        assert self._select is not None
        material = self._material
        rows = np.concatenate([material.split.train, material.split.val])
        keys = [material.groups[row] for row in rows]
        seed = derive(self._spec.seed, "select")
        for fold in folds(material.labels[rows], keys, *self._select, seed):
            yield rows[fold.train], rows[fold.val]

    def _reporter(self, trial: Trial) -> Report:
        name = f"val_{self._goals[0].metric}"
        if len(self._goals) > 1:
            return silently

        def report(epoch: Epoch) -> None:
            if name in epoch.metrics:
                trial.report(epoch.number, epoch.metrics[name])

        return report

    def _values(self, spec: Spec, exam: Exam) -> tuple[float, ...]:
        """Train and score; return the goals' values.

        Raises:
            ValueError: one of them is undefined on these images.
        """
        if self._is_quick(spec):
            found = score_head(spec, self._features_of(spec), exam, self._views_of(spec))
        else:
            found = score_network(spec, exam)
        for goal in self._goals:
            if goal.metric not in found:
                raise ValueError(f"{goal.metric} is undefined on these images")
        return tuple(found[goal.metric] for goal in self._goals)

    def _features_of(self, spec: Spec) -> Features:
        shares = shares_in(spec.params)
        if shares not in self._features:
            self._features[shares] = open_features(
                spec, self._material, self.trunk.at, self._progress, None
            )
            self._progress.stage("search", self._wanted.trials or None, "trials")
        return self._features[shares]

    def _views_of(self, spec: Spec) -> dict[str, Views]:
        """Return the views of images that a trial's head learns from, by policy; kept likewise."""
        return {
            each: Passes(spec, self._material, self._progress).views(each, self.trunk.at)[0]
            for each in policies(spec.params)
        }

    def _is_quick(self, spec: Spec) -> bool:
        """Whether a trial is a head over features that are the same for every trial.

        There are views of val only where the board ranks on folds of both, and a head of layers
        draws from views by rows that a fold lacks.
        """
        if spec.regime is not Regime.FROZEN or not policies(spec.params):
            return spec.regime is Regime.FROZEN
        has_views = self._select is None or fold_count(spec.rank_on) > 0
        return is_logistic(spec.params) and has_views


def search_in_fold(spec: Spec, space: Space, fold: Material) -> Spec:
    """Repeat a spec's search on what a fold may learn from, and return what it finds.

    Neither its trials nor its study are kept: they are no part of what the board shows.

    Args:
        spec: with its search.
        space: what is searched.
        fold: with what is held out in test's place, which no trial sees.
    """
    study = Study(spec, space, fold, Silent())
    best = study.run("", lambda _: None).best
    return study.spec_of(best.params, best.epochs)


def _start_notes(space: Space, own: Mapping[str, ParamValue]) -> tuple[str, ...]:
    outside = [f"{name} {own.get(name)}" for name in space.outside(own)]
    if not outside:
        return ()
    note = (
        f"the search may end worse than a run without one: {', '.join(outside)} is not in the "
        f"space {space.name}, so that the first trial could not take the run's own values."
    )
    return (note,)
