"""The room's front door: one object that knows a store and an experiment."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from .. import __version__
from ..evaluation import OperatingPoint, write_predictions
from ..numerics import NUMERICS
from ..presence import Presence
from ..records import Predictions, Record, Spec, State
from . import names
from .aliases import Version
from .benchmarks import Benchmark, Opening, begin_benchmark
from .claims import Claims, claim_of
from .experiments import Experiment, existing_experiment, find_experiment, moved_line
from .finishing import as_metrics, operating_tags, tested
from .leases import Leases, holder_of
from .library import Library
from .light_versions import Convert, register_light
from .patience import Patience
from .places import is_elsewhere
from .registry import ModelRegistry, Registration
from .runs import Run, create_run, open_run
from .store import TrackingStore, open_store
from .view import BoardFiles, Link, leave_board


class Tracker(Library):
    """What the benchmark says to MLflow and asks of it.

    Attributes:
        experiment: where runs are logged.
        registry: the store's registered models.
    """

    def __init__(self, store: TrackingStore, experiment: Experiment) -> None:
        super().__init__(store, experiment)
        self.registry = ModelRegistry(store)
        self._be(Presence())

    @classmethod
    def open(
        cls, uri: str | TrackingStore | None, experiment: str | None, default_experiment: str
    ) -> "Tracker":
        """Open a store and an experiment in it.

        Args:
            uri: the tracking store; None for MLFLOW_TRACKING_URI, else sqlite here; one that is
                open already is taken as it is.
            experiment: the experiment a person asked for, None if they did not.
            default_experiment: the one to take where neither they nor MLflow's variables say.

        Raises:
            StoreError: the store cannot be used or does not answer.
        """
        store = uri if isinstance(uri, TrackingStore) else open_store(uri)
        return cls(store, find_experiment(store, experiment, default_experiment))

    @classmethod
    def find(
        cls,
        experiment: str | None,
        default_experiment: str | None,
        patience: Patience | None = None,
    ) -> "Tracker | None":
        """Open an experiment that is there already, None where it is not; nothing is made.

        Args:
            experiment: the one a person asked for, None if they did not.
            default_experiment: the one to take then; None for the one with the latest benchmark.
            patience: how long the store is waited for.
        """
        store = open_store(None, patience)
        found = existing_experiment(store, experiment, default_experiment)
        return None if found is None else cls(store, found)

    @property
    def uri(self) -> str:
        """The store's address, absolute."""
        return self._store.uri

    @property
    def is_elsewhere(self) -> bool:
        """Whether what is logged leaves this machine, as far as the addresses tell."""
        own = self._store.client.get_experiment(self.experiment.id).artifact_location
        return any(map(is_elsewhere, (self.uri, own)))

    @property
    def moved(self) -> str:
        """A line that says where artifacts were moved from, with their store; or nothing."""
        return moved_line(self._store, self.experiment)

    def hurry(self) -> None:
        """Wait for the store no more: what is left to be said to it is tried once."""
        self._store.patience.hurry()

    def begin(self, opening: Opening, *, resume: bool) -> Benchmark:
        """Begin a benchmark: join the run `mlflow run` opened, take up an interrupted one, or new.

        Args:
            opening: what the benchmark says of itself.
            resume: whether an unfinished benchmark of the same plan is taken up, its process dead.
        """
        return begin_benchmark(self._store, self.experiment, self._leases, opening, resume=resume)

    def start(self, parent: Benchmark, spec: Spec, preset: str = "") -> Run:
        """Begin the run of a spec, whoever else is at it; a search takes over a dead one's trials.

        Whoever claims the same meanwhile waits for it. The preset is the name of what `auto` stood
        for where it was asked for.
        """
        store, leases = self._store, self._leases
        run_id = create_run(store, self.experiment, leases, parent, spec, preset=preset)
        return self._open(parent, spec, run_id)

    def start_final(self, parent: Benchmark, spec: Spec) -> Run:
        """Begin a run that is never scored, and stands on no board, below a benchmark's run."""
        store, leases, kind = self._store, self._leases, names.FINAL
        run_id = create_run(store, self.experiment, leases, parent, spec, kind=kind)
        return open_run(store, self.experiment, leases, parent, spec, run_id, kind)

    def claim(self, parent: Benchmark, spec: Spec, preset: str = "") -> Run | Record | None:
        """Begin the run of a spec as `start`, unless another benchmark made it or is at it.

        Returns:
            The run to go on with; the record of one that is finished; None while another live
            benchmark is at it, or at the same search with another budget.
        """
        claim = claim_of(spec)
        if self._claims.is_under_way(claim):
            return None
        if self._claims.met_others() and (made := self.finished([spec.digest])):
            return made[spec.digest]
        store, leases = self._store, self._leases
        run_id = create_run(store, self.experiment, leases, parent, spec, preset=preset, asks=True)
        is_won = self._claims.wins(claim, run_id)
        # Whoever was at it had finished before it was no rival any more: only now is this sure.
        found = self.finished([spec.digest]).get(spec.digest) if is_won else None
        if is_won and found is None:
            return self._open(parent, spec, run_id)
        store.client.set_terminated(run_id, State.KILLED)
        store.client.delete_run(run_id)
        leases.release(run_id)
        return found

    def finish_benchmark(
        self, parent: Benchmark, board: BoardFiles, state: State = State.FINISHED
    ) -> Link:
        """Leave the board on the benchmark's run and the experiment's page, and close the run."""
        link = leave_board(self._store, self.experiment, parent.run_id, board)
        self.close(parent, state)
        return link

    def close(self, parent: Benchmark, state: State) -> None:
        """Close a benchmark's run."""
        self._store.client.set_terminated(parent.run_id, state)
        self._leases.release(parent.run_id)

    @contextmanager
    def present(self, folder: Path) -> Iterator[None]:
        """Be seen to be alive until this is left; what is then not closed, is closed as KILLED.

        Args:
            folder: where processes of this machine look for each other's presence.
        """
        with Presence(folder) as presence:
            self._be(presence)
            with self._leases.renewed():
                yield

    @property
    def token(self) -> str:
        """What tells this process from every other."""
        return self._leases.token

    def close_stale(self) -> tuple[str, ...]:
        """Close as KILLED what benchmarks that are gone left RUNNING; return the run ids.

        Runs that say nothing of whose they are stay as they are.
        """
        gone = self._presence.gone()
        running = self._store.runs(self.experiment.id, "attributes.status = 'RUNNING'")
        closed = tuple(run.info.run_id for run in running if self._leases.close_if_stale(run))
        self._presence.forget(gone)
        return closed

    def living(self) -> frozenset[str]:
        """Return the tokens of the processes that are at work here, as far as can be told."""
        running = self._store.runs(self.experiment.id, "attributes.status = 'RUNNING'")
        return frozenset(holder_of(run) for run in running if not self._leases.is_stale(run))

    def register_light(self, record: Record, wanted: Registration, convert: Convert) -> Version:
        """Register a light version beside a run's own; see `light_versions.register_light`."""
        return register_light(self._store, self.registry, record, wanted, convert)

    def keep_text(self, parent: Benchmark, path: str, text: str) -> None:
        """Keep a text on a benchmark's own run."""
        self._store.keep_text(parent.run_id, text, path)

    def mark(self, record: Record, tags: Mapping[str, str]) -> None:
        """Set tags of a run."""
        self._store.write_tags(record.run_id, tags)

    def write_scores(
        self,
        record: Record,
        predictions: Predictions,
        scores: Mapping[str, float],
        point: OperatingPoint | None = None,
        prevalence: float | None = None,
    ) -> int:
        """Write figures computed anew into a finished run, with tags; return how many changed.

        MLflow keeps what was logged before in the metric's history, and shows what was logged last
        at the greatest step: both stand at step 0. Figures that are as they were are not logged
        again, so that their history stays one point, which MLflow draws as a bar.
        """
        changed = {
            name: value for name, value in scores.items() if record.scores.get(name) != float(value)
        }
        run_id = record.run_id
        metrics = as_metrics(run_id, record.model_id, record.spec, predictions, changed)
        self._store.log_metrics(run_id, metrics)
        rescored = f"evaluation {NUMERICS['evaluation']}, version {__version__}"
        operated = operating_tags(point, prevalence)
        own = {names.RESCORED: rescored, **operated, **tested(predictions)}
        self._store.write_tags(run_id, own)
        return len(changed)

    def keep_tables(self, record: Record, tables: Mapping[str, str]) -> None:
        """Keep texts on a run by name below `tables/`, in the place of those that it has."""
        with tempfile.TemporaryDirectory(prefix="benchmark-table-") as folder:
            for name, text in tables.items():
                (Path(folder) / name).write_text(text, encoding="utf-8")
            self._store.client.log_artifacts(record.run_id, folder, "tables")

    def replace_tables(
        self, record: Record, predictions: Predictions, out_of_fold: Predictions | None
    ) -> None:
        """Put prediction tables, as they are kept, in the place of those that a run has."""
        tables = {names.PREDICTIONS_FILE: predictions, names.OUT_OF_FOLD_FILE: out_of_fold}
        with tempfile.TemporaryDirectory(prefix="benchmark-table-") as folder:
            for name, table in tables.items():
                if table is not None:
                    write_predictions(table, Path(folder) / name)
            self._store.client.log_artifacts(record.run_id, folder)

    def _be(self, presence: Presence) -> None:
        self._presence = presence
        self._leases = Leases(self._store, presence)
        self._claims = Claims(self._store, self.experiment, self._leases)

    def _open(self, parent: Benchmark, spec: Spec, run_id: str) -> Run:
        return open_run(self._store, self.experiment, self._leases, parent, spec, run_id)
