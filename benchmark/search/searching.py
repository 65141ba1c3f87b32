"""Runs the trials of a study until its budget is spent; any number of processes may do so."""

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import optuna
from optuna.trial import Trial as Row

from ..environment import seconds as clock
from ..errors import StoreError, kind_and_line
from .ledger import Ledger
from .optuna_samplers import Exhausted, NotYet, Proposals, make_sampler, suggest
from .presence import Presence
from .settings import SearchSettings
from .space import Space
from .storage import close_storage, open_storage
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

_REAP_SECONDS = 2.0
_IDLE_SECONDS = 0.03


def search(
    space: Space,
    objective: Objective,
    settings: SearchSettings,
    storage: str = "",
    on_trial: Callable[[TrialRecord], None] = lambda _: None,
) -> SearchResult:
    """Search a space, or go on with a search that was interrupted, or join one that runs.

    Args:
        space: what is searched.
        objective: gives a trial's values, one a goal; may report, note, or raise `Infeasible`.
        settings: engine, budget, goals, seed.
        storage: the path of a journal file, a database's address, or "" for memory.
        on_trial: called with each trial that this process finishes.

    Raises:
        UsageError: the settings have no meaning.
        StoreError: the storage cannot be used.
        SearchError: the whole budget is spent and not one trial gave a score.
    """
    settings.check()
    begun = clock()
    kept = open_storage(storage)
    try:
        study, notes = open_study(space, settings, kept)
        ledger = Ledger(study, presence := Presence(study))
        study.sampler = _sampler(settings, space, ledger)
        with presence:
            runner = _Runner(space=space, objective=objective, settings=settings, ledger=ledger)
            notes += runner.run(on_trial)
        records = tuple(ledger.records(space, _limit(settings, ledger)))
    finally:
        close_storage(kept)
    result = SearchResult(
        study=study.study_name,
        space=space,
        goals=settings.goals,
        trials=records,
        seconds=clock() - begun,
        notes=notes,
    )
    if not result.complete:
        raise _nothing(result)
    return result


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


def _sampler(settings: SearchSettings, space: Space, ledger: Ledger) -> optuna.samplers.BaseSampler:
    if settings.engine.startswith("optuna:"):
        return make_sampler(settings, space, ledger)
    from .keras_tuner_oracles import Oracles

    return Oracles(ledger, settings, space)


def _limit(settings: SearchSettings, ledger: Ledger) -> float:
    """Return how many trials the study may have: as asked for, or all that the space has."""
    asked = settings.trials or math.inf
    return float(min(asked, ledger.study.user_attrs.get("exhausted_at", math.inf)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Runner:
    space: Space
    objective: Objective
    settings: SearchSettings
    ledger: Ledger

    def run(self, on_trial: Callable[[TrialRecord], None]) -> tuple[str, ...]:
        """Run trials until none is left or the time is up; return what a person should know."""
        ledger = self.ledger
        ledger.refresh()
        limit = _limit(self.settings, ledger)
        deadline = (
            clock()
            + (self.settings.seconds or math.inf)
            - busy_seconds(ledger.records(self.space, limit))
        )
        reaped = -math.inf
        while not ledger.is_done(limit) and clock() < deadline:
            if clock() - reaped > _REAP_SECONDS:
                ledger.release_dead()
                ledger.refresh()
                reaped = clock()
            row = self._claim(limit)
            if row is None:
                time.sleep(_IDLE_SECONDS)
                ledger.release_dead()
                ledger.refresh()
                continue
            try:
                record = self._attempt(row)
            except NotYet:
                self._wait_for_change(row, deadline)
            except Exhausted:
                limit = self._exhausted(row)
            else:
                if record is not None:
                    on_trial(record)
        self._wait_for_others(limit)
        if limit < (self.settings.trials or math.inf):
            return (f"the space {self.space.name} has no more than {limit:g} trials.",)
        return ()

    def _wait_for_others(self, limit: float) -> None:
        """Wait for the trials that others had begun when the time was up; they count."""
        while any(trial < limit for trial in self.ledger.running()):
            time.sleep(_IDLE_SECONDS)
            self.ledger.release_dead()
            self.ledger.refresh()

    def _claim(self, limit: float) -> Row | None:
        """Take a trial to run, an interrupted one first; None while there is none to take."""
        ledger = self.ledger
        for interrupted in ledger.open_below(limit):
            ledger.retry(self.space, interrupted)
        ledger.refresh()
        if ledger.has_unowned():  # it may have to come first
            return None
        if len(ledger) >= limit and not ledger.waiting_below(limit):
            return None
        row = ledger.study.ask()
        ledger.own(row)
        ledger.refresh()
        trial = ledger.trial_of(row.number)
        if trial is None or trial >= limit:  # another process was quicker
            ledger.hand_back(row)
            ledger.refresh()
            return None
        return row

    def _wait_for_change(self, row: Row, deadline: float) -> None:
        """Hand a trial back that cannot be proposed yet, and wait for another one to end."""
        ledger = self.ledger
        ledger.hand_back(row)
        ledger.refresh()
        before = ledger.unsettled()
        while ledger.unsettled() == before and clock() < deadline:
            time.sleep(_IDLE_SECONDS)
            ledger.release_dead()
            ledger.refresh()

    def _exhausted(self, row: Row) -> float:
        trial = self._number(row)
        self.ledger.study.set_user_attr("exhausted_at", trial)
        self.ledger.hand_back(row)
        self.ledger.refresh()
        return trial

    def _number(self, row: Row) -> int:
        number = self.ledger.trial_of(row.number)
        assert number is not None  # `_claim` gives no void row
        return number

    def _attempt(self, row: Row) -> TrialRecord | None:
        """Run a trial; return what came of it, None if another process has taken it over."""
        number = self._number(row)
        try:
            epochs = self._epochs(row, number)
            params = suggest(row, self.space)
            trial = Trial(number, params, epochs, lambda step, value: _report(row, step, value))
            record = self._judge(trial)
        except (Exhausted, NotYet):
            raise
        except BaseException:  # a key press: leave the trial to the next start
            self.ledger.fail(row.number)
            raise
        settled = self.ledger.settle(row, record)
        self.ledger.refresh()
        return self.ledger.record(self.space, number) if settled else None

    def _epochs(self, row: Row, number: int) -> int:
        """Return the epochs of a trial, written down before its parameters are."""
        sampler = row.study.sampler
        granted = row.user_attrs.get("epochs")
        if granted is None and isinstance(sampler, Proposals):
            granted = sampler.epochs(number)
            if granted is not None:
                row.set_user_attr("epochs", granted)
        return int(granted or self.settings.epochs)

    def _judge(self, trial: Trial) -> TrialRecord:
        record = TrialRecord(number=trial.number, params=trial.params, state=TrialState.COMPLETE)
        try:
            values = _values(self.objective(trial), len(self.settings.goals))
            record = replace(record, values=values)
        except Infeasible as error:
            record = replace(record, state=TrialState.INFEASIBLE, reason=str(error))
        except Pruned as error:
            record = replace(record, state=TrialState.PRUNED, reason=str(error))
        except StoreError:  # the study itself is gone: no trial's fault
            raise
        except Exception as error:  # noqa: BLE001 - one trial must not end a search
            reason = kind_and_line(error)
            record = replace(record, state=TrialState.FAILED, reason=reason)
        return replace(record, facts=dict(trial.facts))


def busy_seconds(trials: Iterable[TrialRecord]) -> float:
    """Return the seconds in which at least one of some trials ran: two at once count once."""
    busy, until = 0.0, -math.inf
    for began, ended in sorted((each.started, each.started + each.seconds) for each in trials):
        busy += max(0.0, ended - max(began, until))
        until = max(until, ended)
    return busy


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
