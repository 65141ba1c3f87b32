"""How much of the machine's matrix-multiply rate each backbone reaches, in float32."""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmark.training import Material
from benchmark.training.engines import convert, keras_engine, load_openvino, openvino_engine
from benchmark.zoo import build_extractor

from .flops import multiply_adds
from .markdown import draw_table
from .setting import Setting, open_trunk, read, timed

BACKBONES = (
    "mobilenetv2",
    "densenet121",
    "resnet50",
    "inceptionv3",
    "xception",
    "convnexttiny",
    "vgg16",
)
SIZE = 4096  # of the square matrices: 64 MiB each, far above the caches
BATCH = 32
SECONDS = 6.0  # chosen, not sourced: several batches of the quick backbones, two of the slow ones


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """One backbone in float32.

    Attributes:
        arch: its name.
        gflops: 10⁹ FLOPs an image: twice the multiply-adds.
        tensorflow: images a second of Keras's compiled graph; `openvino` likewise.
        sgemm: 10⁹ FLOPs a second of the machine's matrix products.
    """

    arch: str
    gflops: float
    tensorflow: float
    openvino: float
    sgemm: float

    @property
    def shares(self) -> tuple[float, float]:
        """The share of the matrix products' rate that TensorFlow and OpenVINO reach."""
        return (
            self.gflops * self.tensorflow / self.sgemm,
            self.gflops * self.openvino / self.sgemm,
        )


def measure_rates(archs: Sequence[str], setting: Setting) -> list[Rate]:
    """Measure the matrix products' rate, then each backbone over batches of real images.

    All backbones have random weights: `setting` says none.
    """
    sgemm = sgemm_gflops()
    with tempfile.TemporaryDirectory() as folder:
        material = read(setting, Path(folder), archs[0])
        return [_measure(arch, setting, material, sgemm) for arch in archs]


def sgemm_gflops(size: int = SIZE, repeats: int = 5) -> float:
    """Return the quickest of some float32 products of square matrices, in 10⁹ FLOPs a second.

    NumPy's BLAS and OpenVINO's oneDNN both try: neither is the quicker on every processor.
    """
    random = np.random.default_rng(0)
    left, right = (random.standard_normal((size, size), dtype=np.float32) for _ in range(2))
    into = np.empty_like(left)
    by_openvino = _openvino_product(right)
    products = (
        lambda: np.matmul(left, right, out=into),
        lambda: by_openvino.infer([left], share_inputs=True, share_outputs=True),
    )
    taken = []
    for product in products:
        product()  # threads start, pages are touched
        taken += [timed(product)[0] for _ in range(repeats)]
    return 2 * size**3 / min(taken) / 1e9


def _openvino_product(right: npt.NDArray[np.float32]) -> Any:
    """Return a request that multiplies a matrix by a constant one in float32, as layers do."""
    openvino = load_openvino()
    opset8 = openvino.opset8
    left = opset8.parameter(right.shape, np.float32)
    product = opset8.matmul(left, opset8.constant(right), transpose_a=False, transpose_b=False)
    model = openvino.Model([product], [left])
    hints = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    return openvino.Core().compile_model(model, "CPU", hints).create_infer_request()


def _measure(arch: str, setting: Setting, material: Material, sgemm: float) -> Rate:
    extractor = build_extractor(open_trunk(arch, setting, material).backbone)
    reference = keras_engine(extractor)
    images = np.array(material.pixels.array[:BATCH])
    return Rate(
        arch=arch,
        gflops=2 * multiply_adds(extractor) / 1e9,
        tensorflow=_images_a_second(reference.run, images),
        openvino=_images_a_second(openvino_engine(convert(reference), "f32").run, images),
        sgemm=sgemm,
    )


def _images_a_second(run: Callable[[Any], Any], images: Any) -> float:
    """Return the speed of the quickest batch: others may be at work on the machine."""
    run(images)  # the first call traces and picks kernels
    began, taken = time.perf_counter(), list[float]()
    while len(taken) < 2 or time.perf_counter() - began < SECONDS:
        taken.append(timed(lambda: run(images))[0])
    return len(images) / min(taken)


def table(rates: Sequence[Rate]) -> str:
    """Draw the rates as a Markdown table."""
    names = ["backbone", "GFLOP an image", "TensorFlow images/s", "of sgemm"]
    names += ["OpenVINO f32 images/s", "of sgemm"]
    return draw_table(names, [_cells(rate) for rate in rates])


def _cells(rate: Rate) -> list[str]:
    tensorflow, openvino = (f"{share:.0%}" for share in rate.shares)
    speeds = [f"{rate.tensorflow:.1f}", tensorflow, f"{rate.openvino:.1f}", openvino]
    return [rate.arch, f"{rate.gflops:.2f}", *speeds]


def story(rates: Sequence[Rate]) -> list[dict[str, Any]]:
    """Return the rates for JSON."""
    return [
        {**asdict(rate), "tensorflow_share": rate.shares[0], "openvino_share": rate.shares[1]}
        for rate in rates
    ]
