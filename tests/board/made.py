"""Records and their evidence, made of a few words."""

from collections.abc import Mapping

from benchmark.board import BoardEvidence
from benchmark.evaluation import score
from benchmark.records import (
    Params,
    ParamValue,
    Picture,
    Record,
    Regime,
    Seconds,
    Spec,
    State,
)
from tests.evaluation.made import predictions


def spec(
    arch: str = "densenet121",
    *,
    seed: int = 1,
    regime: Regime = Regime.FROZEN,
    weights: str = "imagenet",
    data: str = "a",
    split: str = "s",
    fold: int | None = None,
    side: int = 64,
    members: tuple[str, ...] = (),
    params: Mapping[str, ParamValue] | None = None,
) -> Spec:
    """Make a spec of which only what is said differs."""
    return Spec(
        arch=arch,
        data="phantom",
        data_digest=data,
        split_digest=split,
        fold=fold,
        picture=Picture(side_px=side),
        regime=regime,
        weights=weights,
        params=Params(params),
        epochs=10,
        patience=3,
        seed=seed,
        members=members,
    )


def record(
    arch: str = "densenet121",
    val: float = 0.5,
    *,
    of: Spec | None = None,
    test: float = 0.5,
    state: State = State.FINISHED,
    reason: str = "",
    parameters: int = 1000,
    started: float = 0.0,
    model_id: str = "m-1",
    scores: Mapping[str, float] | None = None,
    notes: tuple[str, ...] = (),
) -> Record:
    """Make a record; one that has not finished has no scores."""
    own = of or spec(arch)
    given = {"val_macro_f1": val, "test_macro_f1": test} if scores is None else dict(scores)
    return Record(
        spec=own,
        run_id=f"run-{own.arch}-{own.seed}-{started:g}",
        model_id=model_id,
        state=state,
        reason=reason,
        scores=given if state is State.FINISHED else {},
        seconds=Seconds(decode=1.0, features=2.0, head=3.0, wall=4.0),
        parameters=parameters,
        model_bytes=4000,
        milliseconds_per_image=2.5,
        started=started,
        notes=notes,
    )


def scored(
    arch: str, skill: float, *, of: Spec | None = None, noise: int = 0, images: int = 300
) -> tuple[Record, BoardEvidence]:
    """Make a record with its predictions: the same images whatever the skill and the noise."""
    table = predictions(images=images, classes=3, skill=skill, noise=noise, copies=0.1)
    return record(arch, of=of or spec(arch), scores=score(table)), BoardEvidence(predictions=table)
