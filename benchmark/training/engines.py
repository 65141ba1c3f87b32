"""Who computes a frozen backbone's features: Keras, the reference, or OpenVINO at equal answers.

OpenVINO is taken on a CPU where a probe on real images shows the same features in less time. The
gate is needed: EfficientNetV2L in bf16 was measured at a cosine of 0.91.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..environment import seconds
from ..errors import UsageError
from .agreement import agree
from .openvino_engine import Streams, load_openvino, precisions

Features = npt.NDArray[np.float32]
Images = npt.NDArray[np.uint8]

# Measured with compiling: 0.4 to 1 ms an operation of the graph, 0.5 s for MobileNetV2 and 10 s
# for EfficientNetV2L. An engine that is taken is 1.3 to 5 times as quick: a quarter of a pass is
# won back at least.
_CONVERT_SECONDS = 1e-3
_WORTH_CONVERTING = 4
WORTH_CONVERTING_SECONDS = 3.0  # chosen, not sourced: a shorter pass is not worth the import
# How far a network may be from the board that its features made: f32 differs by 1e-5 to 1e-4, and
# bf16 within the gate by some 1e-3. chosen, not sourced: a bound ten times that.
_BOUNDS = {"openvino-bf16": 2e-2}
_BOUND = 1e-3
PROBE_SECONDS = 2.0  # chosen, not sourced: a twentieth of a slow backbone's whole pass
PROBE_IMAGES = (16, 64)  # the least and the most, in batches of 8
_PROBE_BATCH = 8
_STREAMS_BATCH = 2 * _PROBE_BATCH  # keeps sixteen streams at work
_GLANCE = 2 * _STREAMS_BATCH  # two batches are timed: in one, others may have been at work
_BATCH_AT_224_PX = 32
_LARGEST_CONSTANT = 2**14  # numbers
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Engine:
    """Computes features.

    Attributes:
        name: `tensorflow` (or Keras's other backend), `openvino-f32` or `openvino-bf16`.
        run: from (b, side, side, channels) raw pixels to (b, D) features.
        batch: how many images `run` is given best.
        facts: speeds and agreement of the probe that chose it.
        graph: the TensorFlow function behind the reference, None behind others.
    """

    name: str
    run: Callable[[Images], Features]
    batch: int
    facts: dict[str, str] = field(default_factory=dict)
    graph: Any = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Probe:
    """What the reference gives for some real images, and how quickly.

    Attributes:
        images: (p, side, side, channels) raw pixels.
        labels: (p,) their classes.
        features: (p, D) the reference's features.
        per_second: images a second of the reference.
    """

    images: Images
    labels: npt.NDArray[np.int64]
    features: Features
    per_second: float


def choose_engine(
    extractor: Any,
    wanted: str,
    images: Images,
    labels: npt.NDArray[np.int64],
    count: int,
    *,
    precise: bool = False,
) -> Engine:
    """Choose who computes features.

    Args:
        extractor: a Keras network from raw pixels to (n, D) features.
        wanted: `auto`, `tensorflow` (Keras's backend, whichever it is), `openvino`, or
            `openvino-f32` for that in float32 only.
        images: real images to probe with, well mixed.
        labels: their classes.
        count: how many images are to be computed.
        precise: float32 only, for activations that a network is trained on.
    """
    reference = keras_engine(extractor)
    if wanted == "tensorflow" or not _is_possible(required=wanted.startswith("openvino")):
        return reference
    probe = _probe(reference, images, labels)
    expected = count / probe.per_second
    facts = {f"{reference.name}_images_per_second": f"{probe.per_second:.1f}"}
    if wanted == "auto" and expected < _least_worth_converting(reference):
        return replace(reference, facts=facts)
    in_float32 = precise or wanted == "openvino-f32"
    return _converted(reference, probe, facts, ("f32",) if in_float32 else precisions())


def _least_worth_converting(reference: Engine) -> float:
    """Return how many seconds the reference must need for all images, for converting to pay."""
    operations = len(reference.graph.get_concrete_function().graph.get_operations())
    return max(WORTH_CONVERTING_SECONDS, _WORTH_CONVERTING * _CONVERT_SECONDS * operations)


def difference_bound(engine: str) -> float:
    """Return how far a network's own probabilities may be from those computed by an engine."""
    return _BOUNDS.get(engine, _BOUND)


def keras_engine(extractor: Any, *, as_served: bool = False) -> Engine:
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
        return Engine(name=name, run=lambda images: np.asarray(predict(images)), batch=batch)
    compiled = _compiled(extractor, 0 if as_served else _LARGEST_CONSTANT)

    def run(images: Images) -> Features:
        features: Features = compiled(images).numpy()
        return features

    return Engine(name=name, run=run, batch=batch, graph=compiled)


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


def _is_possible(*, required: bool) -> bool:
    """Say whether OpenVINO can convert and run here: TensorFlow's graphs, on a CPU."""
    from importlib.util import find_spec

    import keras

    reasons = []
    if keras.config.backend() != "tensorflow":
        reasons.append(f"Keras runs on {keras.config.backend()}, not on tensorflow")
    if find_spec("openvino") is None:
        reasons.append("the package openvino is not installed")
    if reasons and required:
        raise UsageError(f"engine openvino cannot be used: {'; '.join(reasons)}.")
    return not reasons and (required or not _has_gpu())


def _has_gpu() -> bool:
    import tensorflow as tf

    return bool(tf.config.list_physical_devices("GPU"))


def _probe(reference: Engine, images: Images, labels: npt.NDArray[np.int64]) -> Probe:
    """Run the reference over a few batches, until images or time suffice."""
    least, most = PROBE_IMAGES
    batches = _batches(reference, images[:most])
    found = next(batches)
    began = seconds()
    for found in batches:
        if len(found[0]) >= least and seconds() - began > PROBE_SECONDS:
            break
    features, per_second = found
    taken = len(features)
    return Probe(
        images=images[:taken], labels=labels[:taken], features=features, per_second=per_second
    )


def _batches(
    engine: Engine, images: Images, size: int = _PROBE_BATCH
) -> Iterator[tuple[Features, float]]:
    """Yield, batch by batch, all features so far and the images a second of the quickest batch.

    The quickest: others may be at work on the machine, and the first batch traces and picks
    kernels. Where it is the only one, the engine seems slower than it is.
    """
    found, speed = list[Features](), 0.0
    for start in range(0, len(images), size):
        before = seconds()
        found.append(engine.run(images[start : start + size]))
        speed = max(speed, len(found[-1]) / max(seconds() - before, 1e-9))
        yield np.concatenate(found), speed


def _converted(
    reference: Engine, probe: Probe, facts: dict[str, str], candidates: Sequence[str]
) -> Engine:
    """Return the quickest OpenVINO engine that passes the gate, otherwise the reference.

    A few batches tell whether an engine is worth comparing all answers of: it must be quicker
    than the quickest so far, and agree on those.
    """
    began = seconds()
    model = convert(reference)
    facts = {**facts, "openvino_convert_seconds": f"{seconds() - began:.1f}"}
    best, fastest = reference, probe.per_second
    everything = len(probe.images)
    for precision in candidates:
        engine = openvino_engine(model, precision)
        engine.run(probe.images[:_PROBE_BATCH])  # the first pass takes memory
        for features, speed in _batches(engine, probe.images, _STREAMS_BATCH):
            done = len(features)
            if done not in (_GLANCE, everything):
                continue
            passed, agreement = agree(probe.features[:done], features, probe.labels[:done])
            facts[f"{engine.name}_images_per_second"] = f"{speed:.1f}"
            facts[f"{engine.name}_agreement"] = agreement
            if not (passed and speed > fastest):
                break
        else:
            best, fastest = engine, speed
        _log.info("%s: %s, %.1f images/s", engine.name, agreement, speed)
    return replace(best, facts=facts)


def convert(reference: Engine) -> Any:
    """Convert the reference, on the TensorFlow backend, to OpenVINO's model in float32."""
    return load_openvino().convert_model(reference.graph.get_concrete_function())


def openvino_engine(model: Any, precision: str) -> Engine:
    """Compile a converted model for this processor, in `f32` or `bf16`."""
    streams = Streams(model, precision)
    return Engine(name=f"openvino-{precision}", run=streams.run, batch=streams.batch)


def engine_named(name: str, extractor: Any) -> Engine:
    """Return the engine that once computed a network, by its name, without probing again."""
    if name.startswith("openvino-"):
        return openvino_engine(convert(keras_engine(extractor)), name.removeprefix("openvino-"))
    return keras_engine(extractor, as_served=True)
