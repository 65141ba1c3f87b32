"""From a request to specs: pure, so that `plan` shows exactly what `run` would do."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

from ..catalog import Catalog
from ..errors import BenchmarkError, UsageError
from ..records import Index, Params, ParamValue, Picture, Record, Regime, Spec, Split, digest
from ..training import check, defaults
from ..zoo import ARCHITECTURES, Architecture, Weights, resolve_weights
from .request import Request

CHANNELS = {"rgb": 3, "grey": 1}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One spec to run, on which split, with which weights.

    Attributes:
        spec: what to run; a composite's members are filled in when they are known.
        split: position of its split in the plan's splits.
        weights: the resolved weights.
    """

    spec: Spec
    split: int
    weights: Weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything a request comes to, before anything is run.

    Attributes:
        jobs: the specs of single networks, in the order they run.
        composites: the composites to make afterwards.
        notes: what a person should be told before work begins, such as a fallback of weights.
    """

    jobs: tuple[Job, ...]
    composites: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def digest(self) -> str:
        """The digest of the whole plan, the same for the same request on the same images."""
        return digest([[job.spec.digest for job in self.jobs], list(self.composites)])

    def open_jobs(self, done: Container[str]) -> tuple[Job, ...]:
        """Give the jobs whose specs are not among the finished digests."""
        return tuple(job for job in self.jobs if job.spec.digest not in done)


def choose_picture(request: Request, native_side_px: int) -> Picture:
    """Settle how files become pixels; `auto` takes the data set's own side."""
    return Picture(
        side_px=request.side or native_side_px,
        channels=CHANNELS[request.channels],
        fit=request.fit,
        window=request.window,
    )


def make_plan(request: Request, index: Index, splits: Sequence[Split], picture: Picture) -> Plan:
    """Turn a request into specs.

    Raises:
        UsageError: an architecture, a regime, a side or a parameter does not fit.
        WeightsError: weights that were asked for cannot be had.
    """
    architectures = [ARCHITECTURES[name] for name in ARCHITECTURES.select(request.arch)]
    _check_sides(architectures, picture)
    single = [each for each in architectures if Regime.COMPOSITE not in each.regimes]
    weights = _weights(single, request.weights)
    jobs = [
        Job(
            spec=_spec(
                request, architecture, weights[architecture.name], index, split, picture, seed
            ),
            split=place,
            weights=weights[architecture.name],
        )
        for architecture in single
        for place, split in enumerate(splits)
        for seed in request.seed
    ]
    return Plan(
        jobs=tuple(jobs),
        composites=tuple(each.name for each in architectures if each not in single),
        notes=_notes(weights),
    )


def composite_spec(
    request: Request, name: str, index: Index, split: Split, members: Sequence[Record]
) -> Spec:
    """Give the spec of a composite over finished members, all of one picture and seed."""
    architecture = ARCHITECTURES[name]
    return Spec(
        arch=name,
        data=index.name,
        data_digest=index.digest,
        split_digest=split.digest,
        fold=split.fold,
        picture=members[0].spec.picture,
        regime=Regime.COMPOSITE,
        weights="members",
        params=_params(request, architecture, Regime.COMPOSITE),
        epochs=request.epochs,
        patience=request.patience,
        seed=members[0].spec.seed,
        members=tuple(record.spec.digest for record in members),
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
    index: Index,
    split: Split,
    picture: Picture,
    seed: int,
) -> Spec:
    regime = _regime(request, architecture)
    return Spec(
        arch=architecture.name,
        data=index.name,
        data_digest=index.digest,
        split_digest=split.digest,
        fold=split.fold,
        picture=picture,
        regime=regime,
        weights=weights.identity,
        params=_params(request, architecture, regime),
        epochs=request.epochs,
        patience=request.patience,
        seed=seed,
        engine=request.engine,
    )


def _regime(request: Request, architecture: Architecture) -> Regime:
    """Give the asked regime where the architecture has it, otherwise its own.

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


def _params(request: Request, architecture: Architecture, regime: Regime) -> Params:
    """Give every parameter: the defaults, with what the request sets where it applies."""
    known = defaults(architecture, regime)
    asked: dict[str, ParamValue] = {
        "batch": request.batch,
        "class_weight": request.class_weight,
        "augmentation": request.augmentation,
        "views": request.views,
    }
    applicable = {name: value for name, value in asked.items() if name in known}
    return check(applicable, architecture, regime)


def _check_sides(architectures: Sequence[Architecture], picture: Picture) -> None:
    small = [each for each in architectures if picture.side_px < each.smallest_side_px]
    if small:
        needs = ", ".join(f"{each.name} (at least {each.smallest_side_px})" for each in small)
        raise UsageError(
            f"--side {picture.side_px} is smaller than these networks allow: {needs}. "
            f"Raise --side, or leave them out with --arch 'all,-{small[0].name}'."
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
    """Gather the weights' notes, each said once with the architectures that it is true of."""
    by_note: dict[str, list[str]] = {}
    for name, each in weights.items():
        if each.note:
            by_note.setdefault(each.note, []).append(name)
    return tuple(f"{', '.join(names)}: {note}" for note, names in by_note.items())
