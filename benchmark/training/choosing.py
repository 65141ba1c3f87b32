"""What a convex head reads and how strongly it is penalised: chosen by cross-validated log loss.

Log loss, not F1: on some dozen images F1 is a coarse staircase, and what leads it there does so by
chance. Each combination of the alternatives goes down its own path of penalties; every image is
answered for by a head that learnt neither from it nor from its group. What is chosen depends on
nothing but the images that it was chosen on, in any order, and on what was asked.
"""

import json
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..cache import Cache
from ..environment import seconds
from ..numerics import NUMERICS
from ..records import Labels, Params, ParamValue, Progress, Rows, digest
from ..seeds import derive
from ..zoo import PENALTY_GIVEN, PENALTY_PATH
from .folds import fitting_folds
from .inputs import Columns
from .logistic import PATH, ROUGHLY, Basis, Fits, few_threads, open_basis, soften
from .material import Considered
from .tunables import class_weights, combinations

FOLDS = 5  # chosen, not sourced: a fifth held out, as is usual
_MANY = 5000  # chosen, not sourced: so many rows show in one fold what five would, in a fifth
_SAME = 1e-4  # nats: fits are as near to their minimum; of what differs by less the first counts
_VERSION = 2  # raised by hand whenever the same images and the same question give another choice

Open = Callable[[Params, Rows], Columns]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Evidence:
    """The images that a choice is made on, in an order of their own.

    Attributes:
        classes: k class names.
        rows: (n,) rows of the pixels; `labels` their classes.
        groups: (n,) numbers; images of one number share a fold.
        key: digest of the images, their classes and groups.
    """

    classes: tuple[str, ...]
    rows: Rows
    labels: Labels
    groups: Rows
    key: str


def gather(
    classes: tuple[str, ...],
    rows: Rows,
    labels: Labels,
    hashes: Sequence[str],
    groups: Sequence[Hashable],
) -> Evidence:
    """Put images into the order of their contents, so that no other order can tell.

    Args:
        classes: k class names.
        rows: (n,) rows of the pixels.
        labels: (n,) classes.
        hashes: n digests of contents.
        groups: n keys of what must stay together.
    """
    order = sorted(range(len(rows)), key=lambda row: (hashes[row], int(labels[row])))
    numbers: dict[Hashable, int] = {}
    own = np.array([numbers.setdefault(groups[row], len(numbers)) for row in order], np.int64)
    known = [[hashes[row], int(labels[row])] for row in order]
    return Evidence(
        classes=classes,
        rows=rows[order],
        labels=labels[order],
        groups=own,
        key=digest([len(classes), known, own.tolist()]),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What was chosen.

    Attributes:
        params: parameters with one value each, and a penalty that is given.
        tried: every combination; empty where nothing was chosen among.
        seconds: what choosing cost, whenever that was; `waited` what it took now.
        notes: what should be known of it.
    """

    params: Params
    tried: tuple[Considered, ...] = ()
    seconds: float = 0.0
    waited: float = 0.0
    notes: tuple[str, ...] = ()

    @property
    def charged(self) -> float:
        """What it cost beyond the time that it took now: that of before, where it was kept."""
        return self.seconds - self.waited


def choose(params: Params, open_columns: Open, evidence: Evidence, progress: Progress) -> Choice:
    """Choose among the alternatives and penalties of parameters.

    Args:
        params: of a convex head.
        open_columns: gives the features that parameters read, standardised by some rows.
        evidence: the images that it is chosen on.
        progress: told of every combination.
    """
    began = seconds()
    several = combinations(params)
    folds = _folds(evidence)
    if not folds:
        note = (
            f"all images that the head could be chosen on are of one group: it reads the first of "
            f"each alternative, at l2={params.number('l2'):g}."
        )
        return Choice(params=_settled(several[0], params.number("l2")), notes=(note,))
    progress.stage("choose", total=len(several), unit="heads")
    tried = _try_all(several, params, open_columns, evidence, folds, progress)
    best = first_least([each.log_loss for each in tried])
    tried[best] = replace(tried[best], chosen=True)
    return Choice(
        params=_settled(several[best], tried[best].l2),
        tried=tuple(tried),
        seconds=seconds() - began,
        notes=_at_an_end(params, tried[best].l2),
    )


def first_least(losses: Sequence[float]) -> int:
    """Return the first place that no other is below by more than rounding."""
    best = 0
    for place, loss in enumerate(losses):
        if loss < losses[best] - _SAME:
            best = place
    return best


def _folds(evidence: Evidence) -> list[tuple[Rows, Rows]]:
    """Return grouped folds: five, fewer where images are few, one where they are many."""
    if len(np.unique(evidence.groups)) < 2:
        return []
    seed = derive(0, "choosing")
    found = fitting_folds(evidence.labels, evidence.groups.tolist(), FOLDS, seed)
    return found if len(evidence.rows) <= _MANY else found[:1]


def _settled(params: Params, l2: float) -> Params:
    values: dict[str, ParamValue] = {"penalty": PENALTY_GIVEN, "l2": l2}
    if params.get("augmentation") == "none" and "views" in params:
        values["views"] = 0
    return params.having(values)


def _at_an_end(params: Params, l2: float) -> tuple[str, ...]:
    if params["penalty"] != PENALTY_PATH or l2 not in (PATH[0], PATH[-1]):
        return ()
    return (f"the penalty that was chosen, l2={l2:g}, stands at an end of its path.",)


def _try_all(
    several: Sequence[Params],
    asked: Params,
    open_columns: Open,
    evidence: Evidence,
    folds: Sequence[tuple[Rows, Rows]],
    progress: Progress,
) -> list[Considered]:
    """Return what came of each combination; those that read the same features share their basis.

    As many bases are at work as there are threads, where one thread is enough for each.
    """

    def of_one_basis(some: Sequence[Params]) -> dict[Params, Considered]:
        columns = open_columns(some[0], evidence.rows)
        basis = open_basis(columns.read, columns.with_views(evidence.rows), briefly=True)
        opened = columns, basis
        return {each: _best_penalty(each, asked, opened, evidence, folds) for each in some}

    by_columns: dict[Params, list[Params]] = {}
    for each in several:
        by_columns.setdefault(each.having(class_weight=""), []).append(each)
    found: dict[Params, Considered] = {}
    side = len(evidence.rows) * (1 + asked.integer("views"))
    with few_threads(side) as at_once, ThreadPoolExecutor(at_once) as pool:
        for some in pool.map(of_one_basis, by_columns.values()):
            found |= some
            progress.advance(len(some))
    return [found[each] for each in several]


def _best_penalty(
    own: Params,
    asked: Params,
    opened: tuple[Columns, Basis],
    evidence: Evidence,
    folds: Sequence[tuple[Rows, Rows]],
) -> Considered:
    """Go down a combination's path of penalties until the log loss rises."""
    names = [name for name in own if own[name] != asked[name]]
    path = PATH if asked["penalty"] == PENALTY_PATH else (own.number("l2"),)
    held = np.concatenate([rows for _, rows in folds])
    losses: list[Any] = []
    means: list[float] = []
    for found in _losses(own, path, opened, evidence, folds):
        losses.append(found)
        means.append(float(found.mean()))
        if means[-1] > min(means):  # at their minima the losses have one valley
            break
    best = first_least(means)
    return Considered(
        params={name: own[name] for name in names},
        l2=path[best],
        log_loss=means[best],
        standard_error=_standard_error(losses[best], evidence.groups[held]),
    )


def _losses(
    own: Params,
    path: Sequence[float],
    opened: tuple[Columns, Basis],
    evidence: Evidence,
    folds: Sequence[tuple[Rows, Rows]],
) -> Iterator[npt.NDArray[np.float64]]:
    """Yield at each penalty the log loss of every image that is held out of a fold, in nats."""
    columns, basis = opened
    labels, count, copies = evidence.labels, len(evidence.labels), columns.copies
    weights = np.zeros((count, len(folds)))
    for number, (rest, _) in enumerate(folds):
        by_class = class_weights(own.text("class_weight"), evidence.classes, labels[rest])
        weights[rest, number] = by_class[labels[rest]] / len(rest)
    targets = soften(labels, len(evidence.classes), own.number("label_smoothing"))
    fits = Fits(
        basis=basis,
        targets=np.tile(targets, (copies, 1)),
        weights=np.tile(weights, (copies, 1)) / copies,
    )
    for state in fits.along(path, ROUGHLY):
        said = fits.log_probabilities(state)
        yield np.concatenate(
            [-said[held, number, labels[held]] for number, (_, held) in enumerate(folds)]
        )


def _standard_error(losses: npt.NDArray[np.float64], groups: Rows) -> float:
    sums = np.bincount(groups, losses - losses.mean())
    return float(np.sqrt((sums**2).sum()) / len(losses))


def keep(cache: Cache | None, asked: Sequence[Any], build: Callable[[], Choice]) -> Choice:
    """Return a choice, made only where no cache has it.

    Args:
        cache: where it is kept; None to make it now.
        asked: all that it depends on, as JSON has it.
        build: makes it.
    """
    if cache is None:
        return build()
    began = seconds()

    def write(folder: Path) -> None:
        made = build()
        values = {**asdict(made), "params": dict(made.params)}
        (folder / "choice.json").write_text(json.dumps(values))

    key = digest([_VERSION, NUMERICS["training"], NUMERICS["zoo"], *asked])
    kept = json.loads((cache.entry("choices", key, write) / "choice.json").read_text())
    return Choice(
        params=Params(kept["params"]),
        tried=tuple(Considered(**each) for each in kept["tried"]),
        seconds=kept["seconds"],
        waited=seconds() - began,
        notes=tuple(kept["notes"]),
    )
