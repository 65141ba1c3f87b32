"""Which finished runs a composite is made of."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..board import DEFAULT_RULE, Board, BoardSubject, Row
from ..errors import UsageError
from ..plan import Plan, Prepared
from ..records import Index, Picture, Record, Regime, Split, State
from ..request import Request
from ..tracking import Tracker, store_exists
from ..training import Member
from ..zoo import ARCHITECTURES, FINETUNED
from .boards import board_of, plain_subject

BEST = 3  # chosen, not sourced: gains of averaging flatten after a few members (Caruana 2004)
_UNFIT = (Regime.PRIOR, Regime.COMPOSITE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Networks:
    """The single networks on one split and picture, ranked over all their seeds.

    Attributes:
        rows: their rows, best first.
    """

    rows: tuple[Row, ...]

    @classmethod
    def of(cls, board: Board) -> "Networks":
        """Return the ranked networks of a board."""
        return cls(rows=board.ranked)

    @property
    def best(self) -> tuple[Row, ...]:
        """The rows that cannot be told from the best, the best first."""
        return tuple(row for row in self.rows if row.tie or row.rank == 1)

    def of_plan(self, plan: Plan) -> "Networks":
        """Return those of a plan alone: what it would train further has its weights and space."""
        own = {job.spec.digest for job in plan.jobs}
        return Networks(
            rows=tuple(
                row for row in self.rows if any(each.spec.digest in own for each in row.records)
            )
        )

    def members_in(
        self, plan: Plan, composite: str, names: Sequence[str], seed: int
    ) -> tuple[Record, ...]:
        """Return `members` for a plan: what is trained further is one of its own networks."""
        own = self.of_plan(plan) if composite == FINETUNED else self
        return own.members(composite, names, seed)

    def members(self, composite: str, names: Sequence[str], seed: int) -> tuple[Record, ...]:
        """Return the members of a composite at a seed; none where there are too few.

        Only networks that cannot be told from the best are taken, unless a person names others.
        A composite of one network takes the best; the one that trains a network further, the best
        of those that are frozen, whatever stands before them.

        Args:
            composite: the composite's name.
            names: architectures wanted, empty for the best.
            seed: the seed of the members.
        """
        found: dict[str, Record] = {}
        rows = self.rows if names else self.best
        if composite == FINETUNED:
            rows = tuple(row for row in self.rows if _can_be_trained_further(row))
        for row in rows:
            for record in row.records[: row.scored_runs]:
                if record.spec.seed == seed:
                    found.setdefault(row.arch, record)
        wanted = [found[name] for name in names if name in found]
        wanted = wanted if names else list(found.values())[:BEST]
        needed = ARCHITECTURES[composite].members
        if needed == 1:
            return tuple(wanted[:1])
        return tuple(wanted) if len(wanted) >= needed else ()

    def notes(self, members: Iterable[Record]) -> tuple[str, ...]:
        """Return what a composite's run must say of members that a person named."""
        fit = {record.run_id for row in self.best for record in row.records}
        worse = [each.spec.arch for each in members if each.run_id not in fit]
        if not worse:
            return ()
        return (f"members named though they are called worse than the best: {', '.join(worse)}",)

    def lacking(self, composite: str, names: Sequence[str]) -> str:
        """Return why a composite cannot be made."""
        needed = ARCHITECTURES[composite].members
        if needed > 1 and not names and len(self.best) == 1 < len(self.rows):
            return (
                f"only {self.best[0].arch} may be the best network here, and {composite} needs two "
                "that cannot be told apart; --members NAME,NAME takes others all the same."
            )
        if composite == FINETUNED:
            return (
                f"{composite} needs a finished frozen network on the same images, split and seed."
            )
        networks = "one finished network" if needed == 1 else "two finished networks"
        among = f" among {', '.join(names)}" if names else ""
        return f"{composite} needs at least {networks}{among} on the same images, split and seed."


def _can_be_trained_further(row: Row) -> bool:
    return row.regime is Regime.FROZEN and bool(ARCHITECTURES[row.arch].cuts)


def rank_networks(
    tracker: Tracker, split: Split, picture: Picture, subject: BoardSubject
) -> Networks:
    """Rank the finished single networks on a split and a picture, whoever made them."""
    fit = [
        record
        for record in tracker.records(splits=(split.digest,))
        if record.state is State.FINISHED
        and record.model_id
        and record.spec.regime not in _UNFIT
        and record.spec.labels == "true"
        and record.final.picture == picture
        and tracker.has_files(record)
    ]
    return Networks.of(board_of(tracker, fit, DEFAULT_RULE, subject))


def networks_on(tracker: Tracker, prepared: Prepared, split: int) -> Networks:
    """Rank the single networks on one of a benchmark's splits."""
    own = prepared.splits[split]
    subject = plain_subject(prepared.index, (own,), prepared.plan.rank_on)
    return rank_networks(tracker, own, prepared.picture, subject)


def check_members(request: Request) -> None:
    """Check that the members a person named are asked for too, where nothing is finished yet.

    Raises:
        UsageError: one of them is not.
    """
    absent = _not_asked_for(request)
    if absent and not store_exists():
        raise _lacking(absent)


def check_finished_members(
    request: Request, index: Index, picture: Picture, splits: Sequence[Split], rank_on: str
) -> None:
    """Check that the members a person named and did not ask for are finished on every split.

    Raises:
        UsageError: one of them is not.
    """
    absent = _not_asked_for(request)
    if not absent:
        return
    tracker = Tracker.find(request.experiment, index.name) if store_exists() else None
    for split in splits:
        subject = plain_subject(index, (split,), rank_on)
        rows = rank_networks(tracker, split, picture, subject).rows if tracker else ()
        finished = {row.arch for row in rows}
        if not finished.issuperset(absent):
            raise _lacking([name for name in absent if name not in finished])


def _not_asked_for(request: Request) -> list[str]:
    return [name for name in request.members if name not in request.arch]


def _lacking(names: Sequence[str]) -> UsageError:
    return UsageError(
        f"--members {','.join(names)}: neither in --arch nor finished before on these images and "
        "this split; add it to --arch."
    )


def members_of(tracker: Tracker, records: Iterable[Record]) -> tuple[Member, ...]:
    """Return what a worker needs of the runs that a composite is made of."""
    return tuple(
        Member(
            digest=record.spec.digest,
            arch=record.spec.arch,
            network=tracker.network_path(record),
            predictions=tracker.raw_predictions(record),
            spec=record.final,
            asked=record.spec,
            out_of_fold=tracker.raw_out_of_fold(record),
        )
        for record in records
    )
