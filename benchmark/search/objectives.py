"""What a search improves: the metrics there are, and whether more of them is better."""

from collections.abc import Sequence

from ..errors import UsageError
from ..metrics import BY_EPOCH, METRICS
from ..texts import items
from .settings import Goal

_COSTS = ("parameters", "milliseconds_per_image")


def read_goals(objective: str) -> tuple[Goal, ...]:
    """Read `--objective`: one metric, or several separated by commas.

    Raises:
        UsageError: no such metric, or one of them twice.
    """
    goals = []
    for name in items(objective):
        if name not in (*METRICS, *_COSTS):
            known = ", ".join((*METRICS, *_COSTS))
            raise UsageError(f"--objective must be among {known}, not {name!r}.")
        maximise = name in METRICS and METRICS[name].more_is_better
        goals.append(Goal(metric=name, maximise=maximise))
    return tuple(goals)


def choose_pruner(asked: str | None, engine: str, goals: Sequence[Goal], *, by_fold: bool) -> str:
    """Settle `--pruner`: None becomes `median` where a trial can be judged epoch by epoch.

    Not where there is another reason to let it end: KerasTuner's Hyperband grants epochs itself.

    Args:
        asked: the pruner's name, None to choose one.
        engine: the engine's full name.
        goals: what is improved.
        by_fold: whether a trial reports after every fold.

    Raises:
        UsageError: the pruner would have nothing to prune by: the metric is only known at a
            trial's end.
    """
    by_epoch = all(goal.metric in BY_EPOCH for goal in goals)
    if asked is None:
        one = len(goals) == 1 and by_epoch and not by_fold
        return "median" if one and engine != "keras-tuner:hyperband" else "none"
    if asked == "none" or by_fold or by_epoch:
        return asked
    raise UsageError(
        f"--pruner {asked} prunes by a metric that is known after every epoch, which are "
        f"{', '.join(BY_EPOCH)}; --objective {','.join(goal.metric for goal in goals)} is none. "
        "With --select cv:5x2 it prunes by folds, and any metric will do."
    )
