"""The truth about a study: which trials it has, who runs them, and what is left to do.

An optuna study numbers its trials atomically, whatever the storage, but knows nothing of retries.
This module reads trials out of its rows. A row is a *first attempt*, or it carries `retry_of` and
stands for an earlier row that was interrupted. Our trial numbers count first attempts only, so
they have no gaps and a kill moves nothing. What a row means follows from the rows before it and
never changes, so that every process agrees without a lock:

- `COMPLETE`, `PRUNED`, or `FAIL` with an `outcome`: the trial is settled;
- `FAIL` without an `outcome`: the attempt was interrupted and the trial is open, to be run again;
- the lowest row that retries an attempt is the true one; others are void.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from optuna import Study
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial
from optuna.trial import Trial as Row
from optuna.trial import TrialState as RowState

from ..environment import Process, this_process
from ..records import Params, ParamValue
from .presence import Presence
from .space import Space
from .trials import TrialRecord, TrialState

MAX_ATTEMPTS = 5  # chosen, not sourced: a trial that kills its process must not do so for ever
_UNOWNED_SECONDS = 3.0  # a row's owner is written milliseconds after the row


class Ledger:
    """The trials of a study, kept up to date at a cost that does not grow with their number.

    Args:
        study: the study.
        presence: this worker among the others.
    """

    def __init__(self, study: Study, presence: Presence) -> None:
        self.study = study
        self._presence = presence
        self._rows: list[FrozenTrial] = []
        self._trial_of: list[int | None] = []  # by row; None for a void one
        self._attempts: list[list[int]] = []  # rows by trial
        self._retried: set[int] = set()
        self._unsettled: set[int] = set()  # trials whose last attempt may still change
        self._unowned_since: dict[int, float] = {}

    def refresh(self) -> None:
        """Read what is new."""
        self._rows = self.study.get_trials(deepcopy=False)
        for row in self._rows[len(self._trial_of) :]:
            self._place(row)
        for number in tuple(self._unsettled):
            if self._is_settled(number):
                self._unsettled.discard(number)

    def _place(self, row: FrozenTrial) -> None:
        retried = row.user_attrs.get("retry_of")
        if retried is None:
            self._trial_of.append(len(self._attempts))
            self._attempts.append([row.number])
            self._unsettled.add(len(self._attempts) - 1)
            return
        trial = None if retried in self._retried else self._trial_of[retried]
        self._trial_of.append(trial)
        if trial is not None:
            self._retried.add(retried)
            self._attempts[trial].append(row.number)

    def __len__(self) -> int:
        """How many trials were ever begun."""
        return len(self._attempts)

    def trial_of(self, row: int) -> int | None:
        """Return the trial that a row is an attempt of, None if it is void."""
        return self._trial_of[row]

    def last(self, trial: int) -> FrozenTrial:
        """Return the row of a trial's last attempt."""
        return self._rows[self._attempts[trial][-1]]

    def _is_settled(self, trial: int) -> bool:
        row = self.last(trial)
        if row.state is RowState.FAIL:
            return "outcome" in row.user_attrs or self._is_given_up(trial)
        return bool(row.state.is_finished())

    def _is_given_up(self, trial: int) -> bool:
        return self._begun(trial) >= MAX_ATTEMPTS and self.last(trial).state is RowState.FAIL

    def _begun(self, trial: int) -> int:
        """Count the attempts that were begun and not handed back."""
        attributes = [self._rows[row].user_attrs for row in self._attempts[trial]]
        return sum("owner" in each and "handed_back" not in each for each in attributes)

    def open_below(self, limit: float) -> list[int]:
        """Return the trials that were interrupted and wait for another attempt."""
        return [
            trial
            for trial in sorted(self._unsettled)
            if trial < limit and self.last(trial).state is RowState.FAIL
        ]

    def waiting_below(self, limit: float) -> bool:
        """Say whether an attempt is queued that nobody has begun."""
        return any(
            self.last(trial).state is RowState.WAITING for trial in self._unsettled if trial < limit
        )

    def is_done(self, limit: float) -> bool:
        """Say whether every trial below the limit is settled."""
        return len(self) >= limit and not any(trial < limit for trial in self._unsettled)

    def has_unowned(self) -> bool:
        """Say whether a row was begun whose owner is not written yet, or died before that."""
        rows = [self.last(trial) for trial in self._unsettled]
        return any(row.state is RowState.RUNNING and "owner" not in row.user_attrs for row in rows)

    def running(self) -> list[int]:
        """Return the trials that some worker is at."""
        return [
            trial for trial in sorted(self._unsettled) if self.last(trial).state is RowState.RUNNING
        ]

    def unsettled(self) -> list[tuple[int, RowState]]:
        """Return the trials that are not settled, with their rows' states."""
        return [(trial, self.last(trial).state) for trial in sorted(self._unsettled)]

    def release_dead(self) -> int:
        """Open the trials whose owners are gone; return how many."""
        released = 0
        for trial in sorted(self._unsettled):
            row = self.last(trial)
            if row.state is RowState.RUNNING and self._is_orphan(row):
                released += self.fail(row.number)
        return released

    def _is_orphan(self, row: FrozenTrial) -> bool:
        owner = row.user_attrs.get("owner")
        if owner is None:
            since = self._unowned_since.setdefault(row.number, time.monotonic())
            return time.monotonic() - since > _UNOWNED_SECONDS
        return not self._presence.is_alive(owner["worker"], Process(**owner["process"]))

    def fail(self, row: int) -> bool:
        """End a row as failed; False if another process has ended it already."""
        return self._tell(row, None, RowState.FAIL)

    def hand_back(self, row: Row) -> None:
        """Open a trial again that this process took and cannot run."""
        row.set_user_attr("handed_back", True)  # noqa: FBT003 - optuna's signature
        self.fail(row.number)

    def own(self, row: Row) -> None:
        """Write down that this process runs a row."""
        owner = {"worker": self._presence.worker, "process": asdict(this_process())}
        row.set_user_attr("owner", owner)

    def settle(self, row: Row, record: TrialRecord) -> bool:
        """Write down what came of a row; False if another process has taken the trial over."""
        try:
            if record.facts:
                row.set_user_attr("facts", dict(record.facts))
            if record.state is TrialState.COMPLETE:
                return self._tell(row.number, record.values, RowState.COMPLETE)
            row.set_user_attr("outcome", {"state": str(record.state), "reason": record.reason})
        except UpdateFinishedTrialError:
            return False
        pruned = record.state is TrialState.PRUNED
        return self._tell(row.number, None, RowState.PRUNED if pruned else RowState.FAIL)

    def _tell(self, row: int, values: tuple[float, ...] | None, state: RowState) -> bool:
        try:
            self.study.tell(row, list(values) if values is not None else None, state=state)
        except UpdateFinishedTrialError:
            return False
        except ValueError as error:
            if not str(error).startswith("Cannot tell a"):
                raise
            return False
        return True

    def retry(self, space: Space, trial: int) -> None:
        """Queue another attempt at an interrupted trial, with the parameters it had.

        An attempt that died while its parameters were drawn had a part of them; they are drawn
        anew then, for the others depend on the draws before.
        """
        row = self.last(trial)
        drawn = row.params if _is_whole(space, row.params) else {}
        kept = {"epochs": row.user_attrs["epochs"]} if "epochs" in row.user_attrs else {}
        self.study.enqueue_trial(drawn, user_attrs={"retry_of": row.number, **kept})

    def records(self, space: Space, limit: float, first: int = 0) -> Iterator[TrialRecord]:
        """Return the settled trials from `first` up to the limit, by number."""
        for trial in range(first, int(min(limit, len(self)))):
            if trial not in self._unsettled:
                yield self.record(space, trial)

    def record(self, space: Space, trial: int) -> TrialRecord:
        """Return what came of a settled trial."""
        row = self.last(trial)
        state, reason = _outcome(row)
        return TrialRecord(
            number=trial,
            params=_params(space, row.params),
            state=state,
            reason=reason,
            values=tuple(row.values) if state is TrialState.COMPLETE else (),
            steps=dict(row.intermediate_values),
            facts=row.user_attrs.get("facts", {}),
            started=row.datetime_start.timestamp() if row.datetime_start else 0.0,
            seconds=row.duration.total_seconds() if row.duration else 0.0,
            attempts=self._begun(trial),
        )


def _params(space: Space, values: Mapping[str, ParamValue]) -> Params:
    """Return a row's parameters, completed; one interrupted while they were drawn has a part."""
    return space.complete(values) if _is_whole(space, values) else Params(values)


def _is_whole(space: Space, values: Mapping[str, ParamValue]) -> bool:
    try:
        space.complete(values)
    except KeyError:
        return False
    return True


def _outcome(row: FrozenTrial) -> tuple[TrialState, str]:
    if row.state is RowState.COMPLETE:
        return TrialState.COMPLETE, ""
    outcome: dict[str, Any] = row.user_attrs.get("outcome", {})
    if row.state is RowState.PRUNED:
        return TrialState.PRUNED, str(outcome.get("reason", ""))
    if not outcome:
        return TrialState.FAILED, f"its process died in each of {MAX_ATTEMPTS} attempts"
    return TrialState(outcome["state"]), str(outcome["reason"])
