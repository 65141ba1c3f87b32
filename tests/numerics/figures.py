"""A small result of each room that changes results; it moves when the room's behaviour does."""

import hashlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmark.records import Index, Params, Part, Picture, Predictions, Regime, Silent
from benchmark.seeds import generator
from tests.data.pictures import dicom, encode

from .reference import Figures, listed, told

Pixels = npt.NDArray[np.uint8]


def data(folder: Path) -> Figures:
    """Return splits of drawn images, some with a leak, and what is seen of a few of them."""
    from benchmark.cache import Cache
    from benchmark.data import OnLeak, SplitOptions, decode, make_splits, near_copies
    from benchmark.data.phantom import PIXELS_SHA256

    index = _drawn_index()
    decoded = decode(index, Picture(side_px=96), Cache(folder / "cache"), Silent())
    near = near_copies(decoded.index, decoded.facts, decoded.pixels)
    asked = {
        "reported": SplitOptions(scheme="official", on_leak=OnLeak.REPORT),
        "dropped": SplitOptions(scheme="official", on_leak=OnLeak.DROP),
        "shares": SplitOptions(scheme="60/20/20", seed=3),
        "folds": SplitOptions(scheme="kfold:3", seed=3),
    }
    found: Figures = {
        "phantom": PIXELS_SHA256,
        "near copies": told([pair[:3] for pair in near]),
        "correlations": listed([pair.correlation for pair in near]),
    }
    for name, options in asked.items():
        for number, split in enumerate(make_splits(index, decoded.facts, options, near)):
            parts = {part: sorted(index.paths[row] for row in split.rows(part)) for part in Part}
            found[f"{name} {number}"] = told(parts)
    return {**found, **_seen([_picture(number) for number in range(4)])}


def _picture(number: int) -> Pixels:
    """Return (96, 96) coarse patches under some noise."""
    draw = generator(number, "picture")
    coarse = draw.integers(40, 216, (6, 6), dtype=np.uint8).repeat(16, 0).repeat(16, 1)
    return (coarse + draw.integers(0, 20, coarse.shape, dtype=np.uint8)).astype(np.uint8)


class _Drawn:
    """Draws 120 images: some are copies of earlier ones, and some mirrored or brighter copies."""

    def read(self, path: str) -> Pixels:
        number = int(Path(path).stem)
        if number < 100:
            return _picture(number)
        copied = _picture(3 * (number - 100))
        return (copied, copied[:, ::-1].copy(), copied + np.uint8(5))[number % 3]


def _drawn_index() -> Index:
    """Return their index: three classes, 60 patients, and parts that copies cross."""
    reader, count = _Drawn(), 120
    paths = tuple(f"{number:03}.png" for number in range(count))
    dealt = (Part.TRAIN, Part.TRAIN, Part.TRAIN, Part.VAL, Part.TEST)
    return Index(
        name="drawn",
        modality="ct",
        synthetic=True,
        classes=("a", "b", "c"),
        paths=paths,
        labels=np.arange(count) // 2 % 3,
        parts=tuple(dealt[number // 2 % 5] for number in range(count)),
        patients=tuple(f"p{number // 2}" for number in range(count)),
        hashes=tuple(hashlib.sha256(reader.read(path).tobytes()).hexdigest() for path in paths),
        reader=reader,
    )


def _seen(images: list[Any]) -> Figures:
    """Return means of 16 squares of some images, decoded in several ways and augmented."""
    from benchmark.data import POLICIES, augment, decode_array, decode_bytes, read_policy

    wide = [np.concatenate([each, each[:, :32]], axis=1) for each in images]
    found: Figures = {}
    for fit in ("stretch", "pad", "crop"):
        picture = Picture(side_px=64, fit=fit)
        found[f"decoded {fit}"] = _squares(np.stack([decode_array(each, picture) for each in wide]))
    for name, files in _deep_files(images).items():
        picture = Picture(side_px=64, grey_range="0-4095")
        found[f"decoded {name}"] = _squares(
            np.stack([decode_bytes(each, picture) for each in files])
        )
    square = np.stack([decode_array(each, Picture(side_px=64)) for each in images])
    hashes = [f"{number:064x}" for number in range(len(square))]
    for name in POLICIES:
        found[f"augmented {name}"] = _squares(augment(square, read_policy(name), 1, hashes, 0))
    return found


def _deep_files(images: list[Pixels]) -> dict[str, list[bytes]]:
    """Return images as PNG of 12 bits in 16, and as DICOM that is padded at its left."""
    deep = [each.astype(np.uint16) * 16 for each in images]
    padded = [np.where(np.arange(each.shape[1]) < 16, 4000, each) for each in deep]
    inverted: dict[str, Any] = {
        "PhotometricInterpretation": "MONOCHROME1",
        "PixelPaddingValue": 4000,
    }
    return {
        "PNG": [encode(each) for each in deep],
        "DICOM": [dicom(each.astype(np.uint16), **inverted) for each in padded],
    }


def _squares(images: Pixels) -> list[float]:
    means = images.reshape(len(images), 4, 16, 4, 16, -1).mean(axis=(2, 4, 5))
    return listed(means)


def zoo(folder: Path) -> Figures:
    """Return features of a tiny backbone, and probabilities of tiny networks, all untrained."""
    from benchmark.zoo import (
        ARCHITECTURES,
        NONE,
        build_backbone,
        build_extractor,
        build_head,
        build_network,
        calibrate,
    )

    pixels = _patches(8)
    picture = Picture(side_px=32)
    backbone = build_backbone(ARCHITECTURES["mobilenetv2"], picture, NONE, 1)
    calibrate(backbone, pixels)
    features = np.asarray(build_extractor(backbone)(pixels, training=False))
    found: Figures = {
        block.tap + " " + block.pooling: listed(features[:4, block.start : block.start + 6])
        for block in backbone.layout
    }
    for name in ("mlp", "cnn"):
        architecture = ARCHITECTURES[name]
        network = build_network(architecture, picture, 3, architecture.tiny, 1)
        found[name] = listed(network(pixels, training=False))
    fixed = generator(0, "features").normal(2, 3, (5, 6)).astype("float32")
    head = build_head(Params(head_layers=1), 6, 3, 1, fixed.mean(0), fixed.var(0))
    return {**found, "head": listed(head(fixed, training=False))}


def _patches(count: int) -> Pixels:
    """Return (count, 32, 32, 3) coarse coloured patches: images that differ from one another."""
    coarse = generator(0, "patches").integers(0, 256, (count, 4, 4, 3), dtype=np.uint8)
    return coarse.repeat(8, 1).repeat(8, 2)


def training(folder: Path) -> Figures:
    """Return heads over fixed features, one that is chosen, networks from scratch, metrics."""
    from benchmark.metrics import measure
    from benchmark.training import train
    from tests.training.conftest import make_material, make_spec

    material = make_material(folder)
    found: Figures = {}
    heads: dict[str, dict[str, Any]] = {
        "linear": {},
        "hidden": {"head_layers": 1, "dropout": 0.2, "optimizer": "sgd", "schedule": "cosine"},
        "balanced": {"class_weight": "balanced", "label_smoothing": 0.1},
    }
    for name, params in heads.items():
        found[f"head {name}"] = listed(_head_over_fixed_features(params))
    found |= _chosen_over_fixed_features()
    quick = {"learning_rate": 0.01, "batch": 8, "optimizer": "sgd"}
    for arch in ("mlp", "cnn"):
        fitted = train(make_spec(arch, Regime.SCRATCH, quick), material, Silent())
        found[arch] = listed(fitted.test)
        found[f"{arch} val_loss"] = listed([each.metrics["val_loss"] for each in fitted.history])
    probabilities = generator(0, "answers").dirichlet(np.ones(4), 12)
    measured = measure("val", probabilities, np.arange(12) % 3)  # one class has no image
    return {**found, "epoch": listed([measured[name] for name in sorted(measured)])}


def _fixed_features() -> Any:
    """Return features of 48 images, and their classes; the shallow tap tells little."""
    from benchmark.training import Features
    from benchmark.zoo import Block

    labels = np.arange(48) % 3
    matrix = generator(0, "matrix").normal(size=(48, 6)) + np.eye(3)[labels][:, [0, 1, 2] * 2]
    features = Features(
        matrix=matrix.astype(np.float32),
        blocks=(
            Block(tap="shallow", pooling="avg", start=0, stop=2),
            Block(tap="end", pooling="avg", start=2, stop=6),
        ),
        seconds=0.0,
        engine="none",
        facts={},
    )
    return features, labels


def _chosen_over_fixed_features() -> Figures:
    """Return what a convex head is chosen among, and the probabilities that it gives then."""
    from benchmark.training import Examples, Lesson, fit_logistic
    from benchmark.training.evidence import gather
    from tests.training.conftest import make_spec

    features, labels = _fixed_features()
    rows, hashes = np.arange(48), [f"{row:02}" for row in range(48)]
    groups = [row // 2 for row in range(32)]
    lesson = Lesson(
        features=features,
        evidence=gather(("a", "b", "c"), rows[:32], labels[:32], hashes[:32], groups),
        train=Examples(rows=rows[:32], labels=labels[:32]),
        val=Examples(rows=rows[32:], labels=labels[32:]),
    )
    params = {"head": "logistic", "pooling": "avg", "class_weight": "none/balanced"}
    spec = make_spec("mobilenetv2", Regime.FROZEN, params)
    head = fit_logistic(spec.params, lesson, Silent())
    return {
        "choice": told(dict(head.params)),
        "choice's log losses": listed([each.log_loss for each in head.choice.tried]),
        "head logistic": listed(head.predict(rows[32:])),
    }


def _head_over_fixed_features(params: dict[str, Any]) -> Any:
    """Return the probabilities that a head gives for the rows it was stopped on."""
    from benchmark.training import Examples, fit_head
    from benchmark.training.loop_settings import read_settings
    from tests.training.conftest import make_spec

    features, labels = _fixed_features()
    values = {"batch": 8, "dropout": 0.0, **params}
    spec = make_spec("mobilenetv2", Regime.FROZEN, values, epochs=8, patience=8)
    settings = read_settings(spec, ("a", "b", "c"), labels[:32])
    rows = np.arange(48)
    head = fit_head(
        features,
        spec.params,
        Examples(rows=rows[:32], labels=labels[:32]),
        Examples(rows=rows[32:], labels=labels[32:]),
        settings,
        classes=3,
        seed=1,
        report=lambda _: None,
    )
    return head.trained.predict(head.inputs, rows[32:])


def search(folder: Path) -> Figures:
    """Return the first points of a random search, and those that TPE takes after its start."""
    from benchmark.search import SearchSettings, parse_space
    from benchmark.search import search as searched
    from tests.search.conftest import SPACE, closeness

    space = parse_space(SPACE, name="small", file="small.yaml")
    found: Figures = {}
    for engine, trials in (("optuna:random", 5), ("optuna:tpe", 20)):
        settings = SearchSettings(engine=engine, trials=trials, seed=1)
        for trial in searched(space, closeness, settings).trials[-5:]:
            found[f"{engine} {trial.number}"] = _point(trial.params)
    return found


def _point(params: Params) -> str:
    """Return a point as a text; real numbers to six digits."""
    words = [
        f"{value:.6g}" if isinstance(value, float) else str(value) for value in params.values()
    ]
    return " ".join(f"{name}={word}" for name, word in zip(params, words, strict=True))


def evaluation(folder: Path) -> Figures:
    """Return every metric of a fixed table, its intervals, temperature and operating point."""
    from benchmark.evaluation import calibrating_temperature, choose_point, intervals, judge, score

    table = _table()
    scores = score(table)
    found: Figures = {"scores": told(sorted(scores))}
    defined = {name: value for name, value in scores.items() if math.isfinite(value)}
    for part in ("val", "test"):
        names = sorted(name for name in defined if name.startswith(part))
        found[part] = listed([defined[name] for name in names])
    for name, seeds in (("one run", 1), ("three seeds", 3)):
        runs = [_table(seed).part(Part.TEST) for seed in range(seeds)]
        limits = intervals(runs)
        found[f"intervals of {name}"] = told(sorted(limits))
        found[f"limits of {name}"] = listed(
            [[limits[each].low, limits[each].high] for each in sorted(limits)]
        )
    found["temperature"] = listed([calibrating_temperature(table)])
    point = choose_point(table.part(Part.VAL), ("b", "c"), "sensitivity=0.9")
    judged = judge(point, table.part(Part.TEST), prevalence=0.1)
    found["operating point"] = listed([point.threshold, *(each.low for each in judged.values())])
    return found


def _table(seed: int = 0) -> Predictions:
    """Return answers of some skill for 90 images of 45 patients, a third of them validation."""
    count, labels = 90, np.arange(90) // 2 % 3
    scores = generator(seed, "scores").normal(size=(count, 3)) + 1.5 * np.eye(3)[labels]
    raised = np.exp(scores)
    return Predictions(
        classes=("a", "b", "c"),
        hashes=tuple(f"{number:064x}" for number in range(count)),
        paths=tuple(f"{number}.png" for number in range(count)),
        parts=tuple(Part.VAL if number < 30 else Part.TEST for number in range(count)),
        labels=labels.astype(np.int64),
        probabilities=raised / raised.sum(axis=1, keepdims=True),
        is_copy=np.arange(count) % 10 == 0,
        units=(np.arange(count) // 2).astype(np.int64),
    )


FIGURES: dict[str, Callable[[Path], Figures]] = {
    "data": data,
    "zoo": zoo,
    "training": training,
    "search": search,
    "evaluation": evaluation,
}
