"""Seeds derived from a seed and the names of what they are for, for independent streams."""

import hashlib

import numpy as np


def derive(seed: int, *names: str | int) -> int:
    """Derive a 32-bit seed from a seed and the names of what it is for.

    The same seed and names give the same number on every machine; different names give
    independent streams, so that adding a draw in one place moves nothing elsewhere.
    """
    text = "\x1f".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """Return a NumPy generator derived from a seed and names."""
    return np.random.default_rng(derive(seed, *names))
