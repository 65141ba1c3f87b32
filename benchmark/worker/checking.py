"""Trains what a spec says, gives the network its temperature and holds it to the board it made."""

from dataclasses import dataclass, replace

import numpy as np

from ..evaluation import calibrating_temperature, tempered
from ..records import Part, Predictions, Probabilities, Progress, Rows, Spec, Split
from ..training import Fitted, Material, Trunk, difference_bound, train, verify
from ..zoo import with_temperature

_TRUER = {"openvino-bf16": "openvino-f32", "openvino-f32": "tensorflow"}
_CHECKED_IMAGES = 16  # chosen, not sourced: half a batch of val and of test shows a wrong network


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Checked:
    """What the deployable network itself says of some rows, and how far that is from the board.

    Both are at the `temperature` that its last layers have. `engine` computed the features where
    the spec's own was too far from the board, else it is None.
    """

    rows: Rows
    probabilities: Probabilities
    milliseconds: float
    difference: float
    temperature: float = 1.0
    engine: str | None = None


def train_checked(
    spec: Spec,
    material: Material,
    progress: Progress,
    trunk: Trunk | None = None,
    temperature: float | None = None,
) -> tuple[Fitted, Checked]:
    """Train, and train again on truer features if the network is far from the board.

    Truer than OpenVINO's bf16 is its f32, and truer than that the reference.

    Args:
        spec: what to train.
        material: what on.
        progress: told how far it is.
        trunk: the frozen backbone, if it is built already.
        temperature: of the network, None to fit it on validation.
    """
    fitted, checked = _check(train(spec, material, progress, trunk=trunk), material, temperature)
    notes = list[str]()
    engine: str | None = None
    while checked.difference > (bound := difference_bound(fitted.engine)) and (
        truer := _TRUER.get(fitted.engine)
    ):
        engine = truer
        notes.append(
            f"probabilities from {fitted.engine}'s features were {checked.difference:.2g} from "
            f"the network's own, above {bound:g}: everything was computed again with {engine}."
        )
        again = train(spec, material, progress, engine=engine, trunk=trunk)
        fitted, checked = _check(again, material, temperature)
    return replace(fitted, warnings=(*fitted.warnings, *notes)), replace(checked, engine=engine)


def _check(fitted: Fitted, material: Material, temperature: float | None) -> tuple[Fitted, Checked]:
    split = material.split
    temperature = _temperature(fitted, material) if temperature is None else temperature
    fitted = replace(fitted, network=with_temperature(fitted.network, temperature))
    rows = _checked_rows(split.val, split.test)
    pictures = material.pixels.rows([material.hashes[row] for row in rows])
    own = verify(fitted.network, material.pixels.array[pictures])
    rows = rows[: len(own.probabilities)]
    board = _board(split, fitted, temperature)
    return fitted, Checked(
        rows=rows,
        probabilities=own.probabilities,
        milliseconds=own.milliseconds,
        difference=_largest_difference(board, rows, own.probabilities),
        temperature=temperature,
    )


def _temperature(fitted: Fitted, material: Material) -> float:
    """Return the temperature that makes the answers for validation mean what they say.

    Without the images that also stand in train: of those the network is sure whatever it knows.
    """
    own = ~material.split.is_copy(Part.VAL)
    rows = material.split.val[own]
    hashes = tuple(material.hashes[row] for row in rows)
    return calibrating_temperature(
        Predictions(
            classes=material.classes,
            hashes=hashes,
            paths=hashes,
            parts=(Part.VAL,) * len(rows),
            labels=material.labels[rows],
            probabilities=fitted.val[own],
            is_copy=np.zeros(len(rows), dtype=bool),
            units=None if material.units is None else material.units[rows],
        )
    )


def _checked_rows(val: Rows, test: Rows) -> Rows:
    """Choose rows spread evenly over val and test, the two in turn: the first few are from both."""

    def spread(rows: Rows) -> Rows:
        return rows[np.linspace(0, len(rows) - 1, min(len(rows), _CHECKED_IMAGES)).astype(np.int64)]

    chosen = [spread(val), spread(test)]
    turns = np.concatenate([np.arange(len(each)) for each in chosen])
    return np.concatenate(chosen)[np.argsort(turns, kind="stable")]


def _board(split: Split, fitted: Fitted, temperature: float) -> dict[int, Probabilities]:
    """Return the board's probabilities by row, as the network at its temperature should give them.

    A composite's validation probabilities on the board are cross-fitted; what the deployed one
    says of validation stands beside them.
    """
    val = fitted.val if fitted.own_val is None else fitted.own_val
    rows = [*split.val.tolist(), *split.test.tolist()]
    return dict(zip(rows, tempered(np.concatenate([val, fitted.test]), temperature), strict=True))


def _largest_difference(
    board: dict[int, Probabilities], checked: Rows, probabilities: Probabilities
) -> float:
    """Return how far the saved network is from the board on the rows that were checked."""
    pairs = [
        np.abs(board[int(row)] - own).max() for row, own in zip(checked, probabilities, strict=True)
    ]
    return float(max(pairs, default=0.0))
