"""The registered model's own code, and how it is packed beside the network.

The front door packs; the model itself is `model.py`, which a program that pulls the registered
model gets as a copy and loads through `mlflow.pyfunc.load_model`.
"""

from .card import CARD_FILE, GRAPH_FILE, NETWORK_FILE, WEIGHTS_FILE, Card, verify_network
from .contents import DATA, check_maker, check_seal, seal
from .exports import FORMATS, missing
from .exports import SCRIPT as EXPORTS_SCRIPT
from .package import Packed, package

__all__ = [
    "CARD_FILE",
    "DATA",
    "EXPORTS_SCRIPT",
    "FORMATS",
    "GRAPH_FILE",
    "NETWORK_FILE",
    "WEIGHTS_FILE",
    "Card",
    "Packed",
    "check_maker",
    "check_seal",
    "missing",
    "package",
    "seal",
    "verify_network",
]
