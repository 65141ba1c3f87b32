"""A report's dossier, made of a few words."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from benchmark.board import Board, BoardSubject
from benchmark.records import Epoch, Params
from benchmark.report import Dossier, Origin, Searched
from tests.board.made import Made, board_of, calling, erring, record, scored, spec, spread

CLASSES = ("a", "b")
SUBJECT = BoardSubject(
    synthetic=False,
    split="official",
    images={"train": (60, 60), "val": (36, 36), "test": (36, 36)},
    classes=CLASSES,
    findings=("error: 3 of the 72 images of test stand in train too.",),
)


def few() -> tuple[Made, ...]:
    """Return two networks that cannot be told apart, and one that is worse than both."""
    return (
        erring("densenet121", spread(4), test=spread(6), parameters=5000),
        erring("vgg16", spread(6), test=spread(8), parameters=900),
        calling("blind", [0] * 72, parameters=10),
    )


def dossier(
    *made: Made,
    subject: BoardSubject | None = SUBJECT,
    histories: Mapping[str, tuple[Epoch, ...]] | None = None,
    searches: Mapping[str, Searched] | None = None,
) -> Dossier:
    """Return the dossier of made records."""
    return Dossier(
        board=board_of(*made, subject=subject),
        evidence={own.spec.digest: proof for own, proof in made},
        histories=histories or {},
        searches=searches or {},
        origin=Origin(experiment="made", command="python -m benchmark run --arch=cnn"),
    )


def history(losses: Sequence[float]) -> tuple[Epoch, ...]:
    """Return epochs of some validation losses."""
    return tuple(
        Epoch(number=place, stage="head", metrics={"val_loss": each, "train_loss": each / 2})
        for place, each in enumerate(losses)
    )


def monitored(made: Made, monitor: str = "val_loss") -> Made:
    """Return a record whose training watched something."""
    own, proof = made
    return replace(own, spec=replace(own.spec, params=Params(monitor=monitor))), proof


__all__ = [
    "CLASSES",
    "SUBJECT",
    "Board",
    "calling",
    "dossier",
    "erring",
    "few",
    "history",
    "monitored",
    "record",
    "scored",
    "spec",
    "spread",
]  # fmt: skip
