"""Speed beside plain Keras, on the machine at hand: `python -m tests.performance.bench --help`.

For each architecture, in one process, interpreter start and imports left out of all figures:

- a: plain Keras as introductory projects do it: `image_dataset_from_directory`, a frozen backbone,
  global average pooling, one dense layer, `fit` for 10 epochs (measured over `--plain-epochs`
  and scaled);
- b: KerasTuner over the same, 5 trials (`--tuner-trials` are measured and scaled, 0 leaves it out);
- c: ours from nothing: decode, split, features, head, saved network checked against the board;
- d: ours again with another seed, pixels and features in the cache;
- e: the bare lower bound: decode once, convert, one pass with the engine that c chose.

`--commands` measures whole processes instead, start and imports included: `benchmark run` cold, the
same again, another seed warm, and a plain Keras script; with wall time, peak memory of the process
tree, and macro-F1 on test. `--phantom` measures the whole zoo on the phantom, cold and again.

`cnn` compares training from scratch per epoch in place of a to e. With weights that cannot
be had, batch statistics are calibrated first: activations that vanish into denormals would make
the timing worthless.
"""

import argparse
import json
import logging
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.cache import Cache
from benchmark.data import ReadOptions, SplitOptions, decode, group_keys, make_splits, read_index
from benchmark.environment import machine, versions
from benchmark.records import Picture, Regime, Silent, Spec
from benchmark.training import Material, Trunk, defaults, train, verify
from benchmark.training.engines import convert, keras_engine, openvino_engine
from benchmark.training.features import pass_images
from benchmark.zoo import ARCHITECTURES, build_extractor, build_network, resolve_weights

from . import commands
from .tuner import tuned

EPOCHS = 10
TRIALS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One architecture's seconds; `cnn` has seconds per epoch in a and c, and no others.

    0 stands for what was not measured.
    """

    arch: str
    plain: float
    tuner: float
    cold: float
    warm: float
    bound: float
    engine: str

    @property
    def ratios(self) -> dict[str, float]:
        """Plain over cold, the tuner over cold, and cold over the bound."""
        found = {"a/c": self.plain / self.cold}
        found |= {"b/c": self.tuner / self.cold} if self.tuner else {}
        return {**found, "c/e": self.cold / self.bound} if self.bound else found


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is measured: a folder of images with `train` and `valid`, at a side."""

    data: str
    weights: str
    side: int
    plain_epochs: int
    tuner_trials: int


def main(words: Sequence[str] | None = None) -> int:
    """Measure, print the table, and save it as JSON."""
    asked = _parse(words)
    if asked.commands or asked.phantom:
        return measure_processes(asked)
    setting = Setting(
        data=asked.data,
        weights=asked.weights,
        side=asked.side,
        plain_epochs=asked.plain_epochs,
        tuner_trials=asked.tuner_trials,
    )
    rows = []
    for arch in asked.arch.split(","):
        rows.append(measure_scratch(setting) if arch == "cnn" else measure(arch, setting))
        print(f"{arch}: {rows[-1]} {rows[-1].ratios}", flush=True)
    print(f"\n{machine()}; side {asked.side} px; {asked.data}\n\n{table(rows)}")
    story = {
        "machine": machine(),
        "versions": versions(),
        "setting": asdict(setting),
        "rows": [{**asdict(row), **row.ratios} for row in rows],
    }
    Path(asked.json).write_text(json.dumps(story, indent=2))
    return 0


def measure_processes(asked: argparse.Namespace) -> int:
    """Measure whole commands, print their tables, and save them as JSON."""
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
    story = {
        "machine": machine(),
        "versions": versions(),
        "asked": vars(asked),
        "commands": {name: commands.story(found) for name, found in groups.items()},
    }
    Path(asked.json).write_text(json.dumps(story, indent=2))
    return 0


def measure(arch: str, setting: Setting) -> Row:
    """Measure a frozen backbone."""
    plain = plain_frozen(arch, setting)  # first: ours makes operations deterministic
    tuner = plain_tuned(arch, setting) if setting.tuner_trials else 0.0
    with tempfile.TemporaryDirectory() as folder:
        cold, engine = timed(lambda: ours(arch, setting, Path(folder), seed=0))
        warm, _ = timed(lambda: ours(arch, setting, Path(folder), seed=1))
    bound, _ = timed(lambda: lower_bound(arch, setting, engine))
    return Row(
        arch=arch,
        plain=plain,
        tuner=tuner,
        cold=cold,
        warm=warm,
        bound=bound,
        engine=engine,
    )


def measure_scratch(setting: Setting) -> Row:
    """Measure the convolutional network from scratch, per epoch, decoding shared by 10 epochs."""
    with tempfile.TemporaryDirectory() as folder:
        material = read(setting, Path(folder))
        network = build_network(
            ARCHITECTURES["cnn"],
            Picture(side_px=setting.side),
            len(material.classes),
            ARCHITECTURES["cnn"].defaults,
            0,
        )
        plain = plain_fit(network, setting) / EPOCHS
        own, _ = timed(
            lambda: ours("cnn", setting, Path(folder), seed=0, epochs=setting.plain_epochs)
        )
    cold = own / setting.plain_epochs + material.pixels.seconds / EPOCHS
    return Row(arch="cnn", plain=plain, tuner=0.0, cold=cold, warm=0.0, bound=0.0, engine="none")


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Give the seconds that work takes, and what it gives."""
    began = time.perf_counter()
    found = work()
    return time.perf_counter() - began, found


def read(setting: Setting, folder: Path, arch: str = "cnn") -> Material:
    """Read, decode and split the images into a cache."""
    cache = Cache(folder / "cache")
    index = read_index(setting.data, ReadOptions(), cache)
    decoded = decode(index, Picture(side_px=setting.side), cache, Silent())
    return Material(
        classes=decoded.index.classes,
        labels=decoded.index.labels,
        split=make_splits(decoded.index, decoded.facts, SplitOptions())[0],
        hashes=decoded.index.hashes,
        pixels=decoded.pixels,
        weights=resolve_weights(ARCHITECTURES[arch], setting.weights),
        cache=cache,
        groups=group_keys(decoded.index, decoded.facts),
    )


def ours(arch: str, setting: Setting, folder: Path, *, seed: int, epochs: int = 100) -> str:
    """Go the whole way, as a worker does, and give the engine that was chosen."""
    material = read(setting, folder, arch)
    architecture = ARCHITECTURES[arch]
    regime = Regime.SCRATCH if arch == "cnn" else Regime.FROZEN
    spec = Spec(
        arch=arch,
        data="bench",
        data_digest="bench",
        split_digest=material.split.digest,
        picture=Picture(side_px=setting.side),
        regime=regime,
        weights=material.weights.identity,
        params=defaults(architecture, regime),
        epochs=epochs,
        patience=0 if arch == "cnn" else 15,
        seed=0 if material.weights.kind == "none" else seed,
    )
    fitted = train(spec, material, Silent())
    if arch != "cnn":
        fitted.network.save(folder / "model.keras")
        verify(fitted, material, np.arange(min(32, len(material.split.val))))
    return fitted.engine


def lower_bound(arch: str, setting: Setting, engine: str) -> None:
    """Decode once, convert the network for its engine, pass every image once."""
    with tempfile.TemporaryDirectory() as folder:
        material = read(setting, Path(folder), arch)
        extractor = build_extractor(trunk(arch, setting, material).backbone)
        if engine.startswith("openvino"):
            chosen = openvino_engine(convert(extractor), engine.removeprefix("openvino-"))
        else:
            chosen = keras_engine(extractor)
        pixels = material.pixels.array
        shape = (len(pixels), int(extractor.output_shape[-1]))
        file = Path(folder) / "features.npy"
        pass_images(chosen, lambda start, stop: pixels[start:stop], shape, file, Silent())


def trunk(arch: str, setting: Setting, material: Material) -> Trunk:
    """Give the backbone that a run of ours would have."""
    spec = Spec(
        arch=arch,
        data="bench",
        data_digest="bench",
        split_digest=material.split.digest,
        picture=Picture(side_px=setting.side),
        regime=Regime.FROZEN,
        weights=material.weights.identity,
        params=defaults(ARCHITECTURES[arch], Regime.FROZEN),
        epochs=1,
        patience=1,
        seed=0,
    )
    return Trunk(spec, material)


def plain_frozen(arch: str, setting: Setting) -> float:
    """Give the seconds of 10 epochs of `fit` over a frozen backbone."""
    return plain_fit(plain_network(*plain_parts(arch, setting)), setting)


def plain_tuned(arch: str, setting: Setting) -> float:
    """Give the seconds of 5 trials of KerasTuner's random search over the same.

    The trials share one backbone, which a plain search would build anew in each: in its favour.
    """
    backbone, classes = plain_parts(arch, setting)
    seconds = tuned(
        lambda dropout, _rate: plain_network(backbone, classes, dropout),
        lambda network, rate: plain_fit(network, setting, rate),
        setting.tuner_trials,
    )
    return seconds * TRIALS / setting.tuner_trials


def plain_parts(arch: str, setting: Setting) -> tuple[Any, int]:
    """Give a frozen backbone's network, its batch statistics in order, and how many classes."""
    with tempfile.TemporaryDirectory() as folder:
        material = read(setting, Path(folder), arch)
        network = trunk(arch, setting, material).backbone.network
    network.trainable = False
    return network, len(material.classes)


def plain_network(backbone: Any, classes: int, dropout: float = 0.0) -> Any:
    """Build what introductory projects build: average pooling and one dense layer."""
    import keras

    pooled = keras.layers.GlobalAveragePooling2D()(backbone.outputs[-1])
    pooled = keras.layers.Dropout(dropout)(pooled) if dropout else pooled
    outputs = keras.layers.Dense(classes, activation="softmax")(pooled)
    return keras.Model(backbone.inputs, outputs)


def plain_fit(network: Any, setting: Setting, learning_rate: float = 1e-3) -> float:
    """Give the seconds of 10 epochs of `fit` from image files, measured over a few."""
    import keras

    parts = [
        keras.utils.image_dataset_from_directory(
            Path(setting.data) / part,
            label_mode="categorical",
            image_size=(setting.side, setting.side),
            batch_size=32,
            shuffle=part == "train",
            seed=0,
            verbose=False,
        )
        for part in ("train", "valid")
    ]
    network.compile(
        optimizer=keras.optimizers.Adam(learning_rate),
        loss="categorical_crossentropy",
        metrics=["accuracy"],
    )
    stamps = [time.perf_counter()]
    stamp = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda *_: stamps.append(time.perf_counter())
    )
    network.fit(
        parts[0],
        validation_data=parts[1],
        epochs=setting.plain_epochs,
        verbose=0,
        callbacks=[stamp],
    )
    # The first epoch traces the graph, once; the rest are alike.
    first, last = stamps[1] - stamps[0], stamps[-1] - stamps[1]
    later = last / (setting.plain_epochs - 1) if setting.plain_epochs > 1 else first
    return first + (EPOCHS - 1) * later


def table(rows: Sequence[Row]) -> str:
    """Draw the rows as a Markdown table; a line for all frozen backbones together at the end."""
    lines = [
        "| architecture | a: plain | b: tuner | c: cold | d: warm | e: bound | a/c | b/c | c/e | |",
        f"|{' --- |' * 10}",
        *(_line(row) for row in rows),
    ]
    frozen = [row for row in rows if row.bound]
    if len(frozen) > 1:
        total = Row(
            arch="all backbones",
            plain=sum(row.plain for row in frozen),
            tuner=sum(row.tuner for row in frozen),
            cold=sum(row.cold for row in frozen),
            warm=sum(row.warm for row in frozen),
            bound=sum(row.bound for row in frozen),
            engine="",
        )
        lines.append(_line(total))
    return "\n".join(lines)


def _line(row: Row) -> str:
    figures = [
        row.plain,
        row.tuner,
        row.cold,
        row.warm,
        row.bound,
        *(row.ratios.get(name, 0.0) for name in ("a/c", "b/c", "c/e")),
    ]
    return f"| {row.arch} | {' | '.join(f'{each:.2f}' for each in figures)} | {row.engine} |"


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
        help="epochs measured for a and b (3), or run by the plain script (10)",
    )
    parser.add_argument("--tuner-trials", type=int, default=1, help="trials measured for b, of 5")
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
        asked.plain_epochs = EPOCHS if asked.commands else 3
    return asked


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    import keras  # noqa: F401  imports are left out of the figures
    import openvino  # noqa: F401

    raise SystemExit(main())
