"""A network in other formats: written by Keras's own exports, asked by each one's own runtime.

Run as a script by its path and told on standard input what to do, so that a format is opened by a
process that knows nothing of the benchmark, and a converter that crashes takes nothing with it.
`{"do": "write", "network", "names", "into", "told"}` writes formats into a folder, and
`{"do": "ask", "name", "file", "pixels", "threads", "told"}` lets one classify pixels. What came of
it is appended to the file `told`, a line of JSON each.
"""

import json
import os
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.float32]
Ask = Callable[[Pixels], Any]

_WARM = 2  # images before the clock is read: the first is traced or compiled
_FAULT_LENGTH = 300  # characters; a converter's message may be pages


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """A format that a network can be written in.

    Attributes:
        about: what reads it.
        file: its file, or its folder.
        modules: what must be installed to write it and to ask it.
        write: from the saved network's path and the loaded network to the file.
        open: from the file and a number of threads to what answers (1, side, side, channels)
            float32 pixels from 0 to 255 with (1, k) probabilities, and the runtime's name.
    """

    about: str
    file: str
    modules: tuple[str, ...]
    write: Callable[[Path, Any, Path], None]
    open: Callable[[Path, int], tuple[Ask, str]]


def _copy(saved: Path, _: Any, into: Path) -> None:
    shutil.copyfile(saved, into)


def _write_h5(_: Path, network: Any, into: Path) -> None:
    network.save(into)


def _open_keras(path: Path, _: int) -> tuple[Ask, str]:
    import keras

    network = keras.saving.load_model(path, compile=False, safe_mode=True)
    return network.predict_on_batch, _versions("keras", *_TENSORFLOW)


def _write_savedmodel(_: Path, network: Any, into: Path) -> None:
    network.export(str(into), format="tf_saved_model", verbose=False)


def _open_savedmodel(path: Path, _: int) -> tuple[Ask, str]:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))

    def run(pixels: Pixels) -> Any:
        return loaded.serve(pixels)  # which by itself would not keep its weights

    return run, _versions(*_TENSORFLOW)


def _write_onnx(_: Path, network: Any, into: Path) -> None:
    import tensorflow as tf

    compiling = tf.function

    def without_xla(*words: Any, **more: Any) -> Any:
        return compiling(*words, **{**more, "jit_compile": None})

    # Keras has XLA compile grouped convolutions (ConvNeXt's), and tf2onnx cannot look into that.
    tf.function = without_xla
    try:
        network.export(str(into), format="onnx", verbose=False)
    finally:
        tf.function = compiling


def _open_onnx(path: Path, threads: int) -> tuple[Ask, str]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda pixels: session.run(None, {name: pixels})[0], _versions("onnxruntime")


def _write_litert(_: Path, network: Any, into: Path) -> None:
    import tensorflow as tf

    # Keras would allow TensorFlow's own operations too, which LiteRT's runtime alone lacks.
    builtins = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}
    network.export(str(into), format="litert", verbose=False, target_spec=builtins)


def _open_litert(path: Path, threads: int) -> tuple[Ask, str]:
    if find_spec("ai_edge_litert"):
        from ai_edge_litert.interpreter import Interpreter

        runtime = _versions("ai-edge-litert")
    else:  # the same in TensorFlow, which will give it up
        import tensorflow as tf

        Interpreter = tf.lite.Interpreter  # noqa: N806  it is a class
        runtime = f"{_versions(*_TENSORFLOW)}'s own LiteRT"
    run = Interpreter(str(path), num_threads=threads).get_signature_runner()
    (name,) = run.get_input_details()
    return lambda pixels: next(iter(run(**{name: pixels}).values())), runtime


def _write_openvino(_: Path, network: Any, into: Path) -> None:
    # Without this part OpenVINO tells Google Analytics of every conversion.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    into.mkdir()
    network.export(str(into / _OPENVINO_XML), format="openvino", verbose=False)


def _open_openvino(path: Path, threads: int) -> tuple[Ask, str]:
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    # Without a hint it computes in bfloat16 where the processor can.
    hints = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    compiled = openvino.Core().compile_model(path / _OPENVINO_XML, "CPU", hints)
    return lambda pixels: compiled(pixels)[0], _versions("openvino")


SCRIPT = Path(__file__)

_TENSORFLOW = ("tensorflow", "tensorflow-cpu")
_OPENVINO_XML = "model.xml"

FORMATS: Mapping[str, Format] = {
    "keras": Format(
        about="Keras 3, as it was registered",
        file="model.keras",
        modules=("keras",),
        write=_copy,
        open=_open_keras,
    ),
    "h5": Format(
        about="Keras's older format",
        file="model.h5",
        modules=("keras",),
        write=_write_h5,
        open=_open_keras,
    ),
    "savedmodel": Format(
        about="TensorFlow, and TensorFlow Serving",
        file="savedmodel",
        modules=("tensorflow",),
        write=_write_savedmodel,
        open=_open_savedmodel,
    ),
    "onnx": Format(
        about="ONNX Runtime and many others",
        file="model.onnx",
        modules=("tensorflow", "tf2onnx", "onnx", "onnxruntime"),
        write=_write_onnx,
        open=_open_onnx,
    ),
    "litert": Format(
        about="LiteRT (TensorFlow Lite), for phones and boards",
        file="model.tflite",
        modules=("tensorflow",),
        write=_write_litert,
        open=_open_litert,
    ),
    "openvino": Format(
        about="OpenVINO, for Intel and AMD processors",
        file="openvino",
        modules=("tensorflow", "openvino"),
        write=_write_openvino,
        open=_open_openvino,
    ),
}
"""Every format, the one that the others are held to first."""


def missing(name: str) -> tuple[str, ...]:
    """Return the modules that a format needs and that are not installed."""
    return tuple(each for each in FORMATS[name].modules if find_spec(each) is None)


def write(network: Path, names: Sequence[str], into: Path, say: Callable[[Any], None]) -> None:
    """Write a network in some formats, and say of each when it is done or why it cannot be."""
    import keras

    loaded = keras.saving.load_model(network, compile=False, safe_mode=True)
    _hold_constants(loaded)
    loaded(np.zeros((1, *loaded.inputs[0].shape[1:]), np.float32))  # tf2onnx takes none uncalled
    for name in names:
        try:
            FORMATS[name].write(network, loaded, into / FORMATS[name].file)
            say({"name": name, "fault": ""})
        except Exception as error:  # noqa: BLE001  converters raise anything: one costs itself only
            say({"name": name, "fault": _fault(error)})


def _hold_constants(network: Any) -> None:
    """Give normalisation its mean and variance as arrays, which a graph holds as constants.

    Of tensors tf2onnx makes inputs of the network, to be given with the pixels (1.17, Keras 3.15).
    """
    import keras

    for layer in network.layers:
        if isinstance(layer, keras.Model):
            _hold_constants(layer)
        elif isinstance(layer, keras.layers.Normalization):
            layer.mean, layer.variance = np.asarray(layer.mean), np.asarray(layer.variance)


def ask(name: str, file: Path, pixels: Pixels, threads: int) -> dict[str, Any]:
    """Let a format classify images one by one.

    Args:
        name: the format.
        file: its file or folder.
        pixels: (n, side, side, channels) from 0 to 255.
        threads: how many the runtime is told to compute with.

    Returns:
        `rows`, n rows of k probabilities; `milliseconds`, the median of an image; `runtime`, what
        answered; or `fault`, why it does not.
    """
    try:
        run, runtime = FORMATS[name].open(file, threads)
        rows, took = [], []
        for number, image in enumerate([*pixels[:_WARM], *pixels]):
            began = time.perf_counter()
            row = np.asarray(run(image[np.newaxis]))[0]
            if number >= len(pixels[:_WARM]):
                took.append(1000 * (time.perf_counter() - began))
                rows.append(row.astype(float).tolist())
    except Exception as error:  # noqa: BLE001  a runtime may raise anything, and is told of
        return {"fault": _fault(error)}
    return {"rows": rows, "milliseconds": statistics.median(took), "runtime": runtime}


def _versions(*names: str) -> str:
    """Return those of some packages that are installed, with their versions."""
    found = []
    for name in names:
        try:
            found.append(f"{name} {version(name)}")
        except ModuleNotFoundError:
            continue
    return ", ".join(found)


def _fault(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:_FAULT_LENGTH]}"


def _main() -> None:
    job = json.load(sys.stdin)
    if find_spec("tensorflow"):
        os.environ["KERAS_BACKEND"] = "tensorflow"  # what Keras exports from
    with open(job["told"], "a", encoding="utf-8") as told:  # noqa: PTH123

        def say(something: Any) -> None:
            told.write(json.dumps(something) + "\n")
            told.flush()

        if job["do"] == "write":
            write(Path(job["network"]), job["names"], Path(job["into"]), say)
        else:
            pixels = np.load(job["pixels"], allow_pickle=False).astype(np.float32)
            say(ask(job["name"], Path(job["file"]), pixels, job["threads"]))


if __name__ == "__main__":
    _main()
