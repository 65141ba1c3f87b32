"""What a convex head reads and how strongly it is penalised: chosen by cross-validated log loss.

Log loss, not F1: on some dozen images F1 is a coarse staircase, and what leads it there does so by
chance. Each combination of the alternatives goes along a path of penalties; every image is
answered for by a head that learnt neither from it nor from its group. What is chosen depends on
nothing but the images that it was chosen on, in any order, and on what was asked.
"""

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..cache import Cache
from ..environment import seconds
from ..numerics import NUMERICS
from ..records import Params, ParamValue, Progress, Rows, digest
from ..zoo import PENALTY_GIVEN, PENALTY_PATH
from .basis import open_basis
from .evidence import Evidence, folds_of
from .inputs import Columns
from .logistic import PATH, few_threads
from .material import Considered
from .penalties import first_least, fits_of, walk
from .tunables import combinations

_VERSION = 3  # raised by hand whenever the same images and the same question give another choice

Open = Callable[[Params, Rows], Columns]


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
    folds = folds_of(evidence)
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
    path = PATH if asked["penalty"] == PENALTY_PATH else (asked.number("l2"),)

    def of_one_basis(some: Sequence[Params]) -> list[tuple[Params, Considered]]:
        columns = open_columns(some[0], evidence.rows)
        basis = open_basis(columns.read, columns.with_views(evidence.rows), briefly=True)
        walks = walk(fits_of(some, basis, columns.copies, evidence, folds), path, evidence, folds)
        return [
            (own, each.considered(own, asked, evidence.groups))
            for own, each in zip(some, walks, strict=True)
        ]

    by_columns: dict[Params, list[Params]] = {}
    for each in several:
        by_columns.setdefault(each.having(class_weight=""), []).append(each)
    found: dict[Params, Considered] = {}
    side = len(evidence.rows) * (1 + asked.integer("views"))
    with few_threads(side) as at_once, ThreadPoolExecutor(at_once) as pool:
        for some in pool.map(of_one_basis, by_columns.values()):
            found.update(some)
            progress.advance(len(some))
    return [found[each] for each in several]


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
