"""Records and their evidence, made of a few words."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from benchmark.board import DEFAULT_RULE, Board, BoardEvidence, BoardSubject, Rule, rank
from benchmark.evaluation import score
from benchmark.records import (
    Params,
    ParamValue,
    Part,
    Picture,
    Predictions,
    Record,
    Regime,
    Seconds,
    Spec,
    State,
)
from tests.evaluation.made import answered, merged, missing, predictions, truth

Made = tuple[Record, BoardEvidence]


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


def calling(
    arch: str,
    called: Sequence[int],
    *,
    of: Spec | None = None,
    sizes: tuple[int, ...] = (36, 36),
    sure: float | Sequence[float] = 0.9,
    test: Sequence[int] | None = None,
    units: Sequence[int] | None = None,
    parameters: int = 1000,
) -> Made:
    """Make a record of a network that calls each validation image a class.

    Args:
        arch: its architecture; `of` its spec; `parameters` its weights, counted.
        called: the classes, one an image.
        of: as above.
        sizes: images of each class, in validation and in test, in the classes' order.
        sure: how sure it is of each answer.
        test: what it calls each test image, as in validation where it is None.
        units: the unit of each image, the same numbers in test standing for other units.
        parameters: as above.
    """
    labels, k = truth(*sizes), len(sizes)
    val, held_out = (
        answered(labels, each, classes=k, sure=sure, part=part, units=units)
        for each, part in ((called, Part.VAL), (called if test is None else test, Part.TEST))
    )
    table = merged(val, held_out)
    own = record(arch, of=of, scores=score(table), parameters=parameters)
    return own, BoardEvidence(predictions=table)


def erring(
    arch: str,
    wrong: Sequence[int],
    *,
    of: Spec | None = None,
    sizes: tuple[int, ...] = (36, 36),
    sure: float | Sequence[float] = 0.9,
    test: Sequence[int] | None = None,
    units: Sequence[int] | None = None,
    parameters: int = 1000,
) -> Made:
    """Make a record as `calling` does, of a network that errs on the images at some places."""
    labels, k = truth(*sizes), len(sizes)
    return calling(
        arch,
        missing(labels, wrong, k),
        of=of,
        sizes=sizes,
        sure=sure,
        test=None if test is None else missing(labels, test, k),
        units=units,
        parameters=parameters,
    )


def spread(wrong: int, sizes: tuple[int, int] = (36, 36), start: int = 0) -> list[int]:
    """Return places of so many errors, half in each of two classes, from a place in each on."""
    half = wrong // 2
    return [*range(start, start + wrong - half), *range(sizes[0] + start, sizes[0] + start + half)]


def with_folds(made: Made, wrong: Sequence[int], name: str = "cv:5") -> Made:
    """Add out-of-fold answers over train and validation that err at some of 144 places."""
    own, proof = made
    labels = truth(72, 72)
    table = answered(labels, missing(labels, wrong), part=Part.TRAIN)
    parts = tuple(Part.VAL if place % 2 else Part.TRAIN for place in range(len(labels)))
    folds = replace(table, parts=parts)
    return replace(own, spec=replace(own.spec, rank_on=name)), replace(proof, out_of_fold=folds)


def with_trials(made: Made, trials: Sequence[Sequence[int]]) -> Made:
    """Add the classes that the trials of its search gave to the validation images."""
    own, proof = made
    return own, replace(proof, trials=np.array(trials, dtype=np.int64))


def board_of(*made: Made, rule: Rule = DEFAULT_RULE, subject: BoardSubject | None = None) -> Board:
    """Rank made records with their evidence."""
    evidence = {own.spec.digest: proof for own, proof in made}
    return rank([own for own, _ in made], rule, evidence, subject)


def validation(made: Made) -> Predictions:
    """Return what a made record said of the validation images."""
    return made[1].predictions.part(Part.VAL)
