"""What is kept of a finished task: metrics, figures and tables in MLflow, predictions on disk."""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..evaluation import Caption, read_predictions, wanted_point
from ..plan import Prepared
from ..records import OPTIMISM, Outcome, Record, Seconds, Spec, State
from ..search import (
    SEARCH_FILE,
    SearchResult,
    TrialRecord,
    TrialState,
    read_goals,
    read_search,
)
from ..texts import masked
from ..tracking import FinishedRun, Run, Tracker, TrialRun
from ..worker import read_history
from .judging import Judged
from .progress import name_of


def import_what_draws() -> None:
    """Import what figures are drawn with, a second's work, while nothing waits for them."""
    import seaborn as sns  # noqa: F401


OUT_OF_FOLD = "out_of_fold.parquet"


class Recorder:
    """Logs what workers leave.

    Args:
        prepared: the images and the plan.
        tracker: where runs are logged.
        folder: the experiment's folder under the output.

    Attributes:
        noted: what a run's notes must say beside what its worker said, by spec digest.
    """

    def __init__(self, prepared: Prepared, tracker: Tracker, folder: Path) -> None:
        self._prepared = prepared
        self._tracker = tracker
        self._folder = folder
        self.noted: dict[str, tuple[str, ...]] = {}
        self._logged_trials: dict[str, set[int]] = {}

    def log_trials(self, run: Run, trials: Sequence[TrialRecord]) -> None:
        """Log trials as runs, each once, up to the number that a person wants to see in MLflow.

        Those that an interrupted run had logged count too; the run looks at each of them again.
        """
        most = self._prepared.request.log_trials
        logged = self._logged_trials.setdefault(run.run_id, set(run.adopted))
        for trial in trials:
            is_new = trial.number not in logged and len(logged) < most
            if is_new or trial.number in run.adopted:
                logged.add(trial.number)
                run.log_trial(trial_run(trial, run.spec))

    def finish(self, run: Run, outcome: Outcome) -> Record:
        """Log an outcome; its prediction table stays among the results, the rest is taken away."""
        judged = self._judged(outcome)
        history = read_history(outcome.folder)
        caption = Caption(
            arch=name_of(outcome.spec),
            data=outcome.spec.data,
            synthetic=self._prepared.index.synthetic,
        )
        outcome = replace(outcome, facts={**outcome.facts, **self._weights_note(outcome.spec)})
        noted = (*self.noted.get(outcome.spec.digest, ()), *filter(None, [judged.lacks]))
        outcome = replace(outcome, warnings=(*outcome.warnings, *noted))
        outcome = replace(outcome, seconds=self._from_nothing(outcome))
        found = self._search_of(outcome)
        if found is not None:
            self.log_trials(run, found.trials)
            found.write(outcome.folder / "trials.parquet")
        if run.gone:
            note = (
                f"the study of an earlier search is gone: {run.gone} of its trials were run anew."
            )
            outcome = replace(outcome, warnings=(*outcome.warnings, note))
        scores = judged.scores()
        record = run.finish(
            FinishedRun(
                outcome=outcome,
                predictions=judged.predictions,
                scores={**scores, **(search_scores(found, scores) if found else {})},
                history=history,
                figures={
                    **judged.figures(history, caption),
                    **(search_figures(found) if found else {}),
                },
                tables=judged.tables(),
                point=judged.point,
                prevalence=judged.prevalence,
            ),
        )
        self._keep(outcome)
        return record

    def fail(self, run: Run, reason: str, traceback: str) -> Record:
        """Close a run that failed; its traceback stands among the logs."""
        spec = run.spec
        name = name_of(spec).replace(":", "-").replace(" ", "-")
        path = self._folder / "logs" / f"{name}-failure.log"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(masked(traceback))
        except OSError as error:  # on a full disk the reason alone must do
            reason = f"{reason} (its traceback could not be written: {error.strerror})"
        return run.fail(reason)

    def _judged(self, outcome: Outcome) -> Judged:
        """Read an outcome's tables, and choose the operating point that is asked for."""
        request = self._prepared.request
        folds = outcome.folder / OUT_OF_FOLD
        wanted = wanted_point(
            self._prepared.index.classes,
            request.positive,
            request.operating_point,
            request.prevalence,
        )
        return Judged.at(
            outcome.temperature,
            read_predictions(outcome.folder / "predictions.parquet"),
            read_predictions(folds) if folds.is_file() else None,
            wanted,
        )

    def _from_nothing(self, outcome: Outcome) -> Seconds:
        """Return what an outcome cost from nothing: a composite is charged for its members too."""
        members = self._tracker.finished(outcome.spec.members) if outcome.spec.members else {}
        own, each = outcome.seconds, [record.seconds for record in members.values()]
        return own.having(
            decode=max([own.decode, *(member.decode for member in each)]),
            features=own.features + sum(member.features for member in each),
            head=own.head + sum(member.head for member in each),
            search=own.search + sum(member.search for member in each),
        )

    def _search_of(self, outcome: Outcome) -> SearchResult | None:
        path = outcome.folder / SEARCH_FILE
        if not path.is_file():
            return None
        spaces = {job.spec.digest: job.space for job in self._prepared.plan.jobs}
        space = spaces.get(outcome.spec.digest)
        return None if space is None else read_search(path, space)

    def _keep(self, outcome: Outcome) -> None:
        kept = self._folder / "predictions"
        kept.mkdir(parents=True, exist_ok=True)
        name = f"{outcome.spec.arch.replace(':', '-')}-{outcome.spec.digest[:12]}.parquet"
        shutil.move(outcome.folder / "predictions.parquet", kept / name)
        if (outcome.folder / OUT_OF_FOLD).is_file():
            own = name.replace(".parquet", "-out-of-fold.parquet")
            shutil.move(outcome.folder / OUT_OF_FOLD, kept / own)
        shutil.rmtree(outcome.folder)

    def _weights_note(self, spec: Spec) -> dict[str, str]:
        """Return the tag that says why a network has other weights than were asked for."""
        for job in self._prepared.plan.jobs:
            if (job.spec.arch, job.spec.weights) == (spec.arch, spec.weights) and job.weights.note:
                return {"weights_note": job.weights.note}
        return {}


_STATES = {
    TrialState.COMPLETE: State.FINISHED,
    TrialState.PRUNED: State.FINISHED,
    TrialState.INFEASIBLE: State.FINISHED,
    TrialState.FAILED: State.FAILED,
}


def trial_run(trial: TrialRecord, spec: Spec) -> TrialRun:
    """Return a trial as it is logged to MLflow; an infeasible or pruned one is no failure."""
    assert spec.search is not None
    names = [goal.metric for goal in read_goals(spec.search.objective)]
    return TrialRun(
        number=trial.number,
        params=trial.params,
        state=_STATES[trial.state],
        outcome=str(trial.state),
        reason=trial.reason,
        metrics={
            f"objective_{name}": each for name, each in zip(names, trial.values, strict=False)
        },
        steps=trial.steps,
        started=trial.started,
        seconds=trial.seconds,
    )


def search_scores(found: SearchResult, scores: Mapping[str, float]) -> dict[str, float]:
    """Return a search's own figures: the best score, and how much of it was optimism.

    `selection_optimism` is how much worse the same metric is of answers out of fold, for which the
    search is repeated without the images that they are for, or of test where there are none: what
    choosing among so many trials on so few images promised too much. It is above 0 where they are
    worse, whether more or less of the metric is better.
    """
    goal = found.goals[0]
    best = found.best.values[0]
    figures = {
        "search_score": best,
        "search_trials": float(len(found.trials)),
        "search_complete_trials": float(len(found.complete)),
    }
    names = [f"{part}_{goal.metric}" for part in ("cv", "test")]
    found_there = [scores[name] for name in names if name in scores]
    if found_there:
        worse = best - found_there[0]
        figures[OPTIMISM] = worse if goal.maximise else -worse
    return figures


def search_figures(found: SearchResult) -> dict[str, Any]:
    """Draw a search's figures, by path below the run's figures."""
    from ..search import draw

    return {f"search/{name}.png": figure for name, figure in draw(found).items()}
