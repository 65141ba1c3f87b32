"""Networks of stock layers alone: what `.keras` and `.h5` both load again, without this package.

Keras saves any network, but `.h5` loads layers of `keras.layers` only: neither an operation in the
graph, such as `keras.ops.flip(pixels)` or `a + b`, nor a layer that an application keeps to itself
(`Unknown layer: 'LayerScale'`; keras 3.15). An operation as the function of an `Activation` loads
from both.
"""

from typing import Any


def apply(operation: Any, signal: Any, name: str, **more: Any) -> Any:
    """Return what an operation gives, as a stock layer that loads again from every format.

    Args:
        operation: an instance of a class in `keras.src.ops` that takes one tensor; with a function
            of `keras.ops` in its place the layer loads from none.
        signal: the symbolic input; the output has its shape.
        name: the layer's name.
        more: of the layer, such as its `dtype`.
    """
    import keras

    return keras.layers.Activation(operation, name=name, **more)(signal)


def of_stock_layers(network: Any) -> Any:
    """Return a network that computes the same of which every part is a stock layer.

    Three families of `keras.applications` need it (3.15): ConvNeXt, MobileNetV3 and
    InceptionResNetV2. A network of stock layers is given back as it is.

    Args:
        network: a functional keras.Model, its weights loaded; what is made of it shares none.
    """
    import keras

    if all(map(is_stock, network.operations)):
        return network
    made: list[tuple[Any, Any]] = []

    def copy(operation: Any) -> Any:
        made.append((operation, _stock(operation)))
        return made[-1][1]

    clone = keras.models.clone_model(network, clone_function=copy)
    for old, new in made:
        if getattr(old, "weights", ()):
            weights = zip(old.get_weights(), new.weights, strict=True)
            new.set_weights([values.reshape(own.shape) for values, own in weights])
    return clone


def is_stock(operation: Any) -> bool:
    """Whether a part of a network's graph is a layer that every Keras has, or a network."""
    import keras

    kind = type(operation)
    return isinstance(operation, keras.Model) or getattr(keras.layers, kind.__name__, None) is kind


def _stock(operation: Any) -> Any:
    """Return what does the same as a part of a graph, by stock layers: one of them, or a function.

    Layers are made afresh, for one that stands in two networks would have two outputs.
    """
    import keras

    kind, name = type(operation).__name__, operation.name
    if kind == "LayerScale":  # ConvNeXt's: weights by channel
        return keras.layers.DepthwiseConv2D(
            1,
            use_bias=False,
            depthwise_initializer=keras.initializers.Constant(operation.init_values),
            dtype=operation.dtype_policy,
            name=name,
        )
    if kind == "CustomScaleLayer":  # InceptionResNetV2's: a + scale * b
        scaling = keras.layers.Rescaling(operation.scale, name=f"{name}_scaled")
        return lambda pair: keras.layers.Add(name=name)([pair[0], scaling(pair[1])])
    if kind == "Add" and not is_stock(operation):
        return lambda one, other: _sum(one, other, name)
    if kind == "Multiply" and not is_stock(operation):  # MobileNetV3's: by a number
        return lambda one, factor: keras.layers.Rescaling(factor, name=name)(one)
    return type(operation).from_config(operation.get_config())


def _sum(one: Any, other: Any, name: str) -> Any:
    """Return a tensor and another, or a number, by a layer."""
    import keras

    if isinstance(other, float):
        return keras.layers.Rescaling(1.0, offset=other, name=name)(one)
    return keras.layers.Add(name=name)([one, other])
