"""The room's front door: one object that knows a store and an experiment."""

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from .. import __version__
from ..errors import LostError, StoreError, one_line
from ..evaluation import read_predictions, write_predictions
from ..numerics import NUMERICS
from ..presence import Presence
from ..records import Predictions, Record, Spec, State
from . import names
from .benchmarks import Benchmark, Opening, begin_benchmark
from .claims import Claims, claim_of
from .experiments import Experiment, existing_experiment, find_experiment, moved_line
from .finishing import as_metrics, tested
from .leases import Leases, holder_of
from .models import network_path
from .patience import Patience
from .registry import ModelRegistry
from .runs import Run, create_run, open_run, record_of
from .store import TrackingStore, open_store
from .view import BoardFiles, Link, leave_board

_RUN = f"tags.{names.KIND} = '{names.RUN}'"


class Tracker:
    """What the benchmark says to MLflow and asks of it.

    Attributes:
        experiment: where runs are logged.
        registry: the store's registered models.
    """

    def __init__(self, store: TrackingStore, experiment: Experiment) -> None:
        self._store = store
        self.experiment = experiment
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

    def start(self, parent: Benchmark, spec: Spec) -> Run:
        """Begin the run of a spec, whoever else is at it; a search takes over a dead one's trials.

        Whoever claims the same meanwhile waits for it.
        """
        run_id = create_run(self._store, self.experiment, self._leases, parent, spec)
        return self._open(parent, spec, run_id)

    def claim(self, parent: Benchmark, spec: Spec) -> Run | Record | None:
        """Begin the run of a spec, unless another benchmark made it or is at it.

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
        run_id = create_run(store, self.experiment, leases, parent, spec, asks=True)
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

    def benchmarks(self) -> tuple[Benchmark, ...]:
        """Return the experiment's benchmarks, the one that was under way last first."""
        found = self._store.runs(self.experiment.id, f"tags.{names.KIND} = '{names.PARENT}'")
        return tuple(sorted(map(Benchmark.from_run, found), key=lambda each: -each.touched))

    def parent_of(self, record: Record) -> str:
        """Return the id of the benchmark's own run that a run stands below, or nothing."""
        tags = self._store.client.get_run(record.run_id).data.tags
        return str(tags.get(names.MLFLOW_PARENT, ""))

    def records(self, splits: Sequence[str] = ()) -> tuple[Record, ...]:
        """Return a record of each of the experiment's runs, newest first; trials are left out.

        Args:
            splits: only runs on one of these splits, which the store itself picks: 1,000 runs
                take 8 s to read.
        """
        own = [f"{_RUN} and tags.{names.SPLIT_DIGEST} = '{split}'" for split in splits]
        found = [
            run for each in own or [_RUN] for run in self._store.runs(self.experiment.id, each)
        ]
        found.sort(key=lambda run: -run.info.start_time)
        return tuple(record_of(self._store, run) for run in found)

    def record(self, run_id: str) -> Record:
        """Return the record of any run of the store.

        Raises:
            StoreError: there is no such run, or it is none of a benchmark's.
        """
        from mlflow.exceptions import MlflowException

        try:
            return record_of(self._store, self._store.client.get_run(run_id))
        except (MlflowException, KeyError, ValueError) as error:
            raise StoreError(f"the run {run_id!r} cannot be read: {one_line(error)}.") from error

    def finished(self, digests: Iterable[str]) -> Mapping[str, Record]:
        """Return the newest finished record by digest, of those specs that have one.

        MLflow's filters know no list of a tag's values, so that each is asked for by itself: among
        10,000 runs a question takes 30 ms, and a page of 1,000 runs 8 s.

        Raises:
            LostError: the files of some are gone, so that they are not finished any more.
        """
        found = {}
        lost = []
        for digest in dict.fromkeys(digests):
            filter_ = f"attributes.status = 'FINISHED' and tags.{names.SPEC_DIGEST} = '{digest}'"
            run = self._store.run_at([self.experiment.id], filter_)
            if run is None:
                continue
            found[digest] = record_of(self._store, run)
            if not self._store.has_files(run):
                lost.append(run)
        if lost:
            place = self._store.place(lost[0].info.artifact_uri) or lost[0].info.artifact_uri
            raise LostError(
                f"{len(lost)} finished {'run has' if len(lost) == 1 else 'runs have'} lost files "
                f"({place} does not hold them; was the folder moved?): bring them back there, or "
                "do the runs again with --resume no."
            )
        return found

    def has_files(self, record: Record) -> bool:
        """Whether a finished run's prediction table and model are there."""
        return self._store.has_files(self._store.client.get_run(record.run_id))

    def holds_run(self, split: str = "") -> bool:
        """Whether the experiment has any run on a split, or at all; trials do not count."""
        filter_ = _RUN + (f" and tags.{names.SPLIT_DIGEST} = '{split}'" if split else "")
        return self._store.run_at([self.experiment.id], filter_) is not None

    def count(self) -> int:
        """Return how many runs the experiment has, trials and benchmarks' own left out."""
        return self._store.count([self.experiment.id], _RUN)

    def count_tested(self, record: Record, predictions: Predictions) -> int:
        """Return how many finished runs of the whole store were scored on a run's test part.

        Runs of before there was a digest of the test part count by their data set and split.
        """
        own = f"tags.{names.TEST_DIGEST} = '{tested(predictions)[names.TEST_DIGEST]}'"
        older = (
            f"tags.{names.TEST_DIGEST} IS NULL"
            f" and tags.{names.DATA_DIGEST} = '{record.spec.data_digest}'"
            f" and tags.{names.SPLIT_DIGEST} = '{record.spec.split_digest}'"
        )
        every = self._store.experiment_ids()
        finished = f"{_RUN} and attributes.status = 'FINISHED'"
        return sum(self._store.count(every, f"{finished} and {each}") for each in (own, older))

    def predictions(self, record: Record) -> Predictions:
        """Read a finished run's prediction table.

        Raises:
            StoreError: the artifact is not there.
        """
        return read_predictions(self._fetch(record.run_id, names.PREDICTIONS_FILE))

    def check(self, record: Record) -> Predictions:
        """Read what a run's saved network said of some images when it was saved."""
        return read_predictions(self._fetch(record.run_id, names.CHECK_FILE))

    def out_of_fold(self, record: Record) -> Predictions | None:
        """Return a run's answers for train and val of networks that had not seen the image.

        None where it has none: those are asked for by its spec's `rank_on`.
        """
        if record.spec.rank_on == "val":
            return None
        path = self._fetch_if_any(record.run_id, names.OUT_OF_FOLD_FILE)
        return None if path is None else read_predictions(path)

    def trained_on(self, record: Record) -> frozenset[str] | None:
        """Return the content digests of the images a run was trained on, None where unknown."""
        import pyarrow.parquet as pq

        path = self._fetch_if_any(record.run_id, names.TRAINED_ON_FILE)
        if path is None:
            return None
        return frozenset(pq.read_table(path, columns=["hash"])["hash"].to_pylist())

    def trials_path(self, record: Record) -> Path | None:
        """Return a local path to the table of a run's trials, None where it has none."""
        if record.spec.search is None:
            return None
        return self._fetch_if_any(record.run_id, names.TRIALS_FILE)

    def network_path(self, record: Record) -> Path:
        """Return a local path to a finished run's `model.keras`, as it was logged."""
        return network_path(self._store, record.model_id)

    def text(self, run_id: str, path: str) -> str | None:
        """Return a text that is kept on a run, None where there is none."""
        found = self._fetch_if_any(run_id, path)
        return None if found is None else found.read_text("utf-8", errors="surrogateescape")

    def keep_text(self, parent: Benchmark, path: str, text: str) -> None:
        """Keep a text on a benchmark's own run."""
        self._store.keep_text(parent.run_id, text, path)

    def mark(self, record: Record, tags: Mapping[str, str]) -> None:
        """Set tags of a run."""
        self._store.write_tags(record.run_id, tags)

    def write_scores(
        self, record: Record, predictions: Predictions, scores: Mapping[str, float]
    ) -> int:
        """Write figures computed anew into a finished run, with a tag; return how many changed.

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
        self._store.write_tags(run_id, {names.RESCORED: rescored, **tested(predictions)})
        return len(changed)

    def replace_tables(
        self, record: Record, predictions: Predictions, out_of_fold: Predictions | None
    ) -> None:
        """Put prediction tables in the place of those that a run has."""
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

    def _fetch(self, run_id: str, path: str) -> Path:
        run = self._store.client.get_run(run_id)
        return self._store.fetch(f"{run.info.artifact_uri}/{path}")

    def _fetch_if_any(self, run_id: str, path: str) -> Path | None:
        try:
            return self._fetch(run_id, path)
        except LostError:
            return None
