"""Two that want the same: whatever the order of their steps, one makes it."""

import itertools
import threading
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from benchmark.tracking import claims as room
from benchmark.tracking.claims import FIRST, Claims

STEPS = 4  # a run is there, the others are read, a ticket is written, the others are read


class Steps:
    """Lets threads go on one step at a time, in the order given; then all as they like."""

    def __init__(self, order: Sequence[int]) -> None:
        self._order = list(order)
        self._changed = threading.Condition()

    def wait(self, who: int) -> None:
        """Wait for one's turn."""
        with self._changed:
            while self._order and self._order[0] != who:
                assert self._changed.wait(30)

    def end(self) -> None:
        """End a step."""
        with self._changed:
            self._order = self._order[1:]
            self._changed.notify_all()


class Memory:
    """A store of runs under way, each with its tags; each question is a step of its thread."""

    def __init__(self) -> None:
        self.tags: dict[str, dict[str, str]] = {}

    def runs(self, _experiment: str, _filter: str) -> list[Any]:
        """Return every run."""
        return [
            SimpleNamespace(
                info=SimpleNamespace(run_id=run_id), data=SimpleNamespace(tags=dict(tags))
            )
            for run_id, tags in self.tags.items()
        ]

    def write_tags(self, run_id: str, tags: dict[str, str]) -> None:
        """Write tags of a run."""
        self.tags[run_id].update(tags)


class Stepping:
    """A store whose every question waits for its turn."""

    def __init__(self, memory: Memory, steps: Steps, who: int) -> None:
        self._memory, self._steps, self._who = memory, steps, who

    def _step(self, act: Callable[[], Any]) -> Any:
        self._steps.wait(self._who)
        found = act()
        self._steps.end()
        return found

    def begin(self, run_id: str, **tags: str) -> None:
        """Begin a run."""
        self._step(lambda: self._memory.tags.__setitem__(run_id, tags))

    def runs(self, experiment: str, filter_: str) -> Any:
        """Return every run."""
        return self._step(lambda: self._memory.runs(experiment, filter_))

    def write_tags(self, run_id: str, tags: dict[str, str]) -> None:
        """Write tags of a run."""
        self._step(lambda: self._memory.write_tags(run_id, tags))


def claims_of(store: Any, dead: Sequence[str] = ()) -> Claims:
    leases = SimpleNamespace(
        close_if_stale=lambda run: run.info.run_id in dead,
        is_own=lambda run: run.info.run_id == "own",
    )
    return Claims(store, cast("Any", SimpleNamespace(id="1")), cast("Any", leases))


def contest(order: Sequence[int]) -> list[str]:
    """Return who wins, where two take their steps in an order."""
    memory, steps, won = Memory(), Steps(order), list[str]()

    def claim(who: int) -> None:
        store, run_id = Stepping(memory, steps, who), f"run {who}"
        store.begin(run_id)
        if claims_of(store).wins("spec", run_id):
            won.append(run_id)
        else:
            del memory.tags[run_id]

    threads = [threading.Thread(target=claim, args=(who,)) for who in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    return won


def orders() -> list[tuple[int, ...]]:
    """Return every order of the steps of two, once."""
    places = itertools.combinations(range(2 * STEPS), STEPS)
    return [tuple(int(at in chosen) for at in range(2 * STEPS)) for chosen in places]


def test_one_of_two_wins_in_every_order_of_their_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_PAUSE_SECONDS", 0.001)
    assert len(orders()) == 70
    assert {order: len(contest(order)) for order in orders()} == dict.fromkeys(orders(), 1)


def test_who_comes_later_loses_to_who_is_at_it() -> None:
    memory = Memory()
    memory.tags = {"theirs": {"claim": "spec", "ticket": "1"}, "own": {"claim": "spec"}}
    assert not claims_of(memory).wins("spec", "own")
    assert memory.tags["own"]["ticket"] == "2"


def test_who_asked_nobody_is_waited_for_all_the_same() -> None:
    memory = Memory()
    memory.tags = {"theirs": {"claim": "spec", "ticket": FIRST}, "own": {"claim": "spec"}}
    assert not claims_of(memory).wins("spec", "own")


def test_the_dead_are_no_rivals_even_before_they_took_a_ticket() -> None:
    memory = Memory()
    memory.tags = {"theirs": {"claim": "spec"}, "older": {"ticket": "1"}, "own": {"claim": "spec"}}
    assert claims_of(memory, dead=("theirs", "older")).wins("spec", "own")


def test_who_never_takes_its_ticket_is_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(room, "_DOORWAY_SECONDS", -1.0)
    memory = Memory()
    memory.tags = {"theirs": {"claim": "spec"}, "own": {"claim": "spec"}}
    assert not claims_of(memory).wins("spec", "own")  # it asks again later


def test_what_others_are_at_is_seen_without_beginning_a_run() -> None:
    memory = Memory()
    memory.tags = {"theirs": {"claim": "spec"}, "own": {"claim": "mine"}, "parent": {}}
    claims = claims_of(memory)
    assert claims.is_under_way("spec")
    assert not claims.is_under_way("mine")
    assert not claims.is_under_way("other")
