"""Keeps a long training on disk after every epoch, so that a killed one goes on where it was."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..errors import StoreError
from ..files import whole_file
from ..records import Epoch, Spec
from .early_stopping import Schedule, Watch
from .epochs import Trainee
from .material import Material
from .precision import format_of


def keeper(spec: Spec, material: Material, stage: str) -> "Checkpoint | None":
    """Return what keeps a stage of a spec's training, None where nothing is to be kept.

    A training that was begun in another number format, on another device, is begun anew.
    """
    if material.scratch is None:
        return None
    return Checkpoint(material.scratch, f"{spec.digest[:16]}-{stage}-{format_of(spec)}")


class Resumable(Trainee, Protocol):
    """A network being trained that can go on where another process left it."""

    def state(self) -> list[npt.NDArray[Any]]:
        """Return copies of all that the next step depends on."""
        ...

    def take_state(self, state: Sequence[npt.NDArray[Any]]) -> None:
        """Take up what `state` gave."""
        ...


class Checkpoint:
    """One file with everything that the next epoch depends on.

    Args:
        folder: where the file is; made when first needed.
        name: tells trainings apart that share a folder, such as a spec's digest and the stage.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._path = Path(folder) / f"{name}.npz"

    def load(
        self, trainee: Resumable, watch: Watch, schedule: Schedule, history: list[Epoch]
    ) -> None:
        """Take up what was kept; nothing, if nothing was.

        Raises:
            StoreError: the file is corrupt, though it is only ever replaced as a whole.
        """
        if not self._path.is_file():
            return
        try:
            with np.load(self._path, allow_pickle=False) as kept:
                story = json.loads(str(kept["story"]))
                state = [kept[f"state{place}"] for place in range(story["state"])]
                best = [kept[f"best{place}"] for place in range(story["best"])]
        except (OSError, ValueError, KeyError, EOFError) as error:
            raise StoreError(
                f"{self._path} is corrupt: {error}. Remove it and run again."
            ) from error
        trainee.take_state(state)
        watch.best_weights = best
        watch.best_metrics = story["best_metrics"]
        watch.best_value, watch.waited = story["best_value"], story["waited"]
        schedule.factor = story["factor"]
        history.extend(Epoch(**epoch) for epoch in story["history"])

    def save(
        self, trainee: Resumable, watch: Watch, schedule: Schedule, history: list[Epoch]
    ) -> None:
        """Keep the training as it stands after an epoch."""
        state = trainee.state()
        story = {
            "state": len(state),
            "best": len(watch.best_weights),
            "best_metrics": watch.best_metrics,
            "best_value": watch.best_value,
            "waited": watch.waited,
            "factor": schedule.factor,
            "history": [asdict(epoch) for epoch in history],
        }
        arrays = {f"state{place}": each for place, each in enumerate(state)}
        arrays |= {f"best{place}": each for place, each in enumerate(watch.best_weights)}
        arrays["story"] = np.array(json.dumps(story))
        # Two processes may train the same spec: each writes a file of its own.
        with whole_file(self._path) as part, part.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)

    def remove(self) -> None:
        """Forget the training: it is finished."""
        self._path.unlink(missing_ok=True)
