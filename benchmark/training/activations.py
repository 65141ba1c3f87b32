"""Activation functions and their slopes in NumPy, by Keras's names and constants."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """A function of each element, and its derivative."""

    value: Callable[[Matrix], Matrix]
    slope: Callable[[Matrix], Matrix]


_SELU_SCALE = np.float32(1.0507009873554805)
_SELU_ALPHA = np.float32(1.6732632423543772)


def _sigmoid(x: Matrix) -> Matrix:
    from scipy.special import expit

    values: Matrix = expit(x)
    return values


def _elu(x: Matrix) -> Matrix:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


def _elu_slope(x: Matrix) -> Matrix:
    return np.where(x > 0, np.float32(1), np.exp(np.minimum(x, 0)))


def _selu(x: Matrix) -> Matrix:
    return _SELU_SCALE * np.where(x > 0, x, _SELU_ALPHA * np.expm1(np.minimum(x, 0)))


def _selu_slope(x: Matrix) -> Matrix:
    return _SELU_SCALE * np.where(x > 0, np.float32(1), _SELU_ALPHA * np.exp(np.minimum(x, 0)))


def _gauss(x: Matrix) -> Matrix:
    from scipy.special import ndtr

    values: Matrix = ndtr(x)
    return values


def _gelu_slope(x: Matrix) -> Matrix:
    density: Matrix = np.exp(-x * x / 2) * np.float32(1 / np.sqrt(2 * np.pi))
    return _gauss(x) + x * density


def _silu_slope(x: Matrix) -> Matrix:
    gate = _sigmoid(x)
    return gate * (1 + x * (1 - gate))


ACTIVATIONS = {
    "relu": Activation(
        value=lambda x: np.maximum(x, 0), slope=lambda x: (x > 0).astype(np.float32)
    ),
    "elu": Activation(value=_elu, slope=_elu_slope),
    "selu": Activation(value=_selu, slope=_selu_slope),
    "gelu": Activation(value=lambda x: x * _gauss(x), slope=_gelu_slope),
    "silu": Activation(value=lambda x: x * _sigmoid(x), slope=_silu_slope),
    "tanh": Activation(value=np.tanh, slope=lambda x: 1 - np.tanh(x) ** 2),
}
