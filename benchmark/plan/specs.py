"""From a request to specs: pure, so that `plan` shows exactly what `run` would do."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace

from ..errors import BenchmarkError, UsageError
from ..numerics import NUMERICS
from ..records import Index, Picture, Regime, Spec, Split, digest
from ..request import Request
from ..search import Space, read_space
from ..zoo import (
    ARCHITECTURES,
    NONE,
    SCALES,
    Architecture,
    Weights,
    WeightsChoice,
    check_scales,
    resolve_weights,
)
from .further import further_notes
from .parameters import check_known, params_for, read_params
from .ranking import (
    SELECTS,
    VAL,
    Sampling,
    check_learning,
    check_ranking,
    choose_ranking,
    chooses_on_folds,
    sampling_of,
    shuffled_spec,
)
from .sides import check_side, sides_notes, with_scales
from .spaces import search_spec, space_for


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One spec to run, on which split, with which weights.

    Attributes:
        spec: what to run; a composite's members are filled in when they are known.
        split: position of its split in the plan's splits.
        asked: what was asked for, as it holds for its regime.
        weights: the resolved weights.
        space: the space its parameters are searched in, None without a search.
    """

    spec: Spec
    split: int
    asked: Request
    weights: Weights
    space: Space | None = None

    @property
    def preset(self) -> str:
        """What `auto` stood for where it was asked for."""
        return self.asked.preset


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything a request comes to, before anything is run.

    Attributes:
        jobs: the specs of single networks, in the order they run.
        composites: the composites to make afterwards.
        rank_on: what all its runs leave to be ranked on, `val` or `cv:K`.
        notes: what should be known before work begins, such as a fallback of weights.
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


def check_request(request: Request) -> None:
    """Check what can be wrong whatever the images are, before any of them is read.

    Raises:
        UsageError: an architecture, a regime, a side, a parameter or a search does not fit.
        WeightsError: weights that were asked for cannot be had.
    """
    if request.sanity:
        asked = ((part, ARCHITECTURES[name]) for part in request.parts for name in part.arch)
        check_learning(_regime(part, architecture) for part, architecture in asked)
    for choice in dict.fromkeys(part.weights for part in request.parts):
        asking = (part.arch for part in request.parts if part.weights == choice)
        choice.check(ARCHITECTURES[name] for names in asking for name in names)
    for part in request.parts:
        names = dict.fromkeys((*part.arch, *part.composites))
        found = [(ARCHITECTURES[name], _regime(part, ARCHITECTURES[name])) for name in names]
        check_known(part, found)
        check_ranking(part)
        if part.search and part.space:
            read_space(part.space)  # also where no architecture is searched
        if isinstance(part.side, int):
            check_side([architecture for architecture, _ in found], part.side)
        for architecture, regime in found:
            own = part.on(regime)
            search_spec(own, space_for(own, architecture, regime))
            read_params(own, architecture, regime)
        _weights([each for each, _ in found if not _is_composite(each)], part.weights)


def draft_plan(request: Request, index: Index, picture: Picture) -> Draft:
    """Check a request against an index, and return what it comes to on no split yet.

    Raises:
        UsageError: an architecture, a regime, a side or a parameter does not fit, or what rows
            are to be ranked on cannot be had.
        WeightsError: weights that were asked for cannot be had.
    """
    jobs: list[Job] = []
    sides: list[str] = []
    for part in request.parts:
        own = _jobs(part, index, picture)
        jobs += own
        sides += sides_notes(part, [job.spec for job in own], index)
    noted = {job.spec.arch: job.weights for job in jobs if job.weights.note}
    return Draft(
        request=request,
        index=index,
        picture=picture,
        jobs=tuple({job.spec.digest: job for job in jobs}.values()),
        composites=request.composites,
        notes=(*_notes(noted), *dict.fromkeys(sides)),
    )


def _jobs(request: Request, index: Index, picture: Picture) -> list[Job]:
    """Return the jobs of a request's single networks, for no split and seed yet."""
    architectures = [ARCHITECTURES[name] for name in request.arch]
    check_side(architectures, picture.side_px)
    single = [each for each in architectures if not _is_composite(each)]
    weights = _weights(single, request.weights)
    jobs = []
    for architecture in single:
        found = weights[architecture.name]
        regime = _regime(request, architecture)
        own = request.on(regime)
        space = space_for(own, architecture, regime)
        spec = _spec(own, architecture, found, space, index, picture)
        jobs.append(Job(spec=spec, split=0, asked=own, weights=found, space=space))
    return jobs


def _is_composite(architecture: Architecture) -> bool:
    return Regime.COMPOSITE in architecture.regimes


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
    sampling = sampling or sampling_of(index)
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
    on_folds = [chooses_on_folds(job.spec, index, splits[job.split], sampling) for job in jobs]
    for select in SELECTS:
        jobs = [
            _scored_on(job, select if is_head else VAL)
            for job, is_head in zip(jobs, on_folds, strict=True)
        ]
        specs = [job.spec for job in jobs if job.split == 0]
        found = choose_ranking(draft.request, specs, index, splits[0], sampling)
        if found.rank_on != VAL:
            break
    jobs = [replace(job, spec=replace(job.spec, rank_on=found.rank_on)) for job in jobs]
    work = [(job.spec, splits[job.split]) for job in jobs]
    return Plan(
        jobs=tuple(jobs),
        composites=draft.composites,
        rank_on=found.rank_on,
        notes=(*draft.notes, found.note, *further_notes(draft.request, work, index)),
    )


def _scored_on(job: Job, select: str) -> Job:
    """Return a job whose trials are scored as said, unless a person said otherwise."""
    if job.spec.search is None:
        return job
    return replace(job, spec=replace(job.spec, search=search_spec(job.asked, job.space, select)))


def _sanity_jobs(jobs: Sequence[Job], splits: Sequence[Split], index: Index) -> list[Job]:
    """Return the cheapest network's jobs once more, with shuffled labels and without a search."""
    chosen = shuffled_spec([job.spec for job in jobs], splits[0], index)
    return [
        replace(job, spec=replace(job.spec, search=None, labels="shuffled"), space=None)
        for job in jobs
        if (job.spec.arch, job.spec.params) == (chosen.arch, chosen.params)
    ]


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
    spec = Spec(
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
    spec = with_scales(request, spec, index)
    if SCALES.name in spec.params:
        check_scales(architecture, picture, spec.params)
    return spec


def _regime(request: Request, architecture: Architecture) -> Regime:
    """Return the asked regime where the architecture has it, otherwise its own.

    `--regime finetune --arch all` fine-tunes what can be fine-tuned; a single architecture that
    cannot is an error.
    """
    default, wanted = architecture.regimes[0], request.regime
    if wanted is None or _is_composite(architecture):
        return default
    if wanted in architecture.regimes:
        return wanted
    if request.arch == (architecture.name,):
        known = ", ".join(architecture.regimes)
        raise UsageError(f"{architecture.name} has no regime {wanted}; it has: {known}.")
    return default


def _weights(architectures: Sequence[Architecture], choice: WeightsChoice) -> dict[str, Weights]:
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


def _notes(noted: Mapping[str, Weights]) -> tuple[str, ...]:
    """Say once which networks fall back on random weights; other notes stand by themselves."""
    random = [name for name, each in noted.items() if each.identity == NONE.identity]
    notes = [f"{name}: {each.note}" for name, each in noted.items() if name not in random]
    if random:
        notes.append(
            f"RANDOM WEIGHTS for {', '.join(random)}: ImageNet's are neither on this machine nor "
            "to be had from the network; --weights DIR takes a folder of weight files."
        )
    return tuple(notes)
