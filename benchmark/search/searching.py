"""Runs the trials of a study until its budget is spent, and goes on where it was interrupted.

A row of an optuna study is an attempt at a trial. It is settled if it is complete, pruned, or
failed with an `outcome`; a row that failed without one was interrupted, and the row that carries
its number as `retry_of` has its parameters. Trials are the settled rows in their order, so that
their numbers have no gaps and a kill moves nothing.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import optuna
from optuna.trial import FrozenTrial
from optuna.trial import Trial as Row
from optuna.trial import TrialState as RowState

from ..environment import seconds as clock
from ..errors import kind_and_line
from ..records import Params, ParamValue
from .databases import is_of_storage
from .journals import DamagedError, set_aside
from .optuna_engines import Grid, GridPoints, Proposer, Samplers, suggest
from .settings import SearchSettings
from .space import Space
from .studies import open_study
from .trials import (
    Infeasible,
    Objective,
    Pruned,
    SearchError,
    SearchResult,
    Trial,
    TrialRecord,
    TrialState,
)

MAX_ATTEMPTS = 5  # chosen, not sourced: a trial that kills its process must not do so for ever


def search(
    space: Space,
    objective: Objective,
    settings: SearchSettings,
    storage: str = "",
    on_trial: Callable[[TrialRecord], None] = lambda _: None,
    *,
    anew: bool = False,
) -> SearchResult:
    """Search a space, or go on with a search that was interrupted.

    Args:
        space: what is searched.
        objective: gives a trial's values, one a goal; may report, or raise `Infeasible`.
        settings: engine, budget, goals, seed.
        storage: the path of a journal file, a folder of journals with a slash at its end, the
            address of an SQLite database, or "" for memory.
        on_trial: called with each trial that is finished now.
        anew: whether a damaged journal is moved aside, and the search begun anew.

    Raises:
        UsageError: the settings have no meaning.
        StoreError: the storage cannot be used, or another process is at the study.
        DamagedError: the study's journal is damaged, and `anew` is false.
        SearchError: the whole budget is spent and not one trial gave a score.
    """
    settings.check()
    begun, noted = clock(), list[str]()
    try:
        result = _searched(space, objective, settings, storage, on_trial)
    except DamagedError as damage:
        if not anew:
            raise
        noted.append(set_aside(damage))
        result = _searched(space, objective, settings, storage, on_trial)
    result = replace(result, seconds=clock() - begun, notes=(*noted, *result.notes))
    if not result.complete:
        raise _nothing(result)
    return result


def _searched(
    space: Space,
    objective: Objective,
    settings: SearchSettings,
    storage: str,
    on_trial: Callable[[TrialRecord], None],
) -> SearchResult:
    with open_study(space, settings, storage) as opened:
        runner = _Runner(space=space, objective=objective, settings=settings, study=opened.study)
        proposer = _proposer(settings, space)
        with opened.reading():
            queued = runner.resume(proposer)
        notes = (*opened.notes, *runner.run(proposer, queued, on_trial))
    return SearchResult(
        study=opened.study.study_name,
        space=space,
        goals=settings.goals,
        trials=tuple(runner.trials[: settings.trials or None]),
        seconds=0.0,
        notes=notes,
    )


def _nothing(result: SearchResult) -> SearchError:
    counts = {
        state: sum(each.state is state for each in result.trials)
        for state in TrialState
        if any(each.state is state for each in result.trials)
    }
    said = ", ".join(f"{count} {state}" for state, count in counts.items()) or "none was begun"
    reason = next((each.reason for each in result.trials if each.reason), "")
    first = f" The first said: {reason}" if reason else ""
    return SearchError(
        f"the search {result.study} has no trial with a score ({said}): mend the cause, or "
        f"narrow the space {result.space.name}.{first}"
    )


def _proposer(settings: SearchSettings, space: Space) -> Proposer:
    start = {
        each.name: settings.start[each.name]
        for each in space.searched
        if each.name in settings.start and each.holds(settings.start[each.name])
    }
    if settings.engine == "optuna:grid":
        return GridPoints(Grid(space, settings.seed))
    if settings.engine.startswith("optuna:"):
        return Samplers(settings, start)
    from .keras_tuner_oracles import Oracles

    return Oracles(settings, space, start)


@dataclass(slots=True, kw_only=True)
class _Runner:
    """The trials of one study, those that are settled in `trials`."""

    space: Space
    objective: Objective
    settings: SearchSettings
    study: optuna.Study
    trials: list[TrialRecord] = field(default_factory=list)

    def run(
        self, proposer: Proposer, queued: int, on_trial: Callable[[TrialRecord], None]
    ) -> tuple[str, ...]:
        """Run trials until none is left or the time is up; return what there is to say.

        `queued` of them wait already.
        """
        limit = self.settings.trials or math.inf
        spent = sum(each.seconds for each in self.trials)
        deadline = clock() + (self.settings.seconds or math.inf) - spent
        while len(self.trials) < limit and clock() < deadline:
            proposal = proposer.propose(self.study, len(self.trials))
            if proposal is None:
                count = len(self.trials)
                return (f"the space {self.space.name} has no more than {count} trials.",)
            if queued:  # an interrupted trial, or one that its process did not come to begin
                queued -= 1
            elif proposal.values:
                granted = {"epochs": proposal.epochs} if proposal.epochs else {}
                self.study.enqueue_trial(dict(proposal.values), user_attrs=granted)
            row = self._attempt(self.study.ask())
            proposer.tell(row)
            self.trials.append(self._record(row))
            on_trial(self.trials[-1])
        return ()

    def resume(self, proposer: Proposer) -> int:
        """Read what is settled, queue what was interrupted, and return how many trials wait."""
        for row in self.study.get_trials(deepcopy=False, states=(RowState.RUNNING,)):
            self.study.tell(row.number, state=RowState.FAIL)  # its process is gone
        rows = self.study.get_trials(deepcopy=False)
        retried = {row.user_attrs.get("retry_of") for row in rows}
        for row in rows:
            if _is_settled(row):
                proposer.replay(len(self.trials), row)
                self.trials.append(self._record(row))
            elif row.state is RowState.FAIL and row.number not in retried:
                self._retry(row)
        waiting = self.study.get_trials(deepcopy=False, states=(RowState.WAITING,))
        for row in waiting:
            self._check_waiting(row)
        return len(waiting)

    def _check_waiting(self, row: FrozenTrial) -> None:
        """Check that a row can be run as it was queued."""
        counts = [row.user_attrs.get(name, 1) for name in ("epochs", "attempt")]
        queued = row.system_attrs["fixed_params"]
        if not all(type(each) is int and each > 0 for each in counts) or not all(
            self.space[name].holds(value) for name, value in queued.items()
        ):
            raise ValueError(f"trial {row.number} waits with {counts} and {queued}")

    def _retry(self, row: FrozenTrial) -> None:
        """Queue another attempt; the engine proposes anew what died while it was drawn."""
        if _is_whole(self.space, row.params):
            kept = {"epochs": row.user_attrs["epochs"]} if "epochs" in row.user_attrs else {}
            kept |= {"retry_of": row.number, "attempt": _attempts(row) + 1}
            self.study.enqueue_trial(row.params, user_attrs=kept)

    def _attempt(self, row: Row) -> FrozenTrial:
        """Run a trial, write down what came of it, and return its row."""
        epochs = int(row.user_attrs.get("epochs", self.settings.epochs))
        params = suggest(row, self.space)
        trial = Trial(
            len(self.trials), params, epochs, lambda step, value: _report(row, step, value)
        )
        state, values, reason = self._judge(trial)
        if trial.answers:
            row.set_user_attr("answers", trial.answers)
        if state is TrialState.COMPLETE:
            return self.study.tell(row, list(values))
        row.set_user_attr("outcome", {"state": str(state), "reason": reason})
        pruned = state is TrialState.PRUNED
        return self.study.tell(row, state=RowState.PRUNED if pruned else RowState.FAIL)

    def _judge(self, trial: Trial) -> tuple[TrialState, tuple[float, ...], str]:
        try:
            values = _values(self.objective(trial), len(self.settings.goals))
        except Infeasible as error:
            return TrialState.INFEASIBLE, (), str(error)
        except Pruned as error:
            return TrialState.PRUNED, (), str(error)
        except Exception as error:  # one trial must not end a search, unless the study is gone
            if is_of_storage(error):
                raise
            return TrialState.FAILED, (), kind_and_line(error)
        return TrialState.COMPLETE, values, ""

    def _record(self, row: FrozenTrial) -> TrialRecord:
        """Return a settled row as the next trial."""
        state, reason = _outcome(row)
        told = row.user_attrs
        whole = _is_whole(self.space, row.params)
        return TrialRecord(
            number=len(self.trials),
            params=self.space.complete(row.params) if whole else Params(row.params),
            state=state,
            reason=reason,
            values=tuple(row.values) if state is TrialState.COMPLETE else (),
            steps=dict(row.intermediate_values),
            # before 0.2 they were one of the facts
            answers=told.get("answers") or told.get("facts", {}).get("answers", ""),
            epochs=int(told.get("epochs", self.settings.epochs)),
            started=row.datetime_start.timestamp() if row.datetime_start else 0.0,
            seconds=row.duration.total_seconds() if row.duration else 0.0,
            attempts=_attempts(row),
        )


def _attempts(row: FrozenTrial) -> int:
    return int(row.user_attrs.get("attempt", 1))


def _is_settled(row: FrozenTrial) -> bool:
    if row.state is RowState.FAIL:
        return "outcome" in row.user_attrs or _attempts(row) >= MAX_ATTEMPTS
    return bool(row.state.is_finished())


def _is_whole(space: Space, values: Mapping[str, ParamValue]) -> bool:
    """Whether a row has all its parameters: its process may have died while they were drawn."""
    try:
        space.complete(values)
    except KeyError:
        return False
    return True


def _outcome(row: FrozenTrial) -> tuple[TrialState, str]:
    if row.state is RowState.COMPLETE:
        return TrialState.COMPLETE, ""
    outcome: dict[str, Any] = row.user_attrs.get("outcome", {})
    if not outcome:
        return TrialState.FAILED, f"its process died in each of {MAX_ATTEMPTS} attempts"
    return TrialState(outcome["state"]), str(outcome["reason"])


def _report(row: Row, step: int, value: float) -> bool:
    if len(row.study.directions) > 1:  # optuna prunes by one goal only
        return False
    row.report(value, step)
    return bool(row.should_prune())


def _values(given: float | tuple[float, ...], goals: int) -> tuple[float, ...]:
    values = tuple(float(value) for value in (given if isinstance(given, tuple) else (given,)))
    if len(values) != goals:
        raise ValueError(f"the objective must give {goals} values, not {len(values)}")
    if not all(math.isfinite(value) for value in values):
        raise ValueError(f"the objective gave {', '.join(map(str, values))}, which ranks nowhere")
    return values
