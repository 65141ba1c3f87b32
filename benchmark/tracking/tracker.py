"""The room's front door: one object that knows a store and an experiment."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..evaluation import read_predictions
from ..records import Predictions, Record, Spec, State
from . import models, names, parents, reading, registry, runs, view
from .evidence import Evidence, log_evidence
from .experiments import (
    Experiment,
    existing_experiment,
    find_experiment,
    latest_experiment,
    opened_experiment,
)
from .files import Files
from .parents import Opening, Parent
from .registry import Champion, Promotion
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
        """Close as KILLED what dead processes of this machine left RUNNING; give the run ids."""
        return parents.close_stale(self._store, self.experiment)

    def records(self, data_digest: str | None = None) -> tuple[Record, ...]:
        """Give a record of each of the experiment's runs, newest first; trials are left out."""
        return reading.read_records(self._store, self.experiment, data_digest)

    def latest_params(self) -> Mapping[str, str]:
        """Give the options of the experiment's newest benchmark, nothing where there is none."""
        return parents.latest_params(self._store, self.experiment)

    def finished(self, digests: Iterable[str]) -> Mapping[str, Record]:
        """Give the newest finished record by digest, of those specs that have one."""
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
        return read_predictions(self._artifact(record, names.PREDICTIONS_FILE))

    def check(self, record: Record) -> Predictions:
        """Read what a run's saved network said of some images when it was saved."""
        return read_predictions(self._artifact(record, names.CHECK_FILE))

    def network_path(self, record: Record) -> Path:
        """Give a local path to a finished run's `model.keras`."""
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

    def register(self, record: Record, promotion: Promotion) -> Champion:
        """Register a run's model, try it in a fresh process, and make it champion.

        Raises:
            PromotionError: the reloaded model does not give the recorded probabilities; the alias
                stays where it was.
        """
        return registry.register(self._store, record, promotion)

    def champion(self, name: str) -> Champion | None:
        """Give a registered model's champion, None if there is none."""
        return registry.champion(self._store, name)

    def _record(self, run_id: str) -> Record:
        return reading.record_of(self._store, self._store.client.get_run(run_id))

    def _artifact(self, record: Record, path: str) -> Path:
        run = self._store.client.get_run(record.run_id)
        return self._files.fetch(f"{run.info.artifact_uri}/{path}")
