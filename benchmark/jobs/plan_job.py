"""The job that shows what a request would run, what is done already and what it will cost."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..cache import Cache
from ..data import Facts, find_decoded, understood_lines
from ..plan import Plan, composite_spec, divide, estimate_further, estimate_seconds, read
from ..records import Index, Picture, Split
from ..request import Request
from ..tracking import Patience, Tracker, store_exists
from ..zoo import FINETUNED
from .boards import plain_subject
from .composing import check_finished_members, check_members, rank_networks
from .namesakes import check_names
from .progress import names_of, spec_name


def show_plan(request: Request) -> int:
    """Show what a request would run, what is done already and what it will cost."""
    from rich.console import Console
    from rich.table import Table

    check_members(request)
    with cache_or_scratch(request.cache) as cache:
        planned = _planned(request, cache)
    index, plan = planned.index, planned.plan
    check_finished_members(request, index, planned.picture, planned.splits, plan.rank_on)
    tracker = _tracker_of(request, index)
    if tracker is not None:
        check_names(request, index, tracker)
    done = _done(tracker, plan)
    table = Table(title=f"{index.name}: {len(index)} images at {planned.picture.side_px} px")
    for heading in ("architecture", "regime", "weights", "state", "about"):
        table.add_column(heading, justify="right" if heading == "about" else "left")
    total = 0.0
    names = names_of(job.spec for job in plan.jobs)
    to_run = plan.open_jobs(done)
    work = [(job.spec, planned.splits[job.split]) for job in to_run]
    all_work = [(job.spec, planned.splits[job.split]) for job in plan.jobs]
    estimates = estimate_seconds(work, index)
    about = {job.spec.digest: each for job, each in zip(to_run, estimates, strict=True)}
    for job in plan.jobs:
        spec = job.spec
        finished = spec.digest in done
        seconds = about.get(spec.digest, 0.0)
        total += seconds
        table.add_row(
            names[spec.digest],
            spec.regime,
            spec.weights_named,
            "done" if finished else "to run",
            "" if finished else f"{seconds:,.0f} s",
        )
    composites = list(_composites(request, planned, tracker))
    for name, finished in composites:
        state, seconds = "done" if finished else "after its members", 0.0
        if name.startswith(FINETUNED) and not finished:
            seconds = estimate_further(request, all_work, index)
        total += seconds
        most = f"up to {seconds:,.0f} s" if seconds else ""
        table.add_row(name, "composite", "members", state, most)
    console = Console()
    for line in request.preset_lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    console.print(table)
    for note in (*understood_lines(index, planned.facts), *index.notes, *plan.notes):
        console.print(note, highlight=False, markup=False, soft_wrap=True)
    finished_runs = len(done) + sum(finished for _, finished in composites)
    console.print(
        f"{len(plan.jobs) + len(composites) - finished_runs} to run, {finished_runs} done; about "
        f"{total / 60:.1f} minutes on this machine, estimated from floating-point operations."
    )
    return 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Planned:
    """What a request comes to, as far as it is known without decoding anything."""

    index: Index
    facts: Facts | None
    picture: Picture
    splits: tuple[Split, ...]
    plan: Plan


def _planned(request: Request, cache: Cache) -> _Planned:
    draft = read(request, cache)
    most = request.max_unreadable / 100
    decoded = find_decoded(draft.index, draft.picture, cache, max_unreadable=most)
    divided = divide(draft, decoded, cache)
    return _Planned(
        index=decoded.index if decoded else draft.index,
        facts=decoded.facts if decoded else None,
        picture=draft.picture,
        splits=divided.splits,
        plan=divided.plan,
    )


def _composites(
    request: Request, planned: _Planned, tracker: Tracker | None
) -> Iterator[tuple[str, bool]]:
    """Return the name of each composite of a plan, and whether it is finished.

    Of the members that would be chosen now: others may be once more networks are.
    """
    plan, names = planned.plan, request.members
    for split in planned.splits if plan.composites else ():
        subject = plain_subject(planned.index, (split,), plan.rank_on)
        networks = tracker and rank_networks(tracker, split, planned.picture, subject)
        for seed in request.seed:
            for name in plan.composites:
                members = networks.members_in(plan, name, names, seed) if networks else ()
                finished = False
                if tracker and members:
                    spec = composite_spec(request, name, planned.index, split, members)
                    finished = bool(tracker.finished([spec.digest]))
                yield spec_name(name, seed, split.fold), finished


@contextmanager
def cache_or_scratch(folder: str) -> Iterator[Cache]:
    """Return the cache of that folder where there is one, otherwise one that leaves no trace."""
    if Path(folder).is_dir():
        yield Cache(Path(folder))
        return
    with tempfile.TemporaryDirectory(prefix="benchmark-") as scratch:
        yield Cache(Path(scratch))


def _tracker_of(request: Request, index: Index) -> Tracker | None:
    """Open the request's experiment where there is one, without making anything."""
    if not request.resume or not store_exists():
        return None
    patience = Patience(60 * request.store_patience)
    return Tracker.find(request.experiment, default_experiment=index.name, patience=patience)


def _done(tracker: Tracker | None, plan: Plan) -> frozenset[str]:
    """Return the digests of the plan's specs that are finished."""
    if tracker is None:
        return frozenset()
    return frozenset(tracker.finished([job.spec.digest for job in plan.jobs]))
