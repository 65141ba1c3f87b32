"""The specs of composites, and for how long the best frozen network is trained further."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ..numerics import NUMERICS
from ..records import Index, Record, Regime, Spec, Split
from ..request import Request
from ..zoo import ARCHITECTURES, FINETUNED
from .costs import Work, estimate_seconds, in_minutes, nominal_seconds
from .parameters import params_for

_LEAST_EPOCHS = 2  # chosen, not sourced: in the first the learning rate rises


def composite_spec(
    request: Request, name: str, index: Index, split: Split, members: Sequence[Record]
) -> Spec:
    """Return the spec of a composite over finished members, all of one picture and seed.

    It is ranked on out-of-fold answers where all members left such answers of the same folds.
    What is trained further has the epochs of `epochs_further`, 0 where it is not to be trained.
    """
    own = request.part_of(name).on(Regime.COMPOSITE)
    ranked = {record.spec.rank_on for record in members}
    first = members[0].spec
    return Spec(
        arch=name,
        data=index.name,
        data_digest=index.digest,
        split_digest=split.digest,
        fold=split.fold,
        picture=members[0].final.picture,
        regime=Regime.COMPOSITE,
        weights="members",
        params=params_for(own, ARCHITECTURES[name], Regime.COMPOSITE, index),
        epochs=epochs_further(own, first, split, index) if name == FINETUNED else own.epochs,
        patience=own.patience,
        seed=first.seed,
        members=tuple(record.spec.digest for record in members),
        rank_on=ranked.pop() if len(ranked) == 1 else "val",
        numerics=NUMERICS,
    )


def epochs_further(request: Request, frozen: Spec, split: Split, index: Index) -> int:
    """Return the most epochs that a frozen network is trained further for, 0 for not at all.

    They are as many as the preset leaves time for, at every side that the network may choose and in
    every fold that ranks it; so they are the same on every machine. A person's `--epochs` stand.
    """
    budget = request.further_seconds
    if budget is None:
        return request.epochs

    def seconds(epochs: int) -> float:
        tuned = replace(frozen, regime=Regime.FINETUNE, search=None, epochs=epochs)
        return nominal_seconds([(frozen, split), (tuned, split)], index)[1]

    fixed = seconds(0)
    found = min(int((budget - fixed) / (seconds(1) - fixed)), request.epochs)
    return found if found >= min(_LEAST_EPOCHS, request.epochs) else 0


def estimate_further(request: Request, work: Work, index: Index) -> float:
    """Estimate the most seconds that training further one of several frozen specs takes here."""
    most = 0.0
    for spec, split in work:
        epochs = _epochs(request, spec, split, index)
        if epochs:
            further = replace(spec, regime=Regime.FINETUNE, search=None, epochs=epochs)
            most = max(most, estimate_seconds([(spec, split), (further, split)], index)[1])
    return most


def further_notes(request: Request, work: Work, index: Index) -> tuple[str, ...]:
    """Say how many epochs there would be for each frozen network, where time bounds them."""
    budget = request.part_of(FINETUNED).further_seconds
    if FINETUNED not in request.composites or budget is None:
        return ()
    found = {
        spec.arch: _epochs(request, spec, split, index)
        for spec, split in work
        if _can_be_trained_further(spec)
    }
    if not found:
        return ()
    each = ", ".join(f"{name} {epochs or 'none'}" for name, epochs in found.items())
    return (
        f"{FINETUNED}: as many epochs as {in_minutes(budget)} hold by the plan's estimate: {each}.",
    )


def _epochs(request: Request, spec: Spec, split: Split, index: Index) -> int:
    own = request.part_of(FINETUNED)
    return epochs_further(own, spec, split, index) if _can_be_trained_further(spec) else 0


def _can_be_trained_further(spec: Spec) -> bool:
    return spec.regime is Regime.FROZEN and bool(ARCHITECTURES[spec.arch].cuts)


def too_long(request: Request, members: Iterable[Record]) -> str:
    """Return why a network is not trained further."""
    arch = ", ".join(record.spec.arch for record in members)
    minutes = in_minutes(request.part_of(FINETUNED).further_seconds or 0)
    return (
        f"{_LEAST_EPOCHS} epochs of {arch} would take longer than the {minutes} of the preset; "
        "--epochs N trains it all the same."
    )
