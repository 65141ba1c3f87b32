"""Decodes a folder's images and computes a backbone's features, in a process of its own.

`python -m tests.performance.passing --help`. The last line it prints is JSON: seconds and greatest
memory of each phase. Decoding comes before TensorFlow is imported, as in the main process.
"""

import argparse
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmark.environment import peak_memory_mib
from benchmark.records import Silent
from benchmark.training import open_features
from benchmark.training.engines import load_openvino

from .memory import Watch
from .setting import Setting, make_spec, open_trunk, read, timed


def main(words: Sequence[str] | None = None) -> int:
    """Decode, compute, and print what it cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", required=True, help="folder of images")
    parser.add_argument("--weights", default="none", help="auto, none, or a folder")
    parser.add_argument("--arch", default="mobilenetv2", help="a backbone")
    parser.add_argument("--side", type=int, default=224, help="pixels")
    asked = parser.parse_args(words)
    setting = Setting(data=asked.data, weights=asked.weights, side=asked.side)
    print(json.dumps(pass_folder(asked.arch, setting)))
    return 0


def pass_folder(arch: str, setting: Setting) -> dict[str, Any]:
    """Return seconds and greatest memory of decoding and of features."""
    took: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, Watch() as watch:
        with watch.phase("decode"):
            took["read_and_decode"], material = timed(lambda: read(setting, Path(folder), arch))
        with watch.phase("imports"):
            took["imports"], _ = timed(_import)
        with watch.phase("features"):
            trunk = open_trunk(arch, setting, material)
            took["features"], features = timed(
                lambda: open_features(
                    make_spec(arch, setting, material), material, trunk.at, Silent()
                )
            )
    return {
        "images": len(material.pixels),
        "engine": features.engine,
        "seconds": took,
        "decode_alone": material.pixels.seconds,
        "peaks_mib": watch.peaks_mib,
        "peak_resident_mib": peak_memory_mib(),
    }


def _import() -> None:
    import keras  # noqa: F401

    load_openvino()


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    raise SystemExit(main())
