"""A network converted to OpenVINO: a stream for each core, a few images at a time in each.

A batch that all cores share leaves the caches long before the next layer reads it: 32 images of
224 px hold 154 MB behind MobileNetV2's first expansion. One image a core stays in them. Measured
on two cores over batches of 32, images a second: MobileNetV2 190 -> 262, ConvNeXtTiny 15.4 -> 20.9,
DenseNet121 29 -> 35.
"""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..environment import threads
from .inputs import filled

_MOST_AT_ONCE = 8  # for small images, whose requests would otherwise cost more than their layers
_ALONE_PX = 256  # of this side an image is alone; of half the side, four go together
_ROUNDS = 8  # requests a stream in one call: what some wait for the last is a sixteenth of it


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

    def run(self, images: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Return the (n, D) figures of (n, side, side, channels) images."""
        into = np.empty((len(images), self._width), np.float32)
        for start in range(0, len(images), self._size):
            some = images[start : start + self._size]
            rows = into[start : start + len(some)]
            self._queue.start_async([filled(some, self._size)], rows)
        self._queue.wait_all()
        return into


def images_at_once(side_px: int, streams: int) -> int:
    """Return how many images a stream computes together."""
    alone = int((_ALONE_PX / side_px) ** 2)
    return max(1, min(alone, _MOST_AT_ONCE, 2 * _MOST_AT_ONCE // streams))


def precisions() -> Sequence[str]:
    """List the precisions worth trying on this processor, the probably quickest first."""
    core = load_openvino().Core()
    capabilities = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return ("bf16", "f32") if "BF16" in capabilities else ("f32",)


def _leave(request: Any, rows: npt.NDArray[np.float32]) -> None:
    """Copy a request's figures to their rows: its own memory is used again."""
    rows[:] = request.get_output_tensor(0).data[: len(rows)]
