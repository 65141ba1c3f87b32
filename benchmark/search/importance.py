"""How much each parameter matters, by a random forest over the trials."""

import numpy as np

from ..errors import UsageError
from ..seeds import derive
from .space import Kind, Parameter
from .trials import SearchResult, TrialRecord

FEWEST = 4
_TREES = 64


def importances(result: SearchResult) -> dict[str, float]:
    """Return each searched parameter's share of what a random forest explains, greatest first.

    Impurity importances (Breiman 2001, doi:10.1023/A:1010933404324), summed to 1. Optuna's fANOVA
    leaves out every parameter that is not in all trials; here one that is not there takes
    its median, so that it does not stand in for the parameter that it hangs on.

    Raises:
        UsageError: too few complete trials.
    """
    from sklearn.ensemble import RandomForestRegressor

    trials = result.complete
    if len(trials) < FEWEST:
        raise UsageError(
            f"parameter importances need {FEWEST} complete trials at least, not {len(trials)}."
        )
    parameters = result.space.searched
    columns = np.array([[_place(each, trial) for each in parameters] for trial in trials])
    middles = np.nan_to_num(np.nanmedian(columns, axis=0))
    columns = np.where(np.isnan(columns), middles, columns)
    forest = RandomForestRegressor(_TREES, random_state=derive(0, "importances"))
    forest.fit(columns, np.array([trial.values[0] for trial in trials]))
    shares = dict(
        zip([each.name for each in parameters], forest.feature_importances_.tolist(), strict=True)
    )
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def _place(parameter: Parameter, trial: TrialRecord) -> float:
    """Return a parameter's value as a number, NaN where it is not there."""
    if parameter.name not in trial.params:
        return float("nan")
    value = trial.params[parameter.name]
    if parameter.kind in (Kind.FLOAT, Kind.INT):
        return float(value)
    return float(parameter.grid().index(value))
