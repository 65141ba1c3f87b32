"""Compares engines over the same space, budget and seeds."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..errors import UsageError
from .searching import search
from .settings import SearchSettings
from .space import Space
from .trials import Objective, SearchResult

if TYPE_CHECKING:
    import pandas as pd

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """The first engine's best value less the second's, over the seeds.

    Attributes:
        first: an engine; `second` another.
        mean: the mean difference; above 0 where the first is better, whatever the direction.
        low: lower end of its 95 % interval (Student's t over the seeds), `high` the upper one.
        p: two-sided p by flipping signs exactly; with n seeds it is never below 2 / 2**n.
    """

    first: str
    second: str
    mean: float
    low: float
    high: float
    p: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What came of searching with several engines.

    Attributes:
        engines: their names.
        seeds: the seeds that each was run with.
        results: one a pair of engine and seed.
    """

    engines: tuple[str, ...]
    seeds: tuple[int, ...]
    results: dict[tuple[str, int], SearchResult]

    def table(self) -> "pd.DataFrame":
        """Return engine, seed, trial, seconds since the search began, and the best value so far."""
        import pandas as pd

        rows = [
            {"engine": engine, "seed": seed, "trial": number, "seconds": at, "best": best}
            for (engine, seed), result in self.results.items()
            for number, (at, best) in enumerate(zip(*best_so_far(result), strict=True))
        ]
        return pd.DataFrame(rows)

    def ends(self) -> "pd.DataFrame":
        """Return a row an engine: mean, least and greatest best value over the seeds, and seconds.

        Seconds are the mean of what the trials took, from the first one's begin to the last one's
        end.
        """
        import pandas as pd

        rows = []
        for engine in self.engines:
            curves = [best_so_far(self.results[engine, seed]) for seed in self.seeds]
            best = [float(values[-1]) for _, values in curves]
            rows.append(
                {
                    "engine": engine,
                    "mean": float(np.mean(best)),
                    "least": min(best),
                    "greatest": max(best),
                    "seconds": float(np.mean([at[-1] for at, _ in curves])),
                }
            )
        return pd.DataFrame(rows)

    def paired(self) -> tuple[Paired, ...]:
        """Test every pair of engines over the seeds."""
        return tuple(self._pair(*pair) for pair in itertools.combinations(self.engines, 2))

    def _pair(self, first: str, second: str) -> Paired:
        ends = [
            np.array([best_so_far(self.results[name, seed])[1][-1] for seed in self.seeds])
            for name in (first, second)
        ]
        goal = self.results[first, self.seeds[0]].goals[0]
        differences = (ends[0] - ends[1]) * (1.0 if goal.maximise else -1.0)
        mean, low, high = mean_with_interval(differences)
        p = sign_flip_p(differences)
        return Paired(first=first, second=second, mean=mean, low=low, high=high, p=p)


def compare(
    engines: Sequence[str],
    space: Space,
    make_objective: Callable[[int], Objective],
    settings: SearchSettings,
    seeds: Sequence[int],
    storage: str = "",
) -> Comparison:
    """Search a space with each engine and each seed, with the same budget.

    Args:
        engines: two or more engines' full names.
        space: what is searched.
        make_objective: gives the objective for a seed.
        settings: the budget and the rest; engine and seed are replaced.
        seeds: two or more seeds.
        storage: where the studies are kept; what is there is not searched again.

    Raises:
        UsageError: fewer than two engines or seeds, or an engine twice.
    """
    if len(set(engines)) < 2 or len(set(engines)) < len(engines):
        raise UsageError(f"a comparison needs two or more different engines, not {list(engines)}.")
    if len(set(seeds)) < 2 or len(set(seeds)) < len(seeds):
        raise UsageError(f"a comparison needs two or more different seeds, not {list(seeds)}.")
    results = {
        (engine, seed): search(
            space,
            make_objective(seed),
            replace(settings, engine=engine, seed=seed, study=f"{settings.study}-{engine}-{seed}"),
            storage,
        )
        for seed in seeds
        for engine in engines
    }
    return Comparison(engines=tuple(engines), seeds=tuple(seeds), results=results)


def best_so_far(result: SearchResult) -> tuple[Numbers, Numbers]:
    """Return, after each trial, the seconds since the first began and the best first value.

    The value is NaN until a trial is complete.
    """
    ordered = sorted(result.trials, key=lambda each: each.started + each.seconds)
    began = min(each.started for each in ordered)
    at = np.array([each.started + each.seconds - began for each in ordered])
    values = np.array([each.values[0] if each.values else np.nan for each in ordered])
    best = np.fmax if result.goals[0].maximise else np.fmin
    return at, best.accumulate(values)


def mean_with_interval(differences: Numbers) -> tuple[float, float, float]:
    """Return the mean of two or more differences, and its 95 % interval by Student's t."""
    from scipy.stats import t

    mean, count = float(differences.mean()), len(differences)
    wide = float(t.ppf(0.975, count - 1) * differences.std(ddof=1) / np.sqrt(count))
    return mean, mean - wide, mean + wide


def sign_flip_p(differences: Numbers) -> float:
    """Return the exact two-sided p of paired differences whose signs are exchangeable.

    Fisher, The Design of Experiments, 1935, section 21. Every pattern of signs is counted up to
    16 differences, the first 16 beyond.
    """
    some = differences[:16]
    signs = np.array(list(itertools.product((1.0, -1.0), repeat=len(some))))
    means = np.abs(signs @ some)
    return float(np.mean(means >= abs(some.sum()) - 1e-12))
