"""Which finished runs a composite is made of."""

from collections.abc import Iterable, Sequence

from ..board import DEFAULT_RULE
from ..records import Index, Picture, Record, Regime, Split, State
from ..tracking import Tracker
from ..training import Member

BEST = 3  # chosen, not sourced: gains of averaging flatten after a few members (Caruana 2004)
_UNFIT = (Regime.PRIOR, Regime.COMPOSITE)


def choose_members(
    composite: str, records: Iterable[Record], names: Sequence[str]
) -> tuple[Record, ...]:
    """Choose members by the board's rule, or by name; fewer than needed gives none.

    `chained` takes one: the best network with a trunk of its own.

    Args:
        composite: the composite's name.
        records: runs of one split, picture and seed.
        names: architectures wanted, empty for the best.
    """
    fit = [
        record
        for record in records
        if record.state is State.FINISHED and record.model_id and record.spec.regime not in _UNFIT
    ]
    fit.sort(key=lambda each: (-each.scores[DEFAULT_RULE.metric], each.parameters, each.spec.arch))
    best: dict[str, Record] = {}
    for record in fit:
        best.setdefault(record.spec.arch, record)
    wanted = [best[name] for name in names if name in best] if names else list(best.values())[:BEST]
    if composite == "chained":
        return tuple(wanted[:1])
    return tuple(wanted) if len(wanted) >= 2 else ()


def lacking(composite: str, names: Sequence[str]) -> str:
    """Say why a composite cannot be made."""
    needed = "one finished network" if composite == "chained" else "two finished networks"
    among = f" among {', '.join(names)}" if names else ""
    return f"{composite} needs at least {needed}{among} on the same images, split and seed."


def comparable(
    tracker: Tracker, index: Index, split: Split, picture: Picture, seed: int
) -> list[Record]:
    """Give finished runs on the same images, split, picture and seed, whoever made them."""
    wanted = (split.digest, seed, picture)
    return [
        record
        for record in tracker.records(index.digest)
        if record.model_id
        and (record.spec.split_digest, record.spec.seed, record.final.picture) == wanted
    ]


def members_of(tracker: Tracker, records: Iterable[Record]) -> tuple[Member, ...]:
    """Give what a worker needs of the runs that a composite is made of."""
    return tuple(
        Member(
            digest=record.spec.digest,
            arch=record.spec.arch,
            network=tracker.network_path(record),
            predictions=tracker.predictions(record),
            spec=record.final,
        )
        for record in records
    )
