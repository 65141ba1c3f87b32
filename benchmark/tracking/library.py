"""What an experiment holds, read back: its benchmarks, runs and their files."""

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import LostError, StoreError, one_line
from ..evaluation import at_temperature, read_predictions
from ..records import OPTIMISM, Part, Predictions, Record, Seconds, Spec, State
from . import names
from .benchmarks import Benchmark
from .experiments import Experiment
from .finishing import tested
from .models import network_path
from .pulling import Located
from .store import TrackingStore

_RUN = f"tags.{names.KIND} = '{names.RUN}'"

_STAGES = ("decode", "features", "head", "search", "wall")


class Library:
    """What an experiment holds; nothing here changes it.

    Attributes:
        experiment: where runs are logged.
    """

    def __init__(self, store: TrackingStore, experiment: Experiment) -> None:
        self._store = store
        self.experiment = experiment

    def benchmarks(self) -> tuple[Benchmark, ...]:
        """Return the experiment's benchmarks, the one that was under way last first."""
        found = self._store.runs(self.experiment.id, f"tags.{names.KIND} = '{names.PARENT}'")
        return tuple(sorted(map(Benchmark.from_run, found), key=lambda each: -each.touched))

    def parent_of(self, record: Record) -> str:
        """Return the id of the benchmark's own run that a run stands below, or nothing."""
        tags = self._store.client.get_run(record.run_id).data.tags
        return str(tags.get(names.MLFLOW_PARENT, ""))

    def made_on(self, run: Record | Benchmark) -> Mapping[str, str]:
        """Return the machine, the device and the packages' versions that made a run, by name."""
        tags = self._store.client.get_run(run.run_id).data.tags
        known = (names.MACHINE, "device", "engine")
        versions = {name: tags[name] for name in sorted(tags) if name.startswith("version.")}
        return {
            **{name: tags[name] for name in known if name in tags},
            **{name.partition(".")[2]: version for name, version in versions.items()},
        }

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
        """Read a finished run's prediction table, as its network answers at its temperature.

        Raises:
            StoreError: the artifact is not there.
        """
        return at_temperature(self.raw_predictions(record), record.temperature)

    def raw_predictions(self, record: Record) -> Predictions:
        """Read a finished run's prediction table as it is kept: of before the temperature.

        Raises:
            StoreError: the artifact is not there.
        """
        return read_predictions(self._fetch(record.run_id, names.PREDICTIONS_FILE))

    def check(self, record: Record) -> Predictions:
        """Read what a run's saved network said of some images when it was saved."""
        return read_predictions(self._fetch(record.run_id, names.CHECK_FILE))

    def out_of_fold(self, record: Record) -> Predictions | None:
        """Return a run's answers for train and val of networks that had not seen the image.

        They are at the temperature of the run's own network. None where it has none: those are
        asked for by its spec's `rank_on`.
        """
        found = self.raw_out_of_fold(record)
        return None if found is None else at_temperature(found, record.temperature)

    def raw_out_of_fold(self, record: Record) -> Predictions | None:
        """Return a run's out-of-fold answers as they are kept: of before the temperature."""
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

    def _fetch(self, run_id: str, path: str) -> Path:
        run = self._store.client.get_run(run_id)
        return self._store.fetch(f"{run.info.artifact_uri}/{path}")

    def _fetch_if_any(self, run_id: str, path: str) -> Path | None:
        try:
            return self._fetch(run_id, path)
        except LostError:
            return None


def known_of(model: Located) -> Library | None:
    """Return where the run of a model can be read, None for a model's folder."""
    if model.store is None or model.kept is None or not model.kept.run_id:
        return None
    run = model.store.client.get_run(model.kept.run_id)
    experiment = model.store.client.get_experiment(run.info.experiment_id)
    home = Experiment(id=experiment.experiment_id, name=experiment.name)
    return Library(model.store, home)


def record_of(store: TrackingStore, run: Any) -> Record:
    """Rebuild the record of a run wholly from what was logged."""
    tags, metrics = run.data.tags, run.data.metrics
    parts = (*(f"{part}_" for part in Part), "cv_", OPTIMISM)
    return Record(
        spec=_spec_of(store, run),
        run_id=run.info.run_id,
        model_id=tags.get(names.MODEL_ID, ""),
        state=State(run.info.status),
        reason=tags.get(names.REASON, ""),
        scores={name: value for name, value in metrics.items() if name.startswith(parts)},
        seconds=Seconds(**{stage: metrics.get(f"{stage}_seconds", 0.0) for stage in _STAGES}),
        parameters=int(metrics.get("parameters", 0)),
        model_bytes=int(metrics.get("model_bytes", 0)),
        milliseconds_per_image=metrics.get("milliseconds_per_image", 0.0),
        started=run.info.start_time / 1000,
        notes=tuple(json.loads(tags.get(names.NOTES, "[]"))),
        trained=Spec.from_json(json.loads(tags[names.TRAINED])) if names.TRAINED in tags else None,
        version=tags.get(names.VERSION, ""),
        commit=tags.get(names.CODE, ""),
        preset=tags.get(names.PRESET, ""),
        temperature=metrics.get(names.TEMPERATURE, 1.0),
        operating_point=tags.get(names.OPERATING_POINT, ""),
        prevalence=float(tags[names.PREVALENCE]) if names.PREVALENCE in tags else None,
    )


def _spec_of(store: TrackingStore, run: Any) -> Spec:
    text = run.data.tags.get(names.SPEC)
    if text is None:  # longer than a tag may be
        text = store.fetch(f"{run.info.artifact_uri}/{names.SPEC_FILE}").read_text()
    return Spec.from_json(json.loads(text))
