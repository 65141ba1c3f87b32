"""Whether who holds a run is alive: by a lock on one system, else by its lease; no test waits."""

import threading
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from benchmark.presence import Presence
from benchmark.tracking import leases as room
from benchmark.tracking.leases import CLOCKS_SECONDS, LEASE_SECONDS, Leases

HOUR = 3600.0


@dataclass
class Clocks:
    """Two clocks that a test moves: the wall's, which may be wrong, and one that goes forward."""

    wall: float = 1.7e9
    forward: float = 0.0

    def pass_(self, seconds: float) -> None:
        """Let time pass."""
        self.wall += seconds
        self.forward += seconds


@dataclass
class Tags:
    """A store that knows tags only."""

    runs: dict[str, dict[str, str]] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)

    def write_tags(self, run_id: str, tags: dict[str, str]) -> None:
        """Write tags, or refuse."""
        from mlflow.exceptions import MlflowException

        if run_id in self.refused:
            raise MlflowException("the run was deleted")
        self.runs.setdefault(run_id, {}).update(tags)

    def run(self, run_id: str) -> Any:
        """Return a run as MLflow gives it."""
        tags = dict(self.runs[run_id])
        return SimpleNamespace(info=SimpleNamespace(run_id=run_id), data=SimpleNamespace(tags=tags))


def leases_of(store: Tags, clocks: Clocks, folder: Path | None = None) -> Leases:
    return Leases(
        cast("Any", store),
        Presence(folder),
        now_ms=lambda: int(1000 * clocks.wall),
        seconds=lambda: clocks.forward,
    )


def test_what_is_renewed_is_never_stale_however_long_another_machine_looks_on() -> None:
    store, here = Tags(), Clocks()
    theirs, ours = leases_of(store, here), leases_of(store, here)
    theirs.hold("run")
    for _ in range(100):
        theirs.renew()
        assert not ours.is_stale(store.run("run"))
        here.pass_(60.0)


def test_what_nobody_renews_is_stale_after_one_lease_of_looking_on() -> None:
    store, here = Tags(), Clocks()
    theirs, ours = leases_of(store, here), leases_of(store, here)
    store.write_tags("run", theirs.tag())
    assert not ours.is_stale(store.run("run"))
    here.pass_(LEASE_SECONDS - 1)
    assert not ours.is_stale(store.run("run"))
    here.pass_(2)
    assert ours.is_stale(store.run("run"))


def test_what_ran_out_long_ago_is_stale_at_the_first_look() -> None:
    store, here = Tags(), Clocks()
    store.write_tags("run", leases_of(store, here).tag())
    here.pass_(LEASE_SECONDS + CLOCKS_SECONDS - 1)
    assert not leases_of(store, here).is_stale(store.run("run"))
    here.pass_(2)
    assert leases_of(store, here).is_stale(store.run("run"))


@pytest.mark.parametrize("late", [-HOUR, -CLOCKS_SECONDS, CLOCKS_SECONDS, HOUR])
def test_clocks_that_differ_do_not_keep_the_dead_alive_for_longer_than_a_lease(late: float) -> None:
    store, there, here = Tags(), Clocks(), Clocks(wall=1.7e9 + late)
    store.write_tags("run", leases_of(store, there).tag())
    ours = leases_of(store, here)
    ours.is_stale(store.run("run"))
    here.pass_(LEASE_SECONDS + 1)
    assert ours.is_stale(store.run("run"))


def test_clocks_that_differ_by_minutes_do_not_make_the_living_dead() -> None:
    store, there, here = Tags(), Clocks(), Clocks(wall=1.7e9 + CLOCKS_SECONDS)
    theirs, ours = leases_of(store, there), leases_of(store, here)
    theirs.hold("run")
    for _ in range(10):
        theirs.renew()
        for clocks in (there, here):
            clocks.pass_(LEASE_SECONDS - 1)
        assert not ours.is_stale(store.run("run"))


def test_on_one_system_the_lock_tells_at_once_whatever_the_lease_says(tmp_path: Path) -> None:
    store, here = Tags(), Clocks()
    theirs, ours = leases_of(store, here, tmp_path), leases_of(store, here, tmp_path)
    store.write_tags("run", theirs.tag())
    here.pass_(HOUR)  # it was stopped for an hour, and goes on
    assert not ours.is_stale(store.run("run"))
    store.write_tags("run", theirs.tag())
    held = theirs._presence._held
    assert held is not None
    held.close()  # as the system does when a process is killed
    assert ours.is_stale(store.run("run"))


@pytest.mark.parametrize("tags", [{}, {"lease": ""}, {"lease": "0123456789abcdef soon"}])
def test_a_run_without_a_lease_is_left_alone(tags: dict[str, str]) -> None:
    store, here = Tags(runs={"run": tags}), Clocks()
    ours = leases_of(store, here)
    assert not ours.is_stale(store.run("run"))
    here.pass_(HOUR)
    assert not ours.is_stale(store.run("run"))


def test_only_what_is_held_is_renewed_and_one_that_is_refused_costs_no_other() -> None:
    store, here = Tags(refused={"deleted"}), Clocks()
    ours = leases_of(store, here)
    for run in ("deleted", "closed", "held"):
        ours.hold(run)
    ours.release("closed")
    ours.renew()
    assert store.runs == {"held": ours.tag()}
    assert ours.is_own(store.run("held"))


def test_a_thread_renews_what_is_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(room, "RENEWAL_SECONDS", 0.001)
    store, renewed = Tags(), threading.Event()
    ours = leases_of(store, Clocks())
    monkeypatch.setattr(store, "write_tags", lambda *_: renewed.set())
    ours.hold("run")
    with ours.renewed():
        assert renewed.wait(60)
        ours.release("run")
