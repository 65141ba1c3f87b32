"""How much each parameter matters, by a random forest over the trials."""

import numpy as np

from ..errors import UsageError
from ..seeds import derive
from .space import Kind
from .trials import SearchResult

_FEWEST = 4
_TREES = 64


def importances(result: SearchResult) -> dict[str, float]:
    """Give each searched parameter's share of what a random forest explains, greatest first.

    Impurity importances (Breiman 2001, doi:10.1023/A:1010933404324), summed to 1. Optuna's fANOVA
    leaves out every parameter that is not in all trials; here one that is not there is a value
    of its own.

    Raises:
        UsageError: too few complete trials.
    """
    from sklearn.ensemble import RandomForestRegressor

    trials = result.complete
    if len(trials) < _FEWEST:
        raise UsageError(
            f"parameter importances need {_FEWEST} complete trials at least, not {len(trials)}."
        )
    parameters = result.space.searched
    columns = [
        [
            -1.0
            if parameter.name not in trial.params
            else float(trial.params[parameter.name])
            if parameter.kind in (Kind.FLOAT, Kind.INT)
            else float(parameter.grid().index(trial.params[parameter.name]))
            for parameter in parameters
        ]
        for trial in trials
    ]
    forest = RandomForestRegressor(_TREES, random_state=derive(0, "importances"))
    forest.fit(np.array(columns), np.array([trial.values[0] for trial in trials]))
    shares = dict(
        zip([each.name for each in parameters], forest.feature_importances_.tolist(), strict=True)
    )
    return dict(sorted(shares.items(), key=lambda item: -item[1]))
