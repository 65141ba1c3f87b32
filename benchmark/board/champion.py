"""The champion: chosen among the rows that may be the best, and challenged by a new network.

Best by macro-F1; among rows that cannot be told from the best the lowest log loss after
temperature; within half a paired standard error of that the fewest parameters. By simulation it
picks a row that is truly as good as any on 97 to 99 % of boards of 72 images, the plain greatest
macro-F1 on 94 to 97 %, and the fewest parameters among ties on 12 to 64 % (docs/metrics.md).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
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

LEAST_UNITS = 30
"""Units that a duel needs: on fewer hardly any difference can be told from chance."""

_WITHIN = 0.5  # paired standard errors: at one or two the smaller row is too often a worse one


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contender:
    """A row that may be the best: its runs' predictions of the images that rank.

    `is_open` is whether the rule may choose it; `parameters` is 0 where unknown.
    """

    name: str
    runs: tuple[Predictions, ...]
    parameters: int
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Choice:
    """What the rule chooses: a place among the contenders, None for none, and why.

    `losses` holds each contender's log losses after temperature, one a run.
    """

    place: int | None
    said: str
    losses: tuple[tuple[float, ...], ...]


def choose(contenders: Sequence[Contender], passes: Floats, *, decidable: bool = True) -> Choice:
    """Choose the champion among contenders in the order of their figures.

    Args:
        contenders: the rows that are compared, best first.
        passes: how often noise reaches each one's figure.
        decidable: whether units suffice to tell anything apart. Where they do not, neither can
            noise be told, and what is chosen is a candidate only.
    """
    fitted = cache(losses_after_temperature)  # a temperature is fitted once a run
    runs = [tuple(in_order(run) for run in each.runs) for each in contenders]
    # Losses that differ in the last bits only are equal: processors add in other orders.
    losses = tuple(tuple(round(float(fitted(run).mean()), 9) for run in own) for own in runs)
    places = [place for place, each in enumerate(contenders) if each.is_open]
    fit = [place for place in places if passes[place] <= PASSES or not decidable]
    if not fit:
        return Choice(place=None, said=_why_none(contenders, places, passes), losses=losses)
    means = [float(np.mean(each)) for each in losses]
    lowest = min(fit, key=lambda place: means[place])
    close = [lowest]
    for place in fit:
        if place != lowest:
            gap, error = loss_difference(runs[place], runs[lowest], fitted)
            if gap <= _WITHIN * error:
                close.append(place)
    size = [each.parameters or math.inf for each in contenders]
    chosen = min(close, key=lambda place: (size[place], means[place], place))
    said = _why(contenders, means, fit, (lowest, chosen))
    if not decidable:
        said = said.replace(" is the champion:", " is a candidate only:")
    return Choice(place=chosen, said=said, losses=losses)


def _why(
    contenders: Sequence[Contender],
    means: Sequence[float],
    fit: Sequence[int],
    picked: tuple[int, int],
) -> str:
    lowest, chosen = picked
    name = contenders[chosen].name
    if len(fit) == 1:
        among = " that is told from noise" if sum(each.is_open for each in contenders) > 1 else ""
        return f"{name} is the champion: no other network{among} may be the best."
    among = f"of the {len(fit)} networks that cannot be told from the best"
    if chosen == lowest:
        return (
            f"{name} is the champion: {among} it has the lowest log loss after temperature"
            f" ({means[chosen]:.3f})."
        )
    return (
        f"{name} is the champion: {among} it has the fewest parameters within half a standard"
        f" error of the lowest log loss after temperature ({means[chosen]:.3f};"
        f" {contenders[lowest].name} {means[lowest]:.3f})."
    )


def _why_none(contenders: Sequence[Contender], places: Sequence[int], passes: Floats) -> str:
    if not places:
        return "No network that may be the best may be registered: each is flagged."
    first = places[0]
    return (
        f"Noise could be the best here: {contenders[first].name}'s figure is reached by exchanged"
        f" labels with p = {passes[first]:.3f}, above {PASSES:g}; nothing is promoted."
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
    if not new.hashes:
        return Duel(replaces=False, said="there are no images that both can be judged on")
    sample = Sample.of(in_order(new))
    if len(sample) < LEAST_UNITS or int(sample.present.sum()) < 2:
        return Duel(
            replaces=False,
            said=f"only {len(sample)} units of {int(sample.present.sum())} classes can judge both;"
            f" at least {LEAST_UNITS} of two classes must",
        )
    if not sample.is_decidable:
        return Duel(replaces=False, said="a class has too few units to judge both by")
    fitted = cache(losses_after_temperature)  # a temperature is fitted once a network
    rows = (in_order(present), in_order(new))
    found = compare([Entrant(runs=(each,), regime="") for each in rows], seed=seed)
    scores = [overall(each)["macro_f1"] for each in rows]
    losses = [float(fitted(each).mean()) for each in rows]
    on = f"on {len(sample)} units that neither learnt from"
    figures = (
        f"macro-F1 {scores[1]:.3f} against {scores[0]:.3f}, log loss after temperature"
        f" {losses[1]:.3f} against {losses[0]:.3f} {on}"
    )
    if found.is_worse[1]:
        return Duel(replaces=False, said=f"it is worse than the champion: {figures}")
    gap, _ = loss_difference(rows[1:], rows[:1], fitted)
    if gap >= 0:
        return Duel(replaces=False, said=f"its probabilities are no better: {figures}")
    return Duel(replaces=True, said=f"it is not worse and has the better probabilities: {figures}")
