"""From a request to specs: pure, so that `plan` shows exactly what `run` would do."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace

from ..catalog import Catalog
from ..errors import BenchmarkError, UsageError
from ..numerics import NUMERICS
from ..records import Index, Picture, Record, Regime, Spec, Split, digest
from ..search import Space
from ..zoo import ARCHITECTURES, NONE, Architecture, Weights, check_scales, resolve_weights
from .parameters import check_known, params_for
from .ranking import Sampling, check_ranking, choose_ranking, sampling_of, shuffled_spec
from .request import Look, Request
from .spaces import search_spec, sides_of, space_for

CHANNELS = {"rgb": 3, "grey": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One spec to run, on which split, with which weights.

    Attributes:
        spec: what to run; a composite's members are filled in when they are known.
        split: position of its split in the plan's splits.
        weights: the resolved weights.
        space: the space its parameters are searched in, None without a search.
    """

    spec: Spec
    split: int
    weights: Weights
    space: Space | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything a request comes to, before anything is run.

    Attributes:
        jobs: the specs of single networks, in the order they run.
        composites: the composites to make afterwards.
        rank_on: what all its runs leave to be ranked on, `val` or `cv:K`.
        notes: what a person should be told before work begins, such as a fallback of weights.
    """

    jobs: tuple[Job, ...]
    composites: tuple[str, ...]
    rank_on: str
    notes: tuple[str, ...]

    @property
    def digest(self) -> str:
        """The digest of the whole plan, the same for the same request on the same images."""
        return digest([[job.spec.digest for job in self.jobs], list(self.composites)])

    def open_jobs(self, done: Container[str]) -> tuple[Job, ...]:
        """Return the jobs whose specs are not among the finished digests."""
        return tuple(job for job in self.jobs if job.spec.digest not in done)


def choose_picture(look: Look, native_side_px: int) -> Picture:
    """Settle how files become pixels; `auto` takes the data set's own side."""
    return Picture(
        side_px=look.side or native_side_px,
        channels=CHANNELS[look.channels],
        fit=look.fit,
        window=look.window,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A request that has been checked, before its images are decoded and divided.

    Attributes:
        request: what was asked for.
        index: the images, the unreadable ones among them.
        picture: how files become pixels.
        jobs: each single network's job, for no split and seed yet.
        composites: the composites to make afterwards.
        notes: what should be told before work begins, such as a fallback of weights.
    """

    request: Request
    index: Index
    picture: Picture
    jobs: tuple[Job, ...]
    composites: tuple[str, ...]
    notes: tuple[str, ...]


def draft_plan(request: Request, index: Index, picture: Picture) -> Draft:
    """Check a request against an index, and return what it comes to on no split yet.

    Raises:
        UsageError: an architecture, a regime, a side or a parameter does not fit, or what rows
            are to be ranked on cannot be had.
        WeightsError: weights that were asked for cannot be had.
    """
    architectures = [ARCHITECTURES[name] for name in ARCHITECTURES.select(request.arch)]
    _check_sides(architectures, [picture.side_px])
    single = [each for each in architectures if Regime.COMPOSITE not in each.regimes]
    regimes = [(each, _regime(request, each)) for each in single]
    regimes += [(each, Regime.COMPOSITE) for each in architectures if each not in single]
    check_known(request.params, regimes)
    check_ranking(request)
    weights = _weights(single, request.weights)
    jobs = []
    for architecture in single:
        found = weights[architecture.name]
        space = space_for(request, architecture, _regime(request, architecture))
        _check_sides([architecture], [picture.side_px, *sides_of(space)])
        spec = _spec(request, architecture, found, space, index, picture)
        jobs.append(Job(spec=spec, split=0, weights=found, space=space))
    return Draft(
        request=request,
        index=index,
        picture=picture,
        jobs=tuple(jobs),
        composites=tuple(each.name for each in architectures if each not in single),
        notes=_notes(weights),
    )


def make_plan(
    draft: Draft, index: Index, splits: Sequence[Split], sampling: Sampling | None = None
) -> Plan:
    """Turn a draft into specs.

    Args:
        draft: what was asked for, checked.
        index: the readable images.
        splits: one split, or one a fold.
        sampling: which images belong together; None goes by patients and equal files.

    Raises:
        UsageError: what rows are to be ranked on cannot be had.
    """
    jobs = [
        replace(
            job,
            split=place,
            spec=replace(
                job.spec,
                data_digest=index.digest,
                split_digest=split.digest,
                fold=split.fold,
                seed=seed,
            ),
        )
        for job in draft.jobs
        for place, split in enumerate(splits)
        for seed in draft.request.seed
    ]
    if draft.request.sanity:
        jobs += _sanity_jobs(jobs, splits, index)
    specs = [job.spec for job in jobs if job.split == 0]
    found = choose_ranking(draft.request, specs, index, splits[0], sampling or sampling_of(index))
    return Plan(
        jobs=tuple(replace(job, spec=replace(job.spec, rank_on=found.rank_on)) for job in jobs),
        composites=draft.composites,
        rank_on=found.rank_on,
        notes=(*draft.notes, found.note),
    )


def _sanity_jobs(jobs: Sequence[Job], splits: Sequence[Split], index: Index) -> list[Job]:
    """Return the cheapest network's jobs once more, with shuffled labels and without a search."""
    chosen = shuffled_spec([job.spec for job in jobs], splits[0], index)
    return [
        replace(job, spec=replace(job.spec, search=None, labels="shuffled"), space=None)
        for job in jobs
        if job.spec.arch == chosen.arch
    ]


def composite_spec(
    request: Request, name: str, index: Index, split: Split, members: Sequence[Record]
) -> Spec:
    """Return the spec of a composite over finished members, all of one picture and seed.

    It is ranked on out-of-fold answers where all members left such answers of the same folds.
    """
    architecture = ARCHITECTURES[name]
    ranked = {record.spec.rank_on for record in members}
    return Spec(
        arch=name,
        data=index.name,
        data_digest=index.digest,
        split_digest=split.digest,
        fold=split.fold,
        picture=members[0].final.picture,
        regime=Regime.COMPOSITE,
        weights="members",
        params=params_for(request, architecture, Regime.COMPOSITE, index),
        epochs=request.epochs,
        patience=request.patience,
        seed=members[0].spec.seed,
        members=tuple(record.spec.digest for record in members),
        rank_on=ranked.pop() if len(ranked) == 1 else "val",
        numerics=NUMERICS,
    )


def member_names(members: str) -> tuple[str, ...]:
    """Read `--members`: nothing for `auto`, otherwise names of single architectures."""
    if members == "auto":
        return ()
    single: Catalog[Architecture] = Catalog(
        "architecture that can be a member",
        [
            (name, ARCHITECTURES[name])
            for name in ARCHITECTURES
            if Regime.COMPOSITE not in ARCHITECTURES[name].regimes
        ],
        make=lambda name: ARCHITECTURES[name] if name.startswith("keras:") else None,
    )
    names = single.select(members)
    if len(names) < 2:
        raise UsageError(f"--members needs at least two architectures, not {members!r}.")
    return names


def _spec(
    request: Request,
    architecture: Architecture,
    weights: Weights,
    space: Space | None,
    index: Index,
    picture: Picture,
) -> Spec:
    """Return an architecture's spec for no split and seed yet."""
    regime = _regime(request, architecture)
    params = params_for(request, architecture, regime, index)
    if regime is Regime.FROZEN:
        check_scales(architecture, picture, params)
    return Spec(
        arch=architecture.name,
        data=index.name,
        data_digest=index.digest,
        split_digest="",
        picture=picture,
        regime=regime,
        weights=weights.identity,
        params=params,
        epochs=request.epochs,
        patience=request.patience,
        seed=0,
        engine=request.engine,
        search=search_spec(request, space),
        numerics=NUMERICS,
    )


def _regime(request: Request, architecture: Architecture) -> Regime:
    """Return the asked regime where the architecture has it, otherwise its own.

    `--regime finetune --arch all` fine-tunes what can be fine-tuned; a single architecture that
    cannot is an error.
    """
    default = architecture.regimes[0]
    if request.regime is None:
        return default
    wanted = Regime(request.regime)
    if wanted in architecture.regimes:
        return wanted
    if ARCHITECTURES.select(request.arch) == (architecture.name,):
        known = ", ".join(architecture.regimes)
        raise UsageError(f"{architecture.name} has no regime {wanted}; it has: {known}.")
    return default


def _check_sides(architectures: Sequence[Architecture], sides_px: Sequence[int]) -> None:
    side = min(sides_px)
    small = [each for each in architectures if side < each.smallest_side_px]
    if small:
        needs = ", ".join(f"{each.name} (at least {each.smallest_side_px})" for each in small)
        raise UsageError(
            f"a side of {side} px is smaller than these networks allow: {needs}. "
            f"Raise it, or leave them out with --arch 'all,-{small[0].name}'."
        )


def _weights(architectures: Sequence[Architecture], choice: str) -> dict[str, Weights]:
    """Resolve the weights of every architecture; all that are missing are told at once."""
    found: dict[str, Weights] = {}
    problems: list[BenchmarkError] = []
    for architecture in architectures:
        try:
            found[architecture.name] = resolve_weights(architecture, choice)
        except BenchmarkError as error:
            problems.append(error)
    if problems:
        more = f" (and {len(problems) - 1} more architectures)" if len(problems) > 1 else ""
        raise type(problems[0])(f"{problems[0]}{more}")
    return found


def _notes(weights: Mapping[str, Weights]) -> tuple[str, ...]:
    """Say once which networks fall back on random weights; other notes stand by themselves."""
    noted = {name: each for name, each in weights.items() if each.note}
    random = [name for name, each in noted.items() if each.identity == NONE.identity]
    notes = [f"{name}: {each.note}" for name, each in noted.items() if name not in random]
    if random:
        notes.append(
            f"RANDOM WEIGHTS for {', '.join(random)}: ImageNet's are neither on this machine nor "
            "to be had from the network; --weights DIR takes a folder of Keras's weight files."
        )
    return tuple(notes)
