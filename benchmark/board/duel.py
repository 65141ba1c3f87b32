"""Whether a new network replaces the present champion: both asked about the same images."""

from dataclasses import dataclass
from functools import cache

from ..evaluation import (
    Entrant,
    Sample,
    compare,
    in_order,
    loss_difference,
    losses_after_temperature,
    overall,
)
from ..records import Predictions

LEAST_UNITS = 30
"""Units that a duel needs: on fewer hardly any difference can be told from chance."""


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
