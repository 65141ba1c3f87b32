"""What is asked of a search: the engine, the budget, what is better, and where it is kept."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..catalog import Catalog
from ..errors import UsageError
from ..records import Params, digest
from .space import Space


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchEngine:
    """A way of choosing the next trial.

    Attributes:
        about: what it does, in a line.
        several: whether it can weigh several goals against each other.
        needs: a package beyond the project's own, empty for none.
    """

    about: str
    several: bool = False
    needs: str = ""


ENGINES: Catalog[SearchEngine] = Catalog(
    "search engine",
    [
        ("optuna:tpe", SearchEngine(about="multivariate TPE", several=True)),
        ("optuna:random", SearchEngine(about="independent draws", several=True)),
        ("optuna:grid", SearchEngine(about="every point of the grid, shuffled", several=True)),
        ("optuna:cma-es", SearchEngine(about="CMA-ES over the numbers", needs="cmaes")),
        ("optuna:qmc", SearchEngine(about="scrambled Sobol points", several=True)),
        ("keras-tuner:random", SearchEngine(about="KerasTuner's RandomSearch")),
        ("keras-tuner:hyperband", SearchEngine(about="KerasTuner's Hyperband over epochs")),
        ("keras-tuner:bayesian", SearchEngine(about="KerasTuner's Gaussian process")),
        ("keras-tuner:grid", SearchEngine(about="KerasTuner's GridSearch, in order")),
    ],
)

PRUNERS: Catalog[str] = Catalog(
    "pruner",
    [
        ("none", "every trial runs to its end"),
        ("median", "stops a trial below the median of earlier ones at the same step"),
        ("successive-halving", "keeps the best third at 1, 3, 9, ... steps"),
        ("hyperband", "several successive halvings of different haste"),
        ("wilcoxon", "stops a trial that is worse over the folds so far, p < 0.1"),
    ],
)

_SHORT = {"optuna": "optuna:tpe", "keras-tuner": "keras-tuner:random"}


def parse_engine(words: str) -> str | None:
    """Turn `--search`'s words into an engine's full name, None for `none`.

    Raises:
        UsageError: no such engine, with the nearest names.
    """
    if words == "none":
        return None
    name = _SHORT.get(words, words)
    ENGINES[name]
    return name


def parse_select(words: str) -> tuple[int, int] | None:
    """Turn `--select`'s words into (folds, repeats), None for `val`.

    Raises:
        UsageError: neither `val` nor `cv:FOLDS` nor `cv:FOLDSxREPEATS`.
    """
    if words == "val":
        return None
    match = re.fullmatch(r"cv:(\d{1,9})(?:x(\d{1,9}))?", words)
    found = (int(match[1]), int(match[2] or 1)) if match else (0, 0)
    if found[0] < 2 or found[1] < 1:
        raise UsageError(
            "--select must be auto, val, or cv:FOLDSxREPEATS with at least 2 folds such as "
            f"cv:5x2, not {words!r}."
        )
    return found


def read_select(words: str) -> str:
    """Check `--select`'s words and return them; the arguments and errors are `parse_select`'s."""
    parse_select(words)
    return words


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A figure that a trial gives, and whether more of it is better."""

    metric: str
    maximise: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSettings:
    """How to search.

    Attributes:
        engine: a name from `ENGINES`.
        trials: how many trials the study has in the end, 0 for no limit but time.
        seconds: no further trial begins after so many seconds, 0 for no limit but trials.
        seed: the same seed gives the same trials.
        pruner: a name from `PRUNERS`.
        goals: what a trial's values are; the first is shown as the score.
        study: what the study is called, such as the architecture's name.
        material: digest of what is searched on (data set, split, architecture, other params);
            other material makes another study.
        start: parameters that the first trial takes, such as the defaults, so that a search ends
            no worse than it would have been without.
        epochs: the most epochs of a trial; KerasTuner's Hyperband and the pruners divide them.
        asked: what `material` is a digest of, in full and by name, to say what has changed.
    """

    engine: str = "optuna:tpe"
    trials: int = 20
    seconds: float = 0.0
    seed: int = 0
    pruner: str = "none"
    goals: tuple[Goal, ...] = (Goal(metric="val_macro_f1"),)
    study: str = "search"
    material: str = ""
    start: Params = field(default_factory=Params)
    epochs: int = 100
    asked: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def check(self) -> None:
        """Check what can be checked before anything starts.

        Raises:
            UsageError: an unknown name, no budget, or a combination that has no meaning.
        """
        engine = ENGINES[self.engine]
        PRUNERS[self.pruner]
        if self.trials < 0 or self.seconds < 0:
            raise UsageError("the trials and seconds of a search must not be below 0.")
        if not self.trials and not self.seconds:
            raise UsageError("a search needs a number of trials or a time limit; give one.")
        if not self.goals:
            raise UsageError("a search needs a metric to improve; give at least one.")
        if len(self.goals) > 1 and not engine.several:
            able = ", ".join(name for name in ENGINES if ENGINES[name].several)
            raise UsageError(f"{self.engine} knows one goal, not {len(self.goals)}; take {able}.")
        if len(self.goals) > 1 and self.pruner != "none":
            raise UsageError(f"{self.pruner} prunes by one goal; with several, take none.")
        if engine.needs:
            _need(engine.needs, self.engine)

    def identity(self, space: Space) -> dict[str, Any]:
        """Return all that decides which trials a study has, its budget apart."""
        return {
            "space": space.digest,
            "material": self.material,
            "engine": self.engine,
            "seed": self.seed,
            "pruner": self.pruner,
            "goals": [[goal.metric, goal.maximise] for goal in self.goals],
            "start": dict(self.start),
            "epochs": self.epochs,
        }

    def study_name(self, space: Space) -> str:
        """Return the study's full name: as it is called, and a digest of its identity."""
        return f"{self.study}-{digest(self.identity(space))[:16]}"


def _need(package: str, engine: str) -> None:
    from importlib.util import find_spec

    if find_spec(package) is None:
        raise UsageError(f"{engine} needs the package {package}; pip install {package}.")
