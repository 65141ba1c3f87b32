"""Trains what a spec says, and holds the finished network to the board that it made."""

from dataclasses import dataclass, replace

import numpy as np

from ..records import Probabilities, Progress, Rows, Spec, Split
from ..training import Fitted, Material, Trunk, difference_bound, train, verify

_TRUER = {"openvino-bf16": "openvino-f32", "openvino-f32": "tensorflow"}
_CHECKED_IMAGES = 16  # chosen, not sourced: half a batch of val and of test shows a wrong network


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Checked:
    """What the deployable network itself says of some rows, and how far that is from the board.

    `engine` computed the features where the spec's own was too far from the board, else it is None.
    """

    rows: Rows
    probabilities: Probabilities
    milliseconds: float
    difference: float
    engine: str | None = None


def train_checked(
    spec: Spec, material: Material, progress: Progress, trunk: Trunk | None = None
) -> tuple[Fitted, Checked]:
    """Train, and train again on truer features if the network is far from the board.

    Truer than OpenVINO's bf16 is its f32, and truer than that the reference.

    Args:
        spec: what to train.
        material: what on.
        progress: told how far it is.
        trunk: the frozen backbone, if it is built already.
    """
    fitted = train(spec, material, progress, trunk=trunk)
    checked, notes = _check(fitted, material), list[str]()
    engine: str | None = None
    while checked.difference > (bound := difference_bound(fitted.engine)) and (
        truer := _TRUER.get(fitted.engine)
    ):
        engine = truer
        notes.append(
            f"probabilities from {fitted.engine}'s features were {checked.difference:.2g} from "
            f"the network's own, above {bound:g}: everything was computed again with {engine}."
        )
        fitted = train(spec, material, progress, engine=engine, trunk=trunk)
        checked = _check(fitted, material)
    return replace(fitted, warnings=(*fitted.warnings, *notes)), replace(checked, engine=engine)


def _check(fitted: Fitted, material: Material) -> Checked:
    split = material.split
    rows = _checked_rows(split.val, split.test)
    pictures = material.pixels.rows([material.hashes[row] for row in rows])
    own = verify(fitted.network, material.pixels.array[pictures])
    rows = rows[: len(own.probabilities)]
    return Checked(
        rows=rows,
        probabilities=own.probabilities,
        milliseconds=own.milliseconds,
        difference=_largest_difference(split, fitted, rows, own.probabilities),
    )


def _checked_rows(val: Rows, test: Rows) -> Rows:
    """Choose rows spread evenly over val and test, the two in turn: the first few are from both."""

    def spread(rows: Rows) -> Rows:
        return rows[np.linspace(0, len(rows) - 1, min(len(rows), _CHECKED_IMAGES)).astype(np.int64)]

    chosen = [spread(val), spread(test)]
    turns = np.concatenate([np.arange(len(each)) for each in chosen])
    return np.concatenate(chosen)[np.argsort(turns, kind="stable")]


def _largest_difference(
    split: Split, fitted: Fitted, checked: Rows, probabilities: Probabilities
) -> float:
    """Compare the saved network with the board's probabilities, where both mean the same.

    A composite's validation probabilities on the board are cross-fitted; what the deployed one
    says of validation stands beside them.
    """
    val = fitted.val if fitted.own_val is None else fitted.own_val
    board = dict(zip(split.test.tolist(), fitted.test, strict=True))
    board |= dict(zip(split.val.tolist(), val, strict=True))
    pairs = [
        np.abs(board[int(row)] - own).max() for row, own in zip(checked, probabilities, strict=True)
    ]
    return float(max(pairs, default=0.0))
