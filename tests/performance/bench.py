"""Speed beside plain Keras, on the machine at hand: `python -m tests.performance.bench --help`.

For each architecture, in one process, interpreter start and imports left out of all figures:

- a: plain Keras as introductory projects do it: `image_dataset_from_directory`, a frozen backbone,
  global average pooling, one dense layer, `fit` for 10 epochs (measured over `--plain-epochs`
  and scaled);
- b: KerasTuner over the same, 5 trials (`--tuner-trials` are measured and scaled, 0 leaves it out);
- c: ours from nothing: decode, split, features, head, saved network checked against the board;
- d: ours again with another seed, pixels and features in the cache;
- e: the bare lower bound: decode once, convert, one pass with the engine that c chose.

`cnn` compares training from scratch per epoch in place of a to e, in float32 and in bfloat16. With
weights that cannot be had, batch statistics are calibrated first: activations that vanish into
denormals would make the timing worthless.

`--finetune` compares 10 epochs of fine-tuning the last block: plain `fit` over the whole network
with the same layers frozen, batch statistics fixed, the same learning rate and the same head to
begin with, beside ours over cached activations; seconds, and validation losses over three seeds
(for which `--plain-epochs` must be 10, the default there).

`--commands` measures whole processes instead, start and imports included: `benchmark run` cold, the
same again, another seed warm, and a plain Keras script; with wall time, peak memory of the process
tree, and macro-F1 on test. `--phantom` measures the whole zoo on the phantom, cold and again.

`python -m tests.performance.scaling` measures how cost and memory grow.
"""

import argparse
import logging
import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from benchmark.environment import machine
from benchmark.training.engines import load_openvino

from . import commands, finetune_row, frozen_rows
from .scratch_row import measure_scratch
from .setting import EPOCHS, Setting, save


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print the table, and save it as JSON."""
    asked = _parse(words)
    if asked.commands or asked.phantom:
        found = measure_processes(asked)
    elif asked.finetune:
        found = measure_finetuning(asked)
    else:
        found = measure_rows(asked)
    save(asked.json, {"asked": vars(asked), **found})
    return 0


def measure_rows(asked: argparse.Namespace) -> dict[str, Any]:
    """Measure a to e for each architecture, and print their table."""
    setting = _setting(asked)
    rows = []
    for arch in asked.arch.split(","):
        if arch == "cnn":
            rows += measure_scratch(setting)
        else:
            rows.append(frozen_rows.measure_frozen(arch, setting))
        print(f"{arch}: {rows[-1]} {rows[-1].ratios}", flush=True)
    print(f"\n{machine()}; side {asked.side} px; {asked.data}\n\n{frozen_rows.table(rows)}")
    return {"rows": [{**asdict(row), **row.ratios} for row in rows]}


def measure_finetuning(asked: argparse.Namespace) -> dict[str, Any]:
    """Measure fine-tuning of each architecture, and print its table."""
    found = {}
    for arch in asked.arch.split(","):
        rows = finetune_row.measure_finetune(arch, _setting(asked))
        print(f"\n{arch}; {machine()}; side {asked.side} px\n\n{finetune_row.table(rows)}")
        found[arch] = [asdict(row) for row in rows]
    return {"finetune": found}


def measure_processes(asked: argparse.Namespace) -> dict[str, Any]:
    """Measure whole commands, and print their tables."""
    groups = {}
    if asked.phantom:
        groups["phantom"] = commands.measure_phantom(asked.phantom, asked.more.split())
    for arch in asked.arch.split(",") if asked.commands else []:
        groups[arch] = commands.measure_commands(
            arch,
            asked.data,
            asked.weights,
            asked.side,
            plain_epochs=asked.plain_epochs,
            more=asked.more.split(),
        )
    for name, found in groups.items():
        print(f"\n{name}; {machine()}\n\n{commands.table(found)}", flush=True)
    return {"commands": {name: commands.story(found) for name, found in groups.items()}}


def _setting(asked: argparse.Namespace) -> Setting:
    return Setting(
        data=asked.data,
        weights=asked.weights,
        side=asked.side,
        plain_epochs=asked.plain_epochs,
        tuner_trials=asked.tuner_trials,
    )


def _parse(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--data", default="", help="folder with train/, valid/ and test/")
    parser.add_argument("--weights", default="auto", help="auto, none, or a folder")
    parser.add_argument("--arch", default="mobilenetv2", help="names separated by commas")
    parser.add_argument("--side", type=int, default=224, help="pixels")
    parser.add_argument(
        "--plain-epochs",
        type=int,
        help="epochs measured for a and b (3), or run by the plain script or for --finetune (10)",
    )
    parser.add_argument("--tuner-trials", type=int, default=1, help="trials measured for b, of 5")
    parser.add_argument("--finetune", action="store_true", help="fine-tuning instead")
    parser.add_argument("--commands", action="store_true", help="whole processes instead")
    parser.add_argument(
        "--phantom", nargs="?", const="all", default="", help="architectures on the phantom (all)"
    )
    parser.add_argument("--more", default="", help="further options of benchmark run, in quotes")
    parser.add_argument("--json", default="bench.json", help="where the figures are saved")
    asked = parser.parse_args(words)
    if not (asked.data or asked.phantom):
        parser.error("--data names the folder of images")
    if asked.plain_epochs is None:
        asked.plain_epochs = EPOCHS if asked.commands or asked.finetune else 3
    return asked


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    import keras  # noqa: F401  imports are left out of the figures

    load_openvino()

    raise SystemExit(main())
