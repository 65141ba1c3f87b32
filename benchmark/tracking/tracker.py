"""The room's front door: one object that knows a store and an experiment."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import StoreError
from ..evaluation import read_predictions
from ..records import Predictions, Probabilities, Reader, Record, Spec, State
from . import counting, models, names, parents, reading, registry, rescored, runs, view
from .evidence import Evidence, log_evidence, tested
from .experiments import (
    Experiment,
    existing_experiment,
    find_experiment,
    latest_experiment,
    opened_experiment,
)
from .files import Files
from .parents import Benchmark, Opening, Parent
from .registry import Promotion, Version
from .runs import Run
from .store import Store, open_store
from .trials import TrialRun, adopt_trials, log_trial


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardFiles:
    """What a finished benchmark leaves on its own run.

    Attributes:
        files: texts by artifact path, such as `leaderboard.csv`.
        note: the Markdown for the head of the experiment's page.
        tags: further facts worth a tag, such as the winner.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Where the leaderboard opens in MLflow's UI, behind the server's address; and a warning."""

    path: str
    warning: str


class Tracker:
    """Everything the benchmark says to MLflow and asks of it."""

    def __init__(self, store: Store, experiment: Experiment) -> None:
        self._store = store
        self._files = Files(store)
        self.experiment = experiment

    @classmethod
    def open(
        cls, uri: str | Store | None, experiment: str | None, default_experiment: str
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
        store = uri if isinstance(uri, Store) else open_store(uri)
        return cls(store, find_experiment(store, experiment, default_experiment))

    @classmethod
    def find(cls, experiment: str | None, default_experiment: str | None) -> "Tracker | None":
        """Open an experiment that is there already, None where it is not; nothing is made.

        Args:
            experiment: the one a person asked for, None if they did not.
            default_experiment: the one to take then; None for the one with the latest benchmark.
        """
        store = open_store(None)
        wanted = experiment or opened_experiment(store) or default_experiment
        found = existing_experiment(store, wanted) if wanted else latest_experiment(store)
        return None if found is None else cls(store, found)

    @property
    def uri(self) -> str:
        """The store's address, absolute."""
        return self._store.uri

    def begin(self, opening: Opening, *, resume: bool) -> Parent:
        """Begin a benchmark: join the run `mlflow run` opened, take up an interrupted one, or new.

        Args:
            opening: what the benchmark says of itself.
            resume: whether an unfinished benchmark of the same plan, its process dead, is taken up.
        """
        return parents.begin(self._store, self.experiment, opening, resume=resume)

    def close_stale(self) -> tuple[str, ...]:
        """Close as KILLED what dead processes of this machine left RUNNING; return the run ids."""
        return parents.close_stale(self._store, self.experiment)

    def records(
        self, data_digest: str | None = None, splits: Sequence[str] = ()
    ) -> tuple[Record, ...]:
        """Return a record of each of the experiment's runs, newest first; trials are left out.

        Args:
            data_digest: only runs on these images.
            splits: only runs on one of these splits.
        """
        return reading.read_records(self._store, self.experiment, data_digest, splits)

    def record(self, run_id: str) -> Record:
        """Return the record of any run of the store.

        Raises:
            StoreError: there is no such run, or it is none of a benchmark's.
        """
        from mlflow.exceptions import MlflowException

        try:
            return self._record(run_id)
        except (MlflowException, KeyError, ValueError) as error:
            raise StoreError(f"the run {run_id!r} cannot be read: {error}") from error

    def holds_run(self, split: str = "") -> bool:
        """Whether the experiment has any run on a split, or at all; trials do not count."""
        filter_ = f"tags.{names.KIND} = '{names.RUN}'"
        filter_ += f" and tags.{names.SPLIT_DIGEST} = '{split}'" if split else ""
        return counting.has_run_at(self._store, [self.experiment.id], filter_)

    def count(self) -> int:
        """Return how many runs the experiment has, trials and benchmarks' own left out."""
        filter_ = f"tags.{names.KIND} = '{names.RUN}'"
        return counting.count_runs(self._store, [self.experiment.id], filter_)

    def count_tested(self, record: Record, predictions: Predictions) -> int:
        """Return how many finished runs of the whole store were scored on a run's test part."""
        digest = tested(predictions)[names.TEST_DIGEST]
        spec = record.spec
        return counting.count_tested(self._store, digest, spec.data_digest, spec.split_digest)

    def benchmarks(self) -> tuple[Benchmark, ...]:
        """Return the experiment's benchmarks, the one that was under way last first."""
        return parents.benchmarks(self._store, self.experiment)

    def benchmark(self, run_id: str) -> Benchmark:
        """Return a benchmark by its own run's id."""
        return parents.benchmark_of(self._store, run_id)

    def keep_text(self, parent: Parent, path: str, text: str) -> None:
        """Keep a text on a benchmark's own run."""
        self._store.client.log_text(parent.run_id, text, path)

    def text(self, run_id: str, path: str) -> str | None:
        """Return a text that is kept on a run, None where there is none."""
        try:
            found = self._fetch(run_id, path)
        except StoreError:
            return None
        return found.read_text(encoding="utf-8", errors="surrogateescape")

    def mark(self, record: Record, tags: Mapping[str, str]) -> None:
        """Set tags of a run."""
        parents.write_tags(self._store, record.run_id, tags)

    def write_scores(
        self, record: Record, predictions: Predictions, scores: Mapping[str, float]
    ) -> int:
        """Write figures computed anew into a finished run; return how many are new or others."""
        return rescored.write_scores(self._store, record, predictions, scores)

    def replace_tables(
        self, record: Record, predictions: Predictions, out_of_fold: Predictions | None
    ) -> None:
        """Put prediction tables in the place of those that a run has."""
        rescored.replace_table(self._store, record, predictions, names.PREDICTIONS_FILE)
        if out_of_fold is not None:
            rescored.replace_table(self._store, record, out_of_fold, names.OUT_OF_FOLD_FILE)

    def finished(self, digests: Iterable[str]) -> Mapping[str, Record]:
        """Return the newest finished record by digest, of those specs that have one."""
        return reading.finished_records(self._store, self.experiment, digests)

    def start(self, parent: Parent, spec: Spec) -> Run:
        """Begin the run of a spec; feed it by `Run.epoch`, which never waits.

        A search takes over the trials that an interrupted run of it had logged.
        """
        run = runs.start(self._store, self.experiment, parent, spec)
        if spec.search is not None:
            adopt_trials(self._store, self.experiment, run)
        return run

    def log_trial(self, run: Run, trial: TrialRun) -> None:
        """Log a finished trial of a search below its architecture's run."""
        log_trial(self._store, self.experiment, run, trial)

    def finish(self, run: Run, evidence: Evidence) -> Record:
        """Log everything that came of a run and close it; it is FINISHED only when all is there."""
        log_evidence(self._store, self.experiment, run, evidence)
        return self._record(run.run_id)

    def fail(self, run: Run, reason: str, state: State = State.FAILED) -> Record:
        """Close a run without an outcome."""
        runs.fail(self._store, run, reason, state)
        return self._record(run.run_id)

    def predictions(self, record: Record) -> Predictions:
        """Read a finished run's prediction table.

        Raises:
            StoreError: the artifact is not there.
        """
        return read_predictions(self._fetch(record.run_id, names.PREDICTIONS_FILE))

    def out_of_fold(self, record: Record) -> Predictions | None:
        """Return a run's answers for train and val of networks that had not seen the image.

        None where it has none: those are asked for by its spec's `rank_on`.
        """
        if record.spec.rank_on == "val":
            return None
        try:
            return read_predictions(self._fetch(record.run_id, names.OUT_OF_FOLD_FILE))
        except StoreError:
            return None

    def trained_on(self, record: Record) -> frozenset[str] | None:
        """Return the content digests of the images a run was trained on, None where unknown."""
        import pyarrow.parquet as pq

        try:
            path = self._fetch(record.run_id, names.TRAINED_ON_FILE)
        except StoreError:
            return None
        return frozenset(pq.read_table(path, columns=["hash"])["hash"].to_pylist())

    def trials_path(self, record: Record) -> Path | None:
        """Return a local path to the table of a run's trials, None where it has none."""
        if record.spec.search is None:
            return None
        try:
            return self._fetch(record.run_id, names.TRIALS_FILE)
        except StoreError:
            return None

    def parent_of(self, record: Record) -> str:
        """Return the id of the benchmark's own run that a run stands below, or nothing."""
        tags = self._store.client.get_run(record.run_id).data.tags
        return str(tags.get(names.MLFLOW_PARENT, ""))

    def check(self, record: Record) -> Predictions:
        """Read what a run's saved network said of some images when it was saved."""
        return read_predictions(self._fetch(record.run_id, names.CHECK_FILE))

    def network_path(self, record: Record) -> Path:
        """Return a local path to a finished run's `model.keras`."""
        return self._files.fetch(models.network_uri(self._store, record.model_id))

    def finish_benchmark(
        self, parent: Parent, board: BoardFiles, state: State = State.FINISHED
    ) -> Link:
        """Leave the board on the benchmark's run and the experiment's page, and close the run."""
        for path, text in board.files.items():
            self._store.client.log_text(parent.run_id, text, path)
        if board.tags:
            parents.write_tags(self._store, parent.run_id, board.tags)
        if board.note:
            view.set_note(self._store, self.experiment, board.note)
        path, warning = view.save_view(self._store, self.experiment)
        self._store.client.set_terminated(parent.run_id, state)
        return Link(path=path, warning=warning)

    def close(self, parent: Parent, state: State) -> None:
        """Close a benchmark's run that came to no board."""
        self._store.client.set_terminated(parent.run_id, state)

    def register(self, record: Record, promotion: Promotion) -> Version:
        """Register a run's model, try it in a fresh process, and give it an alias.

        Raises:
            PromotionError: the reloaded model does not give the recorded probabilities; the alias
                stays where it was.
        """
        return registry.register(self._store, record, promotion)

    def champion(self, name: str) -> Version | None:
        """Return a registered model's champion, None if there is none."""
        return registry.find_version(self._store, name, registry.CHAMPION)

    def candidate(self, name: str) -> Version | None:
        """Return a registered model's candidate, None if there is none."""
        return registry.find_version(self._store, name, registry.CANDIDATE)

    def ask(self, version: Version, paths: tuple[str, ...], reader: Reader) -> Probabilities:
        """Return the (n, k) probabilities of a registered model, loaded in a fresh process.

        Raises:
            PromotionError: it does not load or does not answer.
        """
        uri = f"models:/{version.name}/{version.version}"
        return registry.reload_and_predict(self._store, uri, paths, reader)

    def _record(self, run_id: str) -> Record:
        return reading.record_of(self._store, self._store.client.get_run(run_id))

    def _fetch(self, run_id: str, path: str) -> Path:
        run = self._store.client.get_run(run_id)
        return self._files.fetch(f"{run.info.artifact_uri}/{path}")
