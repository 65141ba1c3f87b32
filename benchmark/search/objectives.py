"""What a search improves: the metrics there are, and whether more of them is better."""

from collections.abc import Sequence

from ..errors import UsageError
from ..metrics import BY_EPOCH, METRICS
from .settings import PRUNERS, Goal, parse_select

_COSTS = ("parameters", "milliseconds_per_image")


def read_goals(objective: str) -> tuple[Goal, ...]:
    """Read `--objective`: one metric, or several separated by commas.

    Raises:
        UsageError: no such metric.
    """
    goals = []
    for name in (word.strip() for word in objective.split(",")):
        if name not in (*METRICS, *_COSTS):
            known = ", ".join((*METRICS, *_COSTS))
            raise UsageError(f"--objective must be among {known}, not {name!r}.")
        maximise = name in METRICS and METRICS[name].more_is_better
        goals.append(Goal(metric=name, maximise=maximise))
    return tuple(goals)


def choose_pruner(asked: str, engine: str, objective: str, select: str) -> str:
    """Settle `--pruner`: `auto` is `median` where a trial can be judged epoch by epoch.

    Not where there is another reason to let it end: KerasTuner's Hyperband grants epochs itself.

    Raises:
        UsageError: no such pruner, or it would have nothing to prune by.
    """
    if asked != "auto":
        PRUNERS[asked]
        check_pruner(asked, objective, select)
        return asked
    goals, by_fold = read_goals(objective), parse_select(select) is not None
    one_by_epoch = not by_fold and len(goals) == 1 and _known_by_epoch(goals)
    return "median" if one_by_epoch and engine != "keras-tuner:hyperband" else "none"


def check_pruner(pruner: str, objective: str, select: str) -> None:
    """Check that a pruner will have something to prune by.

    Raises:
        UsageError: trials report nothing on the way: the metric is only known at a trial's end.
    """
    goals = read_goals(objective)
    by_fold = parse_select(select) is not None
    if pruner == "none" or by_fold or _known_by_epoch(goals):
        return
    raise UsageError(
        f"--pruner {pruner} prunes by a metric that is known after every epoch, which are "
        f"{', '.join(BY_EPOCH)}; --objective {objective} is none. With --select cv:5x2 it prunes "
        "by folds, and any metric will do."
    )


def _known_by_epoch(goals: Sequence[Goal]) -> bool:
    return all(goal.metric in BY_EPOCH for goal in goals)
