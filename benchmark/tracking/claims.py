"""Which of several benchmarks makes what all of them want: one at a time, and the others wait.

A store has no lock of its own, and two runs that begin at once may each not see the other yet.
So this is Lamport's bakery (1974, doi:10.1145/361082.361093): a run is there first, then takes a
ticket higher than those it sees, waits for whoever is about to take one, and is served if none
has a lower. Nothing but tags is needed, read after they were written.
"""

import time
from typing import Any

from .. import environment
from ..records import Spec
from . import names
from .experiments import Experiment
from .leases import Leases, holder_of
from .store import TrackingStore

FIRST = "0"  # the ticket of a run that asks nobody
_LOOK_SECONDS = 1.0  # how old a look at what is under way may be, before a run is begun for nothing
_DOORWAY_SECONDS = 5.0  # the longest that others are waited for to take their ticket
_PAUSE_SECONDS = 0.05


class Claims:
    """The claims of an experiment: a tag on each run that is under way.

    Args:
        store: the tracking store.
        experiment: where the runs are.
        leases: tells who of them is alive; what the dead left is closed.
    """

    def __init__(self, store: TrackingStore, experiment: Experiment, leases: Leases) -> None:
        self._store = store
        self._experiment = experiment
        self._leases = leases
        self._looked = float("-inf")
        self._others: frozenset[str] = frozenset()
        self._met_others = False

    def is_under_way(self, key: str) -> bool:
        """Whether another benchmark was at it, a moment ago."""
        self._look()
        return key in self._others

    def met_others(self) -> bool:
        """Whether any other benchmark was seen at work, so that much may be done by now."""
        self._look()
        return self._met_others

    def _look(self) -> None:
        if environment.seconds() - self._looked <= _LOOK_SECONDS:
            return
        found = [run for run in self._living("") if not self._leases.is_own(run)]
        self._others = frozenset(run.data.tags.get(names.CLAIM, "") for run in found)
        self._met_others |= any(holder_of(run) for run in found)
        self._looked = environment.seconds()

    def wins(self, key: str, run_id: str) -> bool:
        """Take a ticket for a run that claims something; whether it is the one to make it.

        What does not win must be taken away, for others wait for it.
        """
        ticket = 1 + max([0, *(_ticket(run) for run in self._rivals(key, run_id))])
        self._store.write_tags(run_id, {names.TICKET: str(ticket)})
        until = environment.seconds() + _DOORWAY_SECONDS
        while True:
            rivals = self._rivals(key, run_id)
            tickets = [(_ticket(run), run.info.run_id) for run in rivals if _ticket(run) >= 0]
            if min(tickets, default=(ticket, run_id)) < (ticket, run_id):
                return False
            if len(tickets) == len(rivals):
                return True
            if environment.seconds() > until:
                return False
            time.sleep(_PAUSE_SECONDS)

    def _rivals(self, key: str, run_id: str) -> list[Any]:
        found = self._living(f" and tags.{names.CLAIM} = '{key}'")
        return [run for run in found if run.info.run_id != run_id]

    def _living(self, more: str) -> list[Any]:
        found = self._store.runs(self._experiment.id, f"attributes.status = 'RUNNING'{more}")
        return [run for run in found if not self._leases.close_if_stale(run)]


def claim_of(spec: Spec) -> str:
    """Return what a spec's run claims: a search is the same study whatever its budget."""
    return spec.without_budget.digest


def _ticket(run: Any) -> int:
    """Return a run's ticket, -1 where it has none yet."""
    return int(run.data.tags.get(names.TICKET, -1))
