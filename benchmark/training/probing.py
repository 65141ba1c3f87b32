"""Which engine computes a frozen backbone's features: OpenVINO, where a probe shows it equal.

OpenVINO is taken on a CPU where a probe on real images shows the same features in less time. The
gate is needed: EfficientNetV2L in bf16 was measured at a cosine of 0.91. It has three figures,
since each misses what another sees. A cosine sees an image's features as a whole, in which large
ones drown small ones. Of nearest class means few images lie near the border. Errors in units of
each feature's own deviation are what a head adds up: random VGG16 features in bf16 have a cosine
of 0.99999 with the reference's, and yet errors of a tenth of a deviation, which moved
probabilities by more than 0.02.
"""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..environment import seconds
from ..errors import UsageError, is_out_of_memory, kind_and_line
from ..zoo import floor_variance
from .engines import (
    FeatureEngine,
    Images,
    Matrix,
    convert,
    filled,
    keras_engine,
    openvino_engine,
    precisions,
    this_device,
)
from .halving import halving, note

# Measured with compiling: 0.4 to 1 ms an operation of the graph, 0.5 s for MobileNetV2 and 10 s
# for EfficientNetV2L. An engine that is taken is 1.3 to 5 times as quick: a quarter of a pass is
# won back at least.
_CONVERT_SECONDS = 1e-3
_WORTH_CONVERTING = 4
WORTH_CONVERTING_SECONDS = 3.0  # chosen, not sourced: a shorter pass is not worth the import
PROBE_SECONDS = 2.0  # chosen, not sourced: a twentieth of a slow backbone's whole pass
PROBE_IMAGES = (16, 64)  # the least and the most, in batches of 8
_PROBE_BATCH = 8
_STREAMS_BATCH = 2 * _PROBE_BATCH  # keeps sixteen streams at work
_GLANCE = 2 * _STREAMS_BATCH  # two batches are timed: in one, others may have been at work
COSINE = 0.9995  # the least agreement of one image's features with the reference's
AGREEMENT = 0.995  # the least share of probe images with the same nearest class mean
# The most root mean square error of features in their deviations over the probe images. chosen
# from measurements: ConvNeXtTiny in bf16 has 0.02, and Xception, VGG16 and VGG19 have 0.07 to 0.1;
# all moved probabilities by more than the 0.02 that a finished network is held to.
ERROR = 0.015
_log = logging.getLogger(__name__)


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
    features: Matrix
    per_second: float


def choose_engine(
    extractor: Any,
    wanted: str,
    images: Images,
    labels: npt.NDArray[np.int64],
    count: int,
    *,
    precise: bool = False,
    known: str = "",
) -> FeatureEngine:
    """Choose who computes features.

    Args:
        extractor: a Keras network from raw pixels to (n, D) features.
        wanted: `auto`, `tensorflow` (Keras's backend, whichever it is), `openvino`, or
            `openvino-f32` for that in float32 only.
        images: real images to probe with, well mixed.
        labels: their classes.
        count: how many images are to be computed.
        precise: float32 only, for activations that a network is trained on.
        known: the engine that was taken for the same backbone at another side: it is taken again
            where it agrees here too, and no other is tried.
    """
    reference = keras_engine(extractor)
    if wanted == "tensorflow" or not _is_possible(required=wanted.startswith("openvino")):
        return reference
    in_float32 = precise or wanted == "openvino-f32"
    candidates = ("f32",) if in_float32 else precisions()
    if known.removeprefix("openvino-") in candidates:
        with _memory_may_run_out(wanted):
            if (engine := _taken_again(reference, known, images, labels)) is not None:
                return engine
    probe = _probe(reference, images, labels)
    expected = count / probe.per_second
    facts = {f"{reference.name}_images_per_second": f"{probe.per_second:.1f}"}
    if wanted == "auto" and expected < _least_worth_converting(reference):
        return replace(reference, facts=facts)
    with _memory_may_run_out(wanted):
        return _converted(reference, probe, facts, candidates)
    return replace(reference, facts=facts)


@contextmanager
def _memory_may_run_out(wanted: str) -> Iterator[None]:
    """Note that OpenVINO was left out where memory runs out in trying it, if it need not be."""
    try:
        yield
    except Exception as error:
        if wanted != "auto" or not is_out_of_memory(error):
            raise
        note(f"OpenVINO was left out, for memory ran out in trying it: {kind_and_line(error)}.")


def _taken_again(
    reference: FeatureEngine, name: str, images: Images, labels: npt.NDArray[np.int64]
) -> FeatureEngine | None:
    """Return an OpenVINO engine by its name where it agrees with the reference, else None.

    How much quicker it is was measured at another side.
    """
    few = slice(PROBE_IMAGES[0])
    *_, (features, _) = _batches(reference, images[few])
    engine = openvino_engine(convert(reference), name.removeprefix("openvino-"))
    passed, agreement = agree(features, engine.run(images[few]), labels[few])
    _log.info("%s again: %s", name, agreement)
    return replace(engine, facts={f"{name}_agreement": agreement}) if passed else None


def _least_worth_converting(reference: FeatureEngine) -> float:
    """Return how many seconds the reference must need for all images, for converting to pay."""
    operations = len(reference.graph.get_concrete_function().graph.get_operations())
    return max(WORTH_CONVERTING_SECONDS, _WORTH_CONVERTING * _CONVERT_SECONDS * operations)


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
    return not reasons and (required or this_device().name == "cpu")


def _probe(reference: FeatureEngine, images: Images, labels: npt.NDArray[np.int64]) -> Probe:
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
    engine: FeatureEngine, images: Images, size: int = _PROBE_BATCH
) -> Iterator[tuple[Matrix, float]]:
    """Yield, batch by batch, all features so far and the images a second of the quickest batch.

    The quickest: others may be at work on the machine, and the first batch traces and picks
    kernels. Where it is the only one, the engine seems slower than it is.
    """
    found, speed = list[Matrix](), 0.0

    def compute(some: slice, size: int) -> None:
        nonlocal speed
        before = seconds()
        given = engine.run(filled(batch[some], size))[: some.stop - some.start]
        found.append(given)
        speed = max(speed, len(given) / max(seconds() - before, 1e-9))

    for start in range(0, len(images), size):
        batch = images[start : start + size]
        halving("probe", len(batch), len(batch), compute)
        yield np.concatenate(found), speed


def _converted(
    reference: FeatureEngine, probe: Probe, facts: dict[str, str], candidates: Sequence[str]
) -> FeatureEngine:
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


def agree(reference: Matrix, other: Matrix, labels: npt.NDArray[np.int64]) -> tuple[bool, str]:
    """Return whether two (p, D) feature matrices give the same answers, and in what figures.

    The least cosine over the images must reach `COSINE`; the nearest class mean (of the
    reference's features, by Euclidean distance) must be the same for `AGREEMENT` of them; the
    standardised error must not exceed `ERROR`.
    """
    lengths = np.linalg.norm(reference, axis=1) * np.linalg.norm(other, axis=1)
    products = np.einsum("ij,ij->i", reference, other)
    cosine = float(np.min(products / np.maximum(lengths, 1e-30)))
    classes = np.unique(labels)
    means = np.stack([reference[labels == each].mean(axis=0) for each in classes])
    same = float(np.mean(_nearest(reference, means) == _nearest(other, means)))
    error = standardised_error(reference, other)
    text = (
        f"least cosine {cosine:.6f}, same nearest class mean {same:.4f}, "
        f"error {error:.2g} deviations, {len(labels)} images"
    )
    return bool(cosine >= COSINE and same >= AGREEMENT and error <= ERROR), text


def standardised_error(reference: Matrix, other: Matrix) -> float:
    """Return the root mean square of (p, D) errors in units of each feature's deviation over p."""
    variance = floor_variance(reference.var(axis=0))
    return float(np.sqrt(np.mean((other - reference) ** 2 / variance)))


def _nearest(features: Matrix, means: Matrix) -> npt.NDArray[np.int64]:
    distances = [np.linalg.norm(features - mean, axis=1) for mean in means]
    nearest: npt.NDArray[np.int64] = np.argmin(distances, axis=0)
    return nearest
