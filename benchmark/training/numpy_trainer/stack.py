"""A stack of dense layers, read out of Keras and written back."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from .optimizers import by_parts

Matrix = npt.NDArray[np.float32]
Vector = npt.NDArray[np.float32]
Elementwise = Callable[[Matrix], Matrix]
Random = np.random.Generator


class Layer:
    """A layer with `size` trainable weights; `bind` gives it its place in the flat vectors."""

    size = 0

    def bind(self, weights: Vector, gradient: Vector) -> None:
        """Take views of the flat weights and of their gradient."""

    def forward(self, inputs: Matrix, random: Random | None, /) -> Matrix:
        """Return the outputs; with a generator, as in training."""
        raise NotImplementedError

    def backward(self, slope: Matrix) -> Matrix:
        """Take the loss's slope over the outputs, fill the gradient, return the inputs'."""
        raise NotImplementedError

    def state(self) -> list[npt.NDArray[np.float32]]:
        """Return the weights that are not trained by the gradient; they are changed in place."""
        return []

    def export(self) -> list[npt.NDArray[np.float32]]:
        """Return all weights in the order of the Keras layer's."""
        return []


class _Dense(Layer):
    """x W + b, with an L2 penalty on W."""

    def __init__(self, layer: Any, *, first: bool) -> None:
        self._kernel0, self._bias0 = (np.asarray(each, np.float32) for each in layer.get_weights())
        self._penalty = float(getattr(layer.kernel_regularizer, "l2", 0.0) or 0.0)
        self._first = first
        self.size = self._kernel0.size + self._bias0.size

    def bind(self, weights: Vector, gradient: Vector) -> None:
        shape, cut = self._kernel0.shape, self._kernel0.size
        self._kernel, self._bias = weights[:cut].reshape(shape), weights[cut:]
        self._kernel_slope, self._bias_slope = gradient[:cut].reshape(shape), gradient[cut:]
        self._kernel[...], self._bias[...] = self._kernel0, self._bias0
        self._flat, self._flat_slope = weights[:cut], gradient[:cut]
        self._scratch = np.empty(cut if self._penalty else 0, np.float32)

    def forward(self, inputs: Matrix, _random: Random | None) -> Matrix:
        self._inputs = inputs
        outputs: Matrix = inputs @ self._kernel
        outputs += self._bias
        return outputs

    def backward(self, slope: Matrix) -> Matrix:
        np.matmul(self._inputs.T, slope, out=self._kernel_slope)
        np.sum(slope, axis=0, out=self._bias_slope)
        if self._penalty:
            by_parts(len(self._flat), self._penalise)
        return slope if self._first else slope @ self._kernel.T

    def _penalise(self, part: slice) -> None:
        np.multiply(self._flat[part], np.float32(2 * self._penalty), out=self._scratch[part])
        self._flat_slope[part] += self._scratch[part]

    def export(self) -> list[npt.NDArray[np.float32]]:
        return [self._kernel, self._bias]


class _Activate(Layer):
    """An activation function, by Keras's name."""

    def __init__(self, name: str) -> None:
        self._value, self._slope = _activations()[name]

    def forward(self, inputs: Matrix, _random: Random | None) -> Matrix:
        self._inputs = inputs
        return self._value(inputs)

    def backward(self, slope: Matrix) -> Matrix:
        return slope * self._slope(self._inputs)


@cache
def _activations() -> dict[str, tuple[Elementwise, Elementwise]]:
    """Return, by Keras's names, functions of each element and their derivatives."""
    from scipy.special import expit, ndtr

    def gelu_slope(x: Matrix) -> Matrix:
        density = np.exp(-x * x / 2) * np.float32(1 / np.sqrt(2 * np.pi))
        return np.asarray(ndtr(x) + x * density)

    def silu_slope(x: Matrix) -> Matrix:
        gate = expit(x)
        return np.asarray(gate * (1 + x * (1 - gate)))

    return {
        "relu": (lambda x: np.maximum(x, 0), lambda x: (x > 0).astype(np.float32)),
        "elu": (
            lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
            lambda x: np.where(x > 0, np.float32(1), np.exp(np.minimum(x, 0))),
        ),
        "gelu": (lambda x: x * ndtr(x), gelu_slope),
        "silu": (lambda x: x * expit(x), silu_slope),
        "tanh": (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    }


class _Dropout(Layer):
    """Inverted dropout (Srivastava et al. 2014)."""

    def __init__(self, rate: float) -> None:
        self._threshold = np.uint16(round((1 - rate) * (2**16 - 1)))
        self._scale = np.float32(1 / (1 - rate))

    def forward(self, inputs: Matrix, random: Random | None) -> Matrix:
        if random is None:
            return inputs
        # 16 raw bits a number: a third of the time of random floats, which was half of a step's.
        words = random.bit_generator.random_raw(-(-inputs.size // 4))
        bits = words.view(np.uint16)[: inputs.size].reshape(inputs.shape)
        self._mask = np.multiply(bits < self._threshold, self._scale, dtype=np.float32)
        return inputs * self._mask

    def backward(self, slope: Matrix) -> Matrix:
        return slope * self._mask


class _BatchNormalization(Layer):
    """Batch normalisation (Ioffe and Szegedy 2015), with Keras's moving statistics."""

    def __init__(self, layer: Any) -> None:
        self._start = [np.asarray(each, np.float32) for each in layer.get_weights()]
        self._moving = [self._start[2].copy(), self._start[3].copy()]
        self._momentum = np.float32(layer.momentum)
        self._epsilon = np.float32(layer.epsilon)
        self.size = 2 * self._start[0].size

    def bind(self, weights: Vector, gradient: Vector) -> None:
        half = self.size // 2
        self._gamma, self._beta = weights[:half], weights[half:]
        self._gamma_slope, self._beta_slope = gradient[:half], gradient[half:]
        self._gamma[...], self._beta[...] = self._start[0], self._start[1]

    def forward(self, inputs: Matrix, random: Random | None) -> Matrix:
        """Normalise by the batch in training, by the moving statistics otherwise."""
        mean, variance = self._moving
        if random is not None:
            mean, variance = inputs.mean(axis=0), inputs.var(axis=0)
            for moving, now in zip(self._moving, (mean, variance), strict=True):
                moving[...] += (1 - self._momentum) * (now - moving)
        self._inverse = 1 / np.sqrt(variance + self._epsilon)
        self._normal = (inputs - mean) * self._inverse
        outputs: Matrix = self._normal * self._gamma + self._beta
        return outputs

    def backward(self, slope: Matrix) -> Matrix:
        np.sum(slope * self._normal, axis=0, out=self._gamma_slope)
        np.sum(slope, axis=0, out=self._beta_slope)
        inner = slope * self._gamma
        centred = inner - inner.mean(axis=0)
        centred -= self._normal * (inner * self._normal).mean(axis=0)
        outputs: Matrix = centred * self._inverse
        return outputs

    def state(self) -> list[npt.NDArray[np.float32]]:
        """Return the moving mean and variance."""
        return self._moving

    def export(self) -> list[npt.NDArray[np.float32]]:
        """Return gamma, beta, moving mean and moving variance."""
        return [self._gamma, self._beta, *self._moving]


class Stack:
    """A head's layers, softmax last, over flat vectors of weights and gradient."""

    def __init__(self, layers: Sequence[tuple[Any, tuple[Layer, ...]]]) -> None:
        self._sources = layers
        self._layers = [part for _, parts in layers for part in parts]
        sizes = [layer.size for layer in self._layers]
        self._deepest = next(number for number, size in enumerate(sizes) if size)
        size = sum(sizes)
        self.weights: Vector = np.zeros(size, np.float32)
        self.gradient: Vector = np.zeros(size, np.float32)
        start = 0
        for layer in self._layers:
            place = slice(start, start + layer.size)
            layer.bind(self.weights[place], self.gradient[place])
            start = place.stop

    def probabilities(
        self, inputs: Matrix, random: Random | None = None
    ) -> npt.NDArray[np.float32]:
        """Return (b, k) probabilities of (b, width) standardised features."""
        from scipy.special import softmax

        values = inputs
        for layer in self._layers:
            values = layer.forward(values, random)
        found: Matrix = softmax(values, axis=1)
        return found

    def backward(self, slope: Matrix) -> None:
        """Fill the gradient from the loss's (b, k) slope over the logits."""
        for layer in reversed(self._layers[self._deepest :]):
            slope = layer.backward(slope)

    def everything(self) -> list[npt.NDArray[np.float32]]:
        """Return everything that training changes, itself: changed in place it is taken up."""
        return [self.weights, *(each for layer in self._layers for each in layer.state())]

    def write_back(self) -> None:
        """Put the weights into the Keras layers that they were read from."""
        for source, parts in self._sources:
            weights = [each for part in parts for each in part.export()]
            if weights:
                source.set_weights(weights)


def read_stack(sources: Sequence[Any]) -> Stack | None:
    """Read Keras layers in their order, or give None where one is not known here.

    A `Normalization` at the front is passed over: features come standardised.
    """
    layers: list[tuple[Any, tuple[Layer, ...]]] = []
    body = [layer for layer in sources if type(layer).__name__ not in _PASSED_OVER]
    for number, layer in enumerate(body):
        first = not any(part.size for _, parts in layers for part in parts)
        found = _read_layer(layer, first=first, last=number == len(body) - 1)
        if found is None:
            return None
        layers.append((layer, found))
    return Stack(layers)


_PASSED_OVER = ("InputLayer", "Normalization")


def _read_layer(layer: Any, *, first: bool, last: bool) -> tuple[Layer, ...] | None:
    kind = type(layer).__name__
    name = getattr(getattr(layer, "activation", None), "__name__", "linear")
    if last and (kind not in ("Dense", "Activation") or name != "softmax"):
        return None
    if kind == "Dense" and layer.use_bias:
        found: tuple[Layer, ...] = (_Dense(layer, first=first),)
        return found if last else _with_activation(found, name)
    if kind == "Activation":
        return () if last else _with_activation((), name)
    if kind == "BatchNormalization":
        return (_BatchNormalization(layer),) if layer.center and layer.scale else None
    if kind == "Dropout":
        return (_Dropout(float(layer.rate)),) if layer.rate else ()
    return None


def _with_activation(parts: tuple[Layer, ...], name: str) -> tuple[Layer, ...] | None:
    if name == "linear":
        return parts
    return (*parts, _Activate(name)) if name in _activations() else None
