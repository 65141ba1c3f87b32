"""What does each step of the default give on test? `python -m tests.performance.accuracy --help`.

With `--commands FOLDER` it writes a configuration a preset and prints the lines of `benchmark run`
that make the runs; without, it reads their prediction tables from the MLflow store and draws a
table: figures on test with their 95 % intervals, and each step's gain over the head trained by
epochs at the network's own side, paired on images and seeds. Nothing is trained here, and nothing
chosen on test.
"""

import argparse
import json
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmark.evaluation import (
    Entrant,
    Interval,
    at_point,
    choose_point,
    compare,
    intervals,
)
from benchmark.files import write_text
from benchmark.records import ParamValue, Part, Predictions, Record, State
from benchmark.tracking import Tracker

from .markdown import draw_table

STEPS: Mapping[str, tuple[str, ...]] = {
    "quick": (
        "head=layers",
        "feature_depth=end,pooling=avg",
        "feature_depth=end,pooling=avg+max",
        "none",
    ),
    "good": ("scales=0.5/0.75/1", "none"),
    "best": ("none",),
}
"""Parameters of the steps by preset, from the head trained by epochs at the network's own side."""
METRICS = ("macro_f1", "auroc", "accuracy")
ASKED = ("head", "scales", "feature_depth", "pooling", "class_weight", "augmentation")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Row:
    """The runs of one architecture in one step.

    Attributes:
        preset: of the benchmark.
        asked: what was asked for, by the names in `ASKED`.
        runs: the predictions of its seeds.
        chooses: for each seed the predictions that an operating point is chosen on: answers out
            of fold, or those for validation.
        trained: what the first seed was trained with, the penalty too.
        seconds: mean seconds of a run.
    """

    preset: str
    asked: Mapping[str, ParamValue]
    runs: tuple[Predictions, ...]
    chooses: tuple[Predictions, ...]
    trained: Mapping[str, ParamValue]
    seconds: float

    @property
    def tests(self) -> tuple[Predictions, ...]:
        """The seeds' predictions of test."""
        return tuple(each.part(Part.TEST) for each in self.runs)

    @property
    def at_operating_point(self) -> tuple[Predictions, ...]:
        """The seeds' answers for test at the threshold of their own `chooses`, two classes."""
        positive = self.runs[0].classes[1:]
        pairs = zip(self.tests, self.chooses, strict=True)
        return tuple(
            at_point(choose_point(chooses, positive, "youden"), test) for test, chooses in pairs
        )


def gain(
    first: Sequence[Predictions], second: Sequence[Predictions], metric: str, seed: int = 0
) -> Interval:
    """Return how much more the second has of a metric, with the 95 % interval of the difference.

    As the board compares two rows: paired on images, with the variance between seeds.
    """
    pair = [
        Entrant(runs=tuple(runs), regime=name)
        for name, runs in (("first", first), ("second", second))
    ]
    found = compare(pair, seed=seed, metric=metric)
    value = _value(second, metric) - _value(first, metric)
    half = found.critical * float(found.errors[0, 1])
    return Interval(value=value, low=value - half, high=value + half)


def _value(runs: Sequence[Predictions], metric: str) -> float:
    return intervals(runs, (metric,))[metric].value


def commands(data: str, name: str, more: str, folder: Path) -> list[str]:
    """Write a configuration a preset, and return the lines that run them, as a shell reads them."""
    found = []
    for preset, steps in STEPS.items():
        file = folder / f"{name}-{preset}.yaml"
        entries = [{"arch": "mobilenetv2", "params": step} for step in steps]
        write_text(file, json.dumps({"seed": "0,1,2", "entries": entries}, indent=2))
        words = ["python", "-m", "benchmark", "run", "--data", data, "--preset", preset]
        words += ["--config", str(file), "--experiment", f"{name}-{preset}", "--register", "none"]
        found.append(shlex.join([*words, *shlex.split(more)]))
    return found


def read(experiment: str, preset: str) -> list[Row]:
    """Read an experiment's finished runs, a row for what differs in more than the seed."""
    tracker = Tracker.find(experiment, None)
    if tracker is None:
        return []
    found: dict[str, dict[int, Record]] = {}
    for record in reversed(tracker.records()):  # the newest of a seed stays
        if record.state is State.FINISHED:
            key = replace(record.spec, seed=0).digest
            found.setdefault(key, {})[record.spec.seed] = record
    return [_row(tracker, preset, list(seeds.values())) for seeds in found.values()]


def _row(tracker: Tracker, preset: str, records: Sequence[Record]) -> Row:
    runs = tuple(tracker.predictions(each) for each in records)
    chooses = []
    for record, run in zip(records, runs, strict=True):
        folds = tracker.out_of_fold(record)
        rows = run.part(Part.VAL) if folds is None else folds
        chooses.append(rows.where(np.array([part is not Part.TEST for part in rows.parts])))
    first = records[0]
    asked = {name: first.spec.params[name] for name in ASKED if name in first.spec.params}
    final = first.final.params
    return Row(
        preset=f"{preset}: {first.spec.arch}",
        asked=asked,
        runs=runs,
        chooses=tuple(chooses),
        trained={name: final[name] for name in (*ASKED, "l2") if name in final},
        seconds=float(np.mean([each.seconds.wall for each in records])),
    )


def table(rows: Sequence[Row]) -> str:
    """Draw figures on test, and gains over the head trained by epochs, as a Markdown table."""
    first, *others = sorted(rows, key=lambda row: row.asked.get("head") != "layers")
    two = len(first.runs[0].classes) == 2
    heading = ["step", "asked", "seeds"]
    for name in ("macro-F1", "AUROC", "accuracy", *["accuracy at the operating point"] * two):
        heading += [name, "gain"]
    lines = []
    for row in (first, *others):
        cells = [row.preset, _texts(row.asked, varied(rows)), f"{len(row.runs)}"]
        pairs = [(metric, first.tests, row.tests) for metric in METRICS]
        if two:
            pairs += [("accuracy", first.at_operating_point, row.at_operating_point)]
        for metric, before, own in pairs:
            cells += [_shown(intervals(own, (metric,))[metric], "")]
            cells += ["" if row is first else _shown(gain(before, own, metric), "+")]
        lines.append([*cells, _texts(row.trained, row.trained), f"{row.seconds:.1f}"])
    return draw_table([*heading, "trained with", "seconds a run"], lines)


def varied(rows: Sequence[Row]) -> list[str]:
    """Return the names of what was not asked alike for all rows."""
    return [name for name in ASKED if len({row.asked.get(name) for row in rows}) > 1]


def _texts(values: Mapping[str, ParamValue], names: Iterable[str]) -> str:
    texts = {name: values[name] for name in names if name in values}
    return ", ".join(
        f"{name}={value:.2g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in texts.items()
    )


def _shown(figure: Interval, sign: str) -> str:
    value, low, high = (f"{each:{sign}.3f}" for each in (figure.value, figure.low, figure.high))
    return f"{value} ({low} to {high})"


def main(words: Sequence[str] | None = None) -> int:
    """Print the commands, or the table."""
    asked = _parse(words)
    if asked.commands:
        folder = Path(asked.commands)
        print("\n".join(commands(asked.data, asked.name, asked.more, folder)))
        return 0
    rows = [row for preset in STEPS for row in read(f"{asked.name}-{preset}", preset)]
    if not rows:
        raise SystemExit(f"the store has no finished run of {asked.name}-*; see --commands.")
    print(table(rows))
    return 0


def _parse(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--name", required=True, help="what the experiments' names begin with")
    parser.add_argument("--commands", metavar="FOLDER", help="write configurations, print commands")
    parser.add_argument("--data", default="phantom", help="as in benchmark run")
    parser.add_argument("--more", default="", help="further options of benchmark run, in quotes")
    return parser.parse_args(words)


if __name__ == "__main__":
    sys.exit(main())
