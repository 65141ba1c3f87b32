"""Frozen backbones: ours, cold and warm, beside plain Keras, KerasTuner and the lower bound."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.records import Part, Silent
from benchmark.training import train, verify
from benchmark.training.engines import engine_named
from benchmark.training.passed_images import Stored
from benchmark.training.passes import pass_images
from benchmark.zoo import build_extractor

from .markdown import draw_table
from .plain_fit import plain_fit, plain_network, plain_parts
from .setting import Setting, make_spec, open_trunk, read, timed
from .tuner import tuned

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


def measure_frozen(arch: str, setting: Setting) -> Row:
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


def plain_frozen(arch: str, setting: Setting) -> float:
    """Return the seconds of 10 epochs of `fit` over a frozen backbone."""
    return plain_fit(plain_network(*plain_parts(arch, setting)), setting).seconds


def plain_tuned(arch: str, setting: Setting) -> float:
    """Return the seconds of 5 trials of KerasTuner's random search over the same.

    The trials share one backbone, which a plain search would build anew in each: in its favour.
    """
    backbone, classes = plain_parts(arch, setting)
    seconds = tuned(
        lambda dropout, _rate: plain_network(backbone, classes, dropout),
        lambda network, rate: plain_fit(network, setting, rate).seconds,
        setting.tuner_trials,
    )
    return seconds * TRIALS / setting.tuner_trials


def ours(arch: str, setting: Setting, folder: Path, *, seed: int) -> str:
    """Go the whole way, as a worker does, and give the engine that was chosen."""
    material = read(setting, folder, arch)
    fitted = train(make_spec(arch, setting, material, seed=seed), material, Silent())
    fitted.network.save(folder / "model.keras")
    pictures = material.pictures(Part.VAL)[:32]
    verify(fitted.network, material.pixels.array[pictures])
    return fitted.engine


def lower_bound(arch: str, setting: Setting, engine: str) -> None:
    """Decode once, convert the network for its engine, pass every image once."""
    with tempfile.TemporaryDirectory() as folder:
        material = read(setting, Path(folder), arch)
        extractor = build_extractor(open_trunk(arch, setting, material).backbone)
        chosen = engine_named(engine, extractor)
        file = Path(folder) / "features.npy"
        images, width = Stored(material.pixels.array), int(extractor.output_shape[-1])
        pass_images(chosen, images, width, file, Silent())


def table(rows: Sequence[Row]) -> str:
    """Draw the rows as a Markdown table; a line for all frozen backbones together at the end."""
    names = ["architecture", "a: plain", "b: tuner", "c: cold", "d: warm", "e: bound"]
    names += ["a/c", "b/c", "c/e", "engine"]
    lines = [_cells(row) for row in rows]
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
        lines.append(_cells(total))
    return draw_table(names, lines)


def _cells(row: Row) -> list[str]:
    figures = [
        row.plain,
        row.tuner,
        row.cold,
        row.warm,
        row.bound,
        *(row.ratios.get(name, 0.0) for name in ("a/c", "b/c", "c/e")),
    ]
    return [row.arch, *(f"{each:.2f}" for each in figures), row.engine]
