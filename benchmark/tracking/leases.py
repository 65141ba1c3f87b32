"""Whose a run is, and whether that process is alive: a lease in a tag, renewed by the living."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from .. import environment
from ..errors import AwayError, StoreError
from ..presence import Presence
from ..records import State
from . import names
from .models import fail_models
from .store import TrackingStore

# chosen, not sourced: a killed benchmark's runs are waited for as long, where no lock tells sooner
LEASE_SECONDS = 90.0
RENEWAL_SECONDS = 20.0  # so that three renewals may come late or be lost
# chosen, not sourced: clocks of two machines differ by less; it costs no wait, see `is_stale`
CLOCKS_SECONDS = 300.0

_ENDED = "the benchmark that this run belonged to ended without closing it"


class Leases:
    """What this process holds in a store, and whether what others hold is held by the living.

    Args:
        store: the tracking store.
        presence: this process's token, and how those of the same system are told alive.
        now_ms: the wall clock; `seconds` one that only goes forward.
        seconds: as above.
    """

    def __init__(
        self,
        store: TrackingStore,
        presence: Presence,
        now_ms: Callable[[], int] = environment.now_ms,
        seconds: Callable[[], float] = environment.seconds,
    ) -> None:
        self._store = store
        self._presence = presence
        self._now_ms = now_ms
        self._seconds = seconds
        self._held: dict[str, None] = {}
        self._seen: dict[str, tuple[str, float]] = {}

    @property
    def token(self) -> str:
        """This process's token."""
        return self._presence.token

    def tag(self) -> dict[str, str]:
        """Return the tag of a run that this process holds from now on."""
        until = self._now_ms() + int(1000 * LEASE_SECONDS)
        return {names.LEASE: f"{self.token} {until}"}

    def hold(self, run_id: str) -> None:
        """Renew a run's lease from now on."""
        self._held[run_id] = None

    def release(self, run_id: str) -> None:
        """Renew a run's lease no more: it is closed."""
        self._held.pop(run_id, None)

    def renew(self) -> None:
        """Renew what is held."""
        from mlflow.exceptions import MlflowException

        for run_id in tuple(self._held):
            # The next renewal may do; whoever works at the run meets the same, and tells.
            with suppress(MlflowException, StoreError):
                self._store.write_tags(run_id, self.tag())

    @contextmanager
    def renewed(self) -> Iterator[None]:
        """Renew what is held, now and then, until this is left; what is then held is closed."""
        ended = threading.Event()

        def work() -> None:
            while not ended.wait(RENEWAL_SECONDS):
                self.renew()

        threading.Thread(target=work, name="leases", daemon=True).start()
        try:
            yield
        finally:
            ended.set()
            for run_id in tuple(self._held):
                with suppress(AwayError):  # a later start closes it
                    close_run(self._store, run_id, "the benchmark ended before this run did")
                self.release(run_id)

    def is_own(self, run: Any) -> bool:
        """Whether a run is this process's."""
        return holder_of(run) == self.token

    def is_stale(self, run: Any) -> bool:
        """Whether a run that is not closed was left by a process that is gone.

        On one running system a lock tells at once. Elsewhere the lease does: it ran out long ago
        by this machine's clock, or nobody renewed it while this process looked on for as long as
        it lasts, whatever the clocks say. A run without a lease is none of a benchmark's, or of a
        version before there were leases: nobody can tell, and it is left alone.
        """
        lease = run.data.tags.get(names.LEASE, "")
        token, _, until = lease.partition(" ")
        if not until.isdecimal():
            return False
        alive = self._presence.is_alive(token)
        if alive is not None:
            return not alive
        if self._now_ms() > int(until) + 1000 * CLOCKS_SECONDS:
            return True
        seen, since = self._seen.get(run.info.run_id, ("", 0.0))
        if seen != lease:
            self._seen[run.info.run_id] = lease, self._seconds()
            return False
        return self._seconds() - since > LEASE_SECONDS

    def close_if_stale(self, run: Any) -> bool:
        """Close a run as KILLED if the process that held it is gone; return whether it was."""
        if not self.is_stale(run):
            return False
        close_run(self._store, run.info.run_id, _ENDED)
        return True


def holder_of(run: Any) -> str:
    """Return the token of the process that a run belongs to, or nothing."""
    return str(run.data.tags.get(names.LEASE, "").partition(" ")[0])


def close_run(store: TrackingStore, run_id: str, reason: str, state: State = State.KILLED) -> None:
    """Close a run that came to nothing, and the model that it was logging; its state comes last."""
    fail_models(store, run_id)
    store.write_tags(run_id, {names.REASON: reason[: names.TAG_LIMIT]})
    store.client.set_terminated(run_id, state)
