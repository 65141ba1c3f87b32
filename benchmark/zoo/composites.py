"""Composites: networks made from networks that are trained already."""

from ..records import Regime
from .architecture import Architecture


def _composite(name: str, reference: str, doi: str) -> Architecture:
    return Architecture(
        name=name,
        family="composite",
        regimes=(Regime.COMPOSITE,),
        reference=reference,
        doi=doi,
    )


ENSEMBLE = _composite(
    "ensemble",
    "L. K. Hansen, P. Salamon, Neural network ensembles, IEEE Transactions on Pattern Analysis "
    "and Machine Intelligence, 1990",
    "10.1109/34.58871",
)
WEIGHTED_ENSEMBLE = _composite(
    "weighted-ensemble",
    "R. Caruana et al., Ensemble selection from libraries of models, ICML, 2004",
    "10.1145/1015330.1015432",
)
STACKED = _composite(
    "stacked",
    "D. H. Wolpert, Stacked generalization, Neural Networks, 1992",
    "10.1016/S0893-6080(05)80023-1",
)
CHAINED = _composite(
    "chained",
    "J. Yosinski et al., How transferable are features in deep neural networks?, NIPS, 2014",
    "10.48550/arXiv.1411.1792",
)
