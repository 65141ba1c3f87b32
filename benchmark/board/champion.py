"""The champion: chosen among the rows that may be the best, and challenged by a new network.

Best by macro-F1; among rows that cannot be told from the best the lowest log loss after
temperature; within half a paired standard error of that the fewest parameters. By simulation it
picks a row that is truly as good as any on 97 to 99 % of boards of 72 images, the plain greatest
macro-F1 on 94 to 97 %, and the fewest parameters among ties on 12 to 64 % (docs/metrics.md).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from ..evaluation import (
    PASSES,
    Entrant,
    Sample,
    compare,
    in_order,
    loss_difference,
    losses_after_temperature,
    overall,
)
from ..metrics import Floats
from ..records import Predictions
from .entries import Row

LEAST_UNITS = 30
"""Units that a duel needs: on fewer hardly any difference can be told from chance."""

_WITHIN = 0.5  # paired standard errors: at one or two the smaller row is too often a worse one


def crown(
    rows: Sequence[Row], entrants: Sequence[Entrant], passes: Floats, *, decidable: bool = True
) -> tuple[list[Row], str]:
    """Mark the champion's row, if there is one, and put the run that stands for each row first.

    Args:
        rows: the rows that are compared, best first; `entrants` what they said.
        entrants: as above.
        passes: how often noise reaches each one's figure.
        decidable: whether units suffice to tell anything apart. Where they do not, neither can
            noise be told, and what is chosen is a candidate only.

    Returns:
        The rows, and why the champion is chosen or why none is, in a sentence.
    """
    fitted = cache(losses_after_temperature)  # a temperature is fitted once a run
    runs = [tuple(in_order(run) for run in each.runs) for each in entrants]
    # Losses that differ in the last bits only are equal: processors add in other orders.
    losses = [[round(float(fitted(run).mean()), 9) for run in own] for own in runs]
    means = [float(np.mean(each)) for each in losses]
    may = [n for n, row in enumerate(rows) if not row.is_refused and (row.tie or row.rank == 1)]
    fit = [n for n in may if passes[n] <= PASSES or not decidable]
    if fit:
        lowest = min(fit, key=means.__getitem__)
        apart = {n: loss_difference(runs[n], runs[lowest], fitted) for n in fit if n != lowest}
        close = [lowest, *(n for n, (gap, error) in apart.items() if gap <= _WITHIN * error)]
        chosen = min(close, key=lambda n: (rows[n].parameters or math.inf, means[n], n))
        called = "the champion" if decidable else "a candidate only"
        said = f"{rows[chosen].arch} is {called}: {_why(rows, means, may, fit, (lowest, chosen))}"
    else:
        chosen, said = None, _why_none(rows, may, passes)
    marked = [
        _marked(row, losses[n], means[n], is_champion=n == chosen) for n, row in enumerate(rows)
    ]
    return marked, said


def _marked(row: Row, losses: Sequence[float], mean: float, *, is_champion: bool) -> Row:
    order = np.argsort(losses, kind="stable").tolist()
    records = (*(row.records[each] for each in order), *row.records[row.scored_runs :])
    return replace(
        row,
        champion=is_champion,
        log_loss=mean,
        records=records,
        model_bytes=records[0].model_bytes,
    )


def _why(
    rows: Sequence[Row],
    means: Sequence[float],
    may: Sequence[int],
    fit: Sequence[int],
    picked: tuple[int, int],
) -> str:
    lowest, chosen = picked
    if len(fit) == 1:
        among = " that is told from noise" if len(may) > 1 else ""
        return f"no other network{among} may be the best."
    among = f"of the {len(fit)} networks that cannot be told from the best it has the"
    if chosen == lowest:
        return f"{among} lowest log loss after temperature ({means[chosen]:.3f})."
    return (
        f"{among} fewest parameters within half a standard error of the lowest log loss after"
        f" temperature ({means[chosen]:.3f}; {rows[lowest].arch} {means[lowest]:.3f})."
    )


def _why_none(rows: Sequence[Row], may: Sequence[int], passes: Floats) -> str:
    if not may:
        return "No network that may be the best may be registered: each is flagged."
    return (
        f"Noise could be the best here: {rows[may[0]].arch}'s figure is reached by exchanged"
        f" labels with p = {passes[may[0]]:.3f}, above {PASSES:g}; nothing is promoted."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Duel:
    """How a duel ended: whether the new network replaces the present champion, and why."""

    replaces: bool
    said: str


def duel(present: Predictions, new: Predictions, *, seed: int = 0) -> Duel:
    """Compare the present champion with a new network.

    The new one replaces it if it is not called worse by macro-F1 and has the lower log loss after
    temperature; of equal ones the present stays.

    Args:
        present: what the present champion says of n images.
        new: what the new network says of the same.
        seed: what the null draws are derived from.
    """
    if why := _unfit(new):
        return Duel(replaces=False, said=why)
    fitted = cache(losses_after_temperature)  # a temperature is fitted once a network
    rows = (in_order(present), in_order(new))
    found = compare([Entrant(runs=(each,), regime="") for each in rows], seed=seed)
    old, own = ((overall(each)["macro_f1"], float(fitted(each).mean())) for each in rows)
    figures = (
        f"macro-F1 {own[0]:.3f} against {old[0]:.3f}, log loss after temperature {own[1]:.3f}"
        f" against {old[1]:.3f} on {len(Sample.of(rows[1]))} units that neither learnt from"
    )
    if found.is_worse[1]:
        return Duel(replaces=False, said=f"it is worse than the champion: {figures}")
    gap, _ = loss_difference(rows[1:], rows[:1], fitted)
    if gap >= 0:
        return Duel(replaces=False, said=f"its probabilities are no better: {figures}")
    return Duel(replaces=True, said=f"it is not worse and has the better probabilities: {figures}")


def _unfit(rows: Predictions) -> str:
    """Return why two networks cannot be judged on these images, nothing where they can."""
    if not rows.hashes:
        return "there are no images that both can be judged on"
    sample = Sample.of(rows)
    if len(sample) < LEAST_UNITS or int(sample.present.sum()) < 2:
        return (
            f"only {len(sample)} units of {int(sample.present.sum())} classes can judge both;"
            f" at least {LEAST_UNITS} of two classes must"
        )
    return "" if sample.is_decidable else "a class has too few units to judge both by"
