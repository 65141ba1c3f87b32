"""KerasTuner over plain `fit`, as one would search without this project."""

import tempfile
import time
from collections.abc import Callable
from typing import Any


def tuned(
    build: Callable[[float, float], Any], fit: Callable[[Any, float], float], trials: int
) -> float:
    """Return the seconds of a random search of some trials.

    Args:
        build: makes a network from a dropout rate and a learning rate's logarithm.
        fit: trains it and gives the seconds that 10 epochs take, whatever was measured of them.
        trials: how many trials are measured.
    """
    import keras_tuner

    fitted: list[tuple[float, float]] = []

    class Plain(keras_tuner.HyperModel):  # type: ignore[misc]
        """A head over a frozen backbone."""

        def build(self, hp: Any) -> Any:
            """Build the network of a trial."""
            return build(hp.Float("dropout", 0.0, 0.5), hp.Float("learning_rate_log10", -4, -2))

        def fit(self, hp: Any, model: Any, *_: Any, **__: Any) -> float:
            """Train a trial; it has no score, for a random search needs none."""
            began = time.perf_counter()
            seconds = fit(model, 10 ** hp.get("learning_rate_log10"))
            fitted.append((time.perf_counter() - began, seconds))
            return 0.0

    with tempfile.TemporaryDirectory() as folder:
        tuner = keras_tuner.RandomSearch(
            Plain(),
            objective=keras_tuner.Objective("default_objective", "min"),
            max_trials=trials,
            seed=0,
            directory=folder,
            overwrite=True,
        )
        began = time.perf_counter()
        tuner.search(verbose=0)
        whole: float = time.perf_counter() - began
    return whole + sum(scaled - measured for measured, scaled in fitted)
