"""What a report says in words. Every number in a sentence is computed here, from board and tables.

Nothing is said that the board does not know: what cannot be told apart is not called better.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from ..board import Board, Figure, Row, about, above, legend, title
from ..evaluation import confusion, ece, ece_if_calibrated, in_order, predicted
from ..records import Part, Predictions, State
from ..search import FEWEST, TRIALS_A_PARAMETER, tells_importances

_SHOWN = 3  # chosen, not sourced: confusions named in words; the matrix has them all
_FEW = 2  # chosen, not sourced: a single image called wrong is no habit


def named(board: Board, row: Row) -> str:
    """Name a row: its architecture, with its rank where several rows are of the same."""
    alike = sum(each.arch == row.arch for each in board.rows)
    return f"{row.arch} (rank {row.rank})" if alike > 1 and row.rank else row.arch


def verdict(board: Board) -> str:
    """Say who leads, how sure that is, and whether the test part agrees."""
    if not board.ranked:
        ended = sum(row.state is State.FINISHED for row in board.rows)
        if not board.rows:
            return "Nothing has been run yet."
        return f"Nothing can be ranked: {len(board.rows)} rows, of which {ended} finished."
    first = board.ranked[0]
    name = title(board.metric).partition(" ")[2]
    figure = written(first.figures[board.metric])
    said = f"{named(board, first)} leads with {_basis(board)} {name} {figure}"
    return f"{said}; {_certainty(board)}{_test(board, first, name)}."


def _basis(board: Board) -> str:
    return "out-of-fold" if board.metric.startswith("cv_") else "validation"


def _certainty(board: Board) -> str:
    first, verdict = board.ranked[0], board.verdict
    if len(board.ranked) == 1:
        return "there is no other row to compare it with"
    if verdict is None:
        return "without prediction tables nobody can say how sure that is"
    if verdict.undecidable:
        return verdict.undecidable
    ties = [named(board, row) for row in board.ranked if row.tie and row is not first]
    sample = f"{verdict.units} {verdict.unit}"
    if not ties:
        return f"every other row is worse on {sample}"
    return f"{listed(ties)} cannot be told from it on {sample}"


def _test(board: Board, row: Row, name: str) -> str:
    """Say whether a row's test figure agrees with what ranks, nothing where it has none."""
    part, _, metric = board.metric.partition("_")
    test = row.figures.get(f"test_{metric}")
    if test is None:
        return ""
    shown = f"its test {name}, {written(test)},"
    where = "validation" if part == "val" else "the out-of-fold figure"
    if any(f"{row.arch} falls from" in each for each in board.warnings):
        return f"; {shown} falls below {where} by more than chance explains"
    own = row.figures[board.metric]
    if own.interval is None or test.interval is None:
        return f"; {shown} has no interval to compare with"
    if test.interval.low > own.interval.high:
        return f"; {shown} lies above {where}"
    return f"; {shown} agrees with {where}"


def written(figure: Figure) -> str:
    """Write a figure with its 95 % interval, if it has one."""
    shown = f"{figure.value:.3f}"
    return shown if figure.interval is None else f"{shown} {figure.interval.limits}"


def listed(names: Sequence[str], most: int = 6) -> str:
    """Write names as a list: `a`, `a and b`, `a, b and 3 others`."""
    names = list(names)
    if len(names) > most + 1:
        names = [*names[:most], f"{len(names) - most} others"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def measured(board: Board) -> tuple[str, ...]:
    """Say what the figures are of, a sentence or two each; what signs mean stands at the board."""
    signs = legend(board)
    return tuple(each for each in about(board) if each not in signs)


def limits(board: Board) -> tuple[str, ...]:
    """Say what limits the verdict, the gravest first."""
    said = list(above(board))
    random = [named(board, row) for row in board.ranked if row.has_random_weights]
    if random:
        said.append(f"Random weights: the backbone of {listed(random)} was never pretrained.")
    failed = [row.arch for row in board.rows if not row.rank]
    if failed:
        said.append(f"Not ranked: {listed(failed)}; the board says why.")
    return tuple(said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """A cost of a row: its name for people, its unit, and how it is read."""

    name: str
    unit: str
    of: Callable[[Row], float]

    @property
    def label(self) -> str:
        """Its name with its unit."""
        return f"{self.name} ({self.unit})" if self.unit else self.name


COSTS = (
    Cost(name="time an image", unit="ms", of=lambda row: row.milliseconds_per_image),
    Cost(name="parameters", unit="", of=lambda row: float(row.parameters)),
    Cost(name="training", unit="s", of=lambda row: row.total_seconds),
)


def front(board: Board, cost: Cost) -> tuple[Row, ...]:
    """Return the rows that no other beats in both quality and cost, the best first.

    Quality is what ranks, never test. Rows whose cost is not known, or 0, are left out.
    """
    rows = [row for row in board.ranked if cost.of(row) > 0]

    def beats(one: Row, other: Row) -> bool:
        gain = one.figures[board.metric].value - other.figures[board.metric].value
        spared = cost.of(other) - cost.of(one)
        return gain >= 0 and spared >= 0 and (gain > 0 or spared > 0)

    return tuple(row for row in rows if not any(beats(other, row) for other in rows))


def front_said(board: Board, cost: Cost) -> str:
    """Name the rows that give the most for what they cost."""
    found = front(board, cost)
    if not found:
        return f"No row's {cost.name} is known."
    one = len(found) == 1
    names = listed([named(board, row) for row in found], most=len(found))
    return f"By {cost.name}: {names} {'is' if one else 'are'} beaten by no other in both."


def confusions(rows: Predictions) -> tuple[str, ...]:
    """Say which classes are called another most often, and which are never called."""
    counts, classes = confusion(rows), rows.classes
    sizes, called = counts.sum(axis=1), counts.sum(axis=0)
    said = [
        f"It never predicts {name}, which {size} images are."
        for name, size, times in zip(classes, sizes.tolist(), called.tolist(), strict=True)
        if size and not times
    ]
    wrong = counts - np.diag(np.diag(counts))
    order = np.argsort(-wrong, axis=None, kind="stable")[:_SHOWN]
    for true, other in zip(*np.unravel_index(order, wrong.shape), strict=True):
        if wrong[true, other] >= _FEW:
            said.append(
                f"{wrong[true, other]} of {sizes[true]} images of {classes[true]} are called"
                f" {classes[other]}."
            )
    right, total = int(np.trace(counts)), int(counts.sum())
    if right == total:
        return (*said, f"All {total} images are called right.")
    is_ = "is" if total - right == 1 else "are"
    return tuple(said) or (f"{total - right} of {total} images {is_} called wrong, no two alike.",)


def calibration(rows: Predictions, temperature: float) -> str:
    """Say how far probabilities are from how often they are right."""
    error, chance = ece(rows), ece_if_calibrated(rows)
    at = "" if temperature == 1 else f" at its temperature of {temperature:.2f}"
    compared = "more than" if error > chance else "no more than"
    return (
        f"Its probabilities{at} are off by {error:.3f} on average (ECE on {len(rows.hashes)}"
        f" images), {compared} the {chance:.3f} that chance alone gives calibrated ones."
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Agreement:
    """How often networks give the same class: (r, r) shares, of so many images of a part."""

    names: tuple[str, ...]
    shares: np.ndarray
    images: int


def agreement(tables: Sequence[tuple[str, Predictions]]) -> Agreement | None:
    """Compare networks' answers on the images that the first one's are of; None for fewer than two.

    Args:
        tables: names, and what each said of one part.
    """
    ordered = [(name, in_order(rows)) for name, rows in tables]
    same = [each for each in ordered if each[1].hashes == ordered[0][1].hashes]
    if len(same) < 2:
        return None
    answers = np.stack([predicted(rows) for _, rows in same])
    shares = (answers[:, None, :] == answers[None, :, :]).mean(axis=2)
    return Agreement(names=tuple(name for name, _ in same), shares=shares, images=answers.shape[1])


def agreement_said(found: Agreement, part: Part) -> str:
    """Name the two networks that agree most, and the two that agree least."""
    pairs = sorted(combinations(range(len(found.names)), 2), key=lambda at: -found.shares[at])
    most, least = pairs[0], pairs[-1]
    first = (
        f"{found.names[most[0]]} and {found.names[most[1]]} give the same class to"
        f" {found.shares[most]:.0%} of {found.images} {part} images"
    )
    if most == least:
        return f"{first}."
    return (
        f"{first}, the most of any two; {found.names[least[0]]} and {found.names[least[1]]} to"
        f" {found.shares[least]:.0%}, the fewest."
    )


def trials_said(trials: int, parameters: int) -> str:
    """Say why no importances are shown, nothing where they are."""
    if tells_importances(trials, parameters):
        return ""
    if not parameters:
        return "No importances and no contour: its complete trials differ in no parameter."
    wanted = max(FEWEST, TRIALS_A_PARAMETER * parameters)
    return (
        f"No importances and no contour: {trials} complete trials of {parameters} parameters are"
        f" fewer than the {wanted} that would tell them from chance."
    )
