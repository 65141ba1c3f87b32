"""Which records share a board, and which of them are seeds and folds of one architecture."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ..records import Record, Regime, Spec, State
from .entries import RANDOM_WEIGHTS, BoardSubject


def latest_by_spec(records: Iterable[Record], rank_on: str = "val") -> tuple[Record, ...]:
    """Keep one record of each recipe, in starting order.

    Of records that differ in nothing but what they leave to be ranked on, a finished one is kept
    before others, one that has what ranks before one that has not, and then the latest.

    Args:
        records: in any order.
        rank_on: what the board ranks on: `val` or `cv:K`.
    """
    kept: dict[str, Record] = {}

    def standing(record: Record) -> tuple[bool, bool, float]:
        fits = rank_on == "val" or record.spec.rank_on == rank_on
        return record.state is State.FINISHED, fits, record.started

    for record in records:
        recipe = _recipe(record.spec)
        if recipe not in kept or standing(record) >= standing(kept[recipe]):
            kept[recipe] = record
    return tuple(sorted(kept.values(), key=lambda each: each.started))


def _recipe(spec: Spec) -> str:
    return spec.digest if spec.rank_on == "val" else replace(spec, rank_on="val").digest


def comparable(
    records: Sequence[Record], subject: BoardSubject | None
) -> tuple[tuple[Record, ...], int]:
    """Return the records of one data set and split, and how many others there are.

    The subject names the splits; without it they are those of the record begun last, all folds
    of one data set counting as one split.
    """
    if not records:
        return (), 0
    splits = subject.splits if subject is not None else ()
    wanted = records[-1].spec
    if splits:
        own = [each.spec for each in records if each.spec.split_digest in splits]
        wanted = own[-1] if own else wanted
    kept = tuple(each for each in records if _share_a_board(each.spec, wanted, splits))
    return kept, len(records) - len(kept)


def _share_a_board(one: Spec, other: Spec, splits: tuple[str, ...]) -> bool:
    if one.data_digest != other.data_digest:
        return False
    if splits:
        return one.split_digest in splits
    if one.fold is not None and other.fold is not None:
        return True
    return one.fold == other.fold and one.split_digest == other.split_digest


def grouped(records: Iterable[Record]) -> tuple[tuple[Record, ...], ...]:
    """Put the seeds and folds of one architecture together, in starting order.

    Specs that differ in nothing but seed, fold and members are one group. Members of a composite
    differ between seeds by nature; where they differ at the same seed and fold it is another
    composite, with a row of its own.
    """
    groups: dict[tuple[str, int], list[Record]] = {}
    seen: Counter[tuple[str, int, int | None, str]] = Counter()
    for record in records:
        spec = record.spec
        key = replace(spec, seed=0, fold=None, split_digest="", members=(), rank_on="val").digest
        place = (key, spec.seed, spec.fold, spec.split_digest)
        groups.setdefault((key, seen[place]), []).append(record)
        seen[place] += 1
    return tuple(tuple(group) for group in groups.values())


def weights_shown(spec: Spec, by_digest: Mapping[str, Record]) -> str:
    """Name the weights as a board shows them: `imagenet`, `random`, `file <digest>`, or nothing.

    Behind a file's digest stands its preprocessing, where it is not the architecture's own.

    Nothing where none are meant: networks trained from scratch and the floor. A composite shows
    what its members have, `+` between them.
    """
    if spec.regime is Regime.COMPOSITE:
        members = [by_digest[digest].spec for digest in spec.members if digest in by_digest]
        names = {name for each in members for name in weights_shown(each, by_digest).split(" + ")}
        return " + ".join(sorted(names - {""}))
    if spec.regime in {Regime.SCRATCH, Regime.PRIOR}:
        return ""
    if spec.weights == "none":
        return RANDOM_WEIGHTS
    return spec.weights_named.replace("sha256:", "file ")


def differences(specs: Sequence[Spec]) -> tuple[str, ...]:
    """Return for each of several specs of one architecture what tells it from the others."""
    facts = [_facts(spec) for spec in specs]
    names = dict.fromkeys(name for each in facts for name in each)
    varying = [name for name in names if len({each.get(name, "") for each in facts}) > 1]
    return tuple(
        ", ".join(f"{name} {each[name]}" for name in varying if name in each) for each in facts
    )


def _facts(spec: Spec) -> dict[str, str]:
    search, code = spec.search, spec.numerics
    found = {
        "regime": str(spec.regime),
        "weights": spec.weights_named,
        "side": str(spec.picture.side_px),
        "channels": str(spec.picture.channels),
        "fit": spec.picture.fit,
        "window": spec.picture.window,
        "epochs": str(spec.epochs),
        "patience": str(spec.patience),
        "engine": spec.engine,
        "search": f"{search.engine} ({search.trials} trials, {search.space})" if search else "none",
        "members": str(len(spec.members)),
        "labels": spec.labels,
        "code": code if isinstance(code, int) else " ".join(f"{x} {n}" for x, n in code.items()),
    }
    return {name: str(value) for name, value in {**found, **spec.params}.items()}
