"""Who computes a network's figures of images: Keras, the reference, or OpenVINO.

An OpenVINO network has a stream for each core, a few images at a time in each. A batch that all
cores share leaves the caches long before the next layer reads it: 32 images of 224 px hold 154 MB
behind MobileNetV2's first expansion. One image a core stays in them. Measured on two cores over
batches of 32, images a second: MobileNetV2 190 -> 262, ConvNeXtTiny 15.4 -> 20.9, DenseNet121
29 -> 35.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..environment import seconds, threads
from ..records import Probabilities
from .halving import halving

Matrix = npt.NDArray[np.float32]
Images = npt.NDArray[np.uint8]

# How far a network may be from the board that its features made: f32 differs by 1e-5 to 1e-4, and
# bf16 within the gate by some 1e-3. chosen, not sourced: a bound ten times that.
_BOUNDS = {"openvino-bf16": 2e-2}
_BOUND = 1e-3
_BATCH_AT_224_PX = 32
_LARGEST_CONSTANT = 2**14  # numbers
_MOST_AT_ONCE = 8  # for small images, whose requests would otherwise cost more than their layers
_ALONE_PX = 256  # of this side an image is alone; of half the side, four go together
_ROUNDS = 8  # requests a stream in one call: what some wait for the last is a sixteenth of it
_FIRST = 8
_SLOW_SECONDS = 2.0  # chosen, not sourced: traced and run on 8 images by then, it sees all others


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What Keras computes on.

    Attributes:
        name: `cpu`, or Keras's name of another device, such as `gpu:0`.
        capability: an NVIDIA GPU's compute capability, (0, 0) where it is not known.
    """

    name: str = "cpu"
    capability: tuple[int, int] = (0, 0)


def this_device() -> Device:
    """Return the first device that Keras computes on which is not the processor, else that.

    Capabilities are asked of TensorFlow alone: `auto` means float32 on other backends.
    """
    import keras

    if keras.config.backend() != "tensorflow":
        names = [str(each) for each in keras.distribution.list_devices()]
        return Device(name=next((name for name in names if not name.startswith("cpu")), "cpu"))
    import tensorflow as tf

    found = tf.config.list_physical_devices("GPU")
    if not found:
        return Device()
    told = tf.config.experimental.get_device_details(found[0])
    return Device(name="gpu:0", capability=told.get("compute_capability", (0, 0)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeatureEngine:
    """Computes features.

    Attributes:
        name: `tensorflow` (or Keras's other backend), `openvino-f32` or `openvino-bf16`.
        run: from (b, side, side, channels) raw pixels to (b, D) features.
        batch: how many images `run` is given best.
        facts: speeds and agreement of the probe that chose it.
        graph: the TensorFlow function behind the reference, None behind others.
    """

    name: str
    run: Callable[[Images], Matrix]
    batch: int
    facts: dict[str, str] = field(default_factory=dict)
    graph: Any = None


def keras_engine(extractor: Any, *, as_served: bool = False) -> FeatureEngine:
    """Return the reference: the Keras network on its own backend.

    Args:
        extractor: a Keras network from raw pixels.
        as_served: compute to the last bit as the network does once it is loaded again.
    """
    import keras

    name = str(keras.config.backend())
    batch = max(1, int(_BATCH_AT_224_PX * min(1.0, (224 / extractor.inputs[0].shape[1]) ** 2)))
    if name != "tensorflow":
        predict = extractor.predict_on_batch
        return FeatureEngine(name=name, run=lambda images: np.asarray(predict(images)), batch=batch)
    compiled = _compiled(extractor, 0 if as_served else _LARGEST_CONSTANT)

    def run(images: Images) -> Matrix:
        features: Matrix = compiled(images).numpy()
        return features

    return FeatureEngine(name=name, run=run, batch=batch, graph=compiled)


def _compiled(extractor: Any, largest: int) -> Any:
    """Compile a network whose weights no longer change, as a function of raw pixels.

    Weights of at most `largest` numbers (biases, batch normalisation) become constants. OpenVINO
    searches all variables for each that it reads: with a quarter of them EfficientNetV2L is
    converted in 7 s in place of 24. Constants are copied several times over, so that kernels stay
    variables. TensorFlow folds constant batch normalisation away, which moves the last bits.
    """
    import tensorflow as tf

    shape = (None, *extractor.inputs[0].shape[1:])
    trainable, others = (
        [each.value if np.prod(each.shape) > largest else each.numpy() for each in some]
        for some in (extractor.trainable_variables, extractor.non_trainable_variables)
    )

    def features(images: Any) -> Any:
        pixels = tf.cast(images, tf.float32)
        weights = ([tf.convert_to_tensor(each) for each in some] for some in (trainable, others))
        return extractor.stateless_call(*weights, pixels, training=False)[0]

    return tf.function(features, input_signature=[tf.TensorSpec(shape, tf.uint8)])


def load_openvino() -> Any:
    """Import OpenVINO without the part of it that tells Google Analytics of every conversion.

    It asks nobody, leaves an identity in the home folder, and its threads made converting
    ConvNeXtTiny take 12 s in place of 1.8. OpenVINO has a stub for where it is not installed.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


class Streams:
    """Computes with an OpenVINO model, on as many streams as there are threads.

    An image's figures depend on nothing but the image: not on its place, nor on its neighbours.

    Args:
        model: OpenVINO's, from (n, side, side, channels) uint8 to (n, D); it is given a fixed n.
        precision: `f32` or `bf16`.
        streams: how many compute at once, a thread each; 0 for as many as this process has.

    Attributes:
        batch: how many images a call is given best.
    """

    def __init__(self, model: Any, precision: str, streams: int = 0) -> None:
        openvino = load_openvino()
        streams = streams or threads()
        image = [each.get_length() for each in list(model.input(0).get_partial_shape())[1:]]
        self._size = images_at_once(image[0], streams)
        fixed = model.clone()
        fixed.reshape([self._size, *image])
        hints = {
            "INFERENCE_PRECISION_HINT": precision,
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": streams,
            # Workers side by side would be pinned to the same cores.
            "ENABLE_CPU_PINNING": False,
        }
        compiled = openvino.Core().compile_model(fixed, "CPU", hints)
        self._width = int(compiled.output(0).shape[1])
        self._queue = openvino.AsyncInferQueue(compiled, streams)
        self._queue.set_callback(_leave)
        self.batch = self._size * streams * _ROUNDS

    def run(self, images: Images) -> Matrix:
        """Return the (n, D) figures of (n, side, side, channels) images."""
        into = np.empty((len(images), self._width), np.float32)
        for start in range(0, len(images), self._size):
            some = images[start : start + self._size]
            rows = into[start : start + len(some)]
            self._queue.start_async([filled(some, self._size)], rows)
        self._queue.wait_all()
        return into


def _leave(request: Any, rows: npt.NDArray[np.float32]) -> None:
    """Copy a request's figures to their rows: its own memory is used again."""
    rows[:] = request.get_output_tensor(0).data[: len(rows)]


def images_at_once(side_px: int, streams: int) -> int:
    """Return how many images a stream computes together."""
    alone = int((_ALONE_PX / side_px) ** 2)
    return max(1, min(alone, _MOST_AT_ONCE, 2 * _MOST_AT_ONCE // streams))


def precisions() -> Sequence[str]:
    """List the precisions worth trying on this processor, the probably quickest first."""
    core = load_openvino().Core()
    capabilities = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return ("bf16", "f32") if "BF16" in capabilities else ("f32",)


def convert(reference: FeatureEngine) -> Any:
    """Convert the reference, on the TensorFlow backend, to OpenVINO's model in float32."""
    return load_openvino().convert_model(reference.graph.get_concrete_function())


def openvino_engine(model: Any, precision: str) -> FeatureEngine:
    """Compile a converted model for this processor, in `f32` or `bf16`."""
    streams = Streams(model, precision)
    return FeatureEngine(name=f"openvino-{precision}", run=streams.run, batch=streams.batch)


def engine_named(name: str, extractor: Any) -> FeatureEngine:
    """Return the engine that once computed a network, by its name, without probing again."""
    if name.startswith("openvino-"):
        return openvino_engine(convert(keras_engine(extractor)), name.removeprefix("openvino-"))
    return keras_engine(extractor, as_served=True)


def difference_bound(engine: str) -> float:
    """Return how far a network's own probabilities may be from those computed by an engine."""
    return _BOUNDS.get(engine, _BOUND)


def filled(batch: npt.NDArray[Any], size: int) -> npt.NDArray[Any]:
    """Fill a batch up to a size with its last row.

    Engines and graphs prepare for each new shape as long as for a hundred images.
    """
    missing = size - len(batch)
    return np.concatenate([batch, np.repeat(batch[-1:], missing, axis=0)]) if missing else batch


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Verified:
    """A network's own answers.

    Attributes:
        probabilities: (m, k) of the first m images: of all, or of 16 where the network is slow.
        milliseconds: for an image, once the network is traced; of a single batch tracing included.
    """

    probabilities: Probabilities
    milliseconds: float


def verify(network: Any, images: Images) -> Verified:
    """Let a network itself classify images, to be compared with what training says of them.

    It is run as one graph, as whoever loads it will. Called layer by layer it would often be
    through sooner, but a small network then takes four times as long for an image.

    Args:
        network: from (n, side, side, channels) raw pixels to (n, k) probabilities.
        images: (n, side, side, channels) raw pixels, n > 0; few enough for one batch.
    """
    run = keras_engine(network, as_served=True).run
    found, took = _timed(run, images[:_FIRST])
    rest = images[_FIRST:] if took < _SLOW_SECONDS else images[_FIRST : 2 * _FIRST]
    if not len(rest):
        return Verified(probabilities=found, milliseconds=1000 * took / len(found))
    more, took = _timed(run, rest)
    return Verified(
        probabilities=np.concatenate([found, more]), milliseconds=1000 * took / len(more)
    )


def _timed(run: Callable[[Images], Matrix], images: Images) -> tuple[Probabilities, float]:
    """Return what a network says of images, and the seconds that it took in which it went well."""
    found, took = list[Matrix](), 0.0

    def compute(some: slice, size: int) -> None:
        nonlocal took
        began = seconds()
        found.append(run(filled(images[some], size))[: some.stop - some.start])
        took += seconds() - began

    halving("check of the network", len(images), len(images), compute)
    return np.concatenate(found).astype(np.float64), took
