"""What a person sees while a benchmark runs: a live display, plain lines, or nothing."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from ..board import differences
from ..records import Epoch, Record, Spec, State
from ..search import TrialRecord
from ..worker import Advance, Event, Ready, Stage, Tried

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

_WIDTH = 160  # columns of the board where no terminal says how wide it is


def wide_console() -> Console:
    """Return a console: as wide as the terminal, or wide enough for a board where there is none."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=_WIDTH)


class Display:
    """Shows how far a benchmark is: by itself nothing but failures, which nobody should miss."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def note(self, text: str) -> None:
        """Say something that stays."""

    def show(self, table: object) -> None:
        """Show a table that stays."""

    def plan(self, total: int) -> None:
        """Say how many runs there will be."""

    def begin(self, name: str) -> None:
        """Say that a run begins."""

    def event(self, name: str, event: Event) -> None:
        """Show what the worker of a run says."""

    def over(self, name: str) -> None:
        """Say that work of the main process, begun under this name, is done."""

    def end(self, record: Record, name: str = "") -> None:
        """Say how a run ended."""
        if record.state is not State.FINISHED:
            self._console.print(outcome_line(record, name), style="red", highlight=False)


class Lines(Display):
    """Shows a line for each note and each run's end: for logs and pipes."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._total = self._ended = 0

    def note(self, text: str) -> None:
        """Print the note."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def show(self, table: object) -> None:
        """Print the table."""
        self._console.print(table)

    def plan(self, total: int) -> None:
        """Remember the number of runs."""
        self._total = total

    def begin(self, name: str) -> None:
        """Print that a run begins."""
        self.note(f"{name}: begins")

    def end(self, record: Record, name: str = "") -> None:
        """Print how a run ended."""
        self._ended += 1
        self.note(f"[{self._ended}/{self._total}] {outcome_line(record, name)}")


class Live(Lines):
    """Shows moving bars: the whole, and each run under way with its stage, rate and time left."""

    def __init__(self, console: Console) -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        super().__init__(console)
        self._bars = Progress(
            TextColumn("{task.description:<22}"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn("{task.fields[detail]:<34}"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._whole: TaskID | None = None
        self._rows: dict[str, _Row] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def plan(self, total: int) -> None:
        """Show the bar of the whole."""
        super().plan(total)
        self._whole = self._bars.add_task("benchmark", total=total, detail="")

    def begin(self, name: str) -> None:
        """Show a bar for a run."""
        with self._lock:
            bar = self._bars.add_task(name, total=None, detail="waits for its worker")
            self._rows[name] = _Row(bar)

    def event(self, name: str, event: Event) -> None:
        """Move a run's bar."""
        with self._lock:
            row = self._rows.get(name)
            if row is not None:
                row.take(event)
                self._bars.update(row.bar, completed=row.done, total=row.total, detail=row.detail())

    def shown(self) -> dict[str, tuple[int, int | None, str]]:
        """Return what each bar shows, by name: units done, units in all, and its words."""
        with self._lock:
            return {name: (row.done, row.total, row.detail()) for name, row in self._rows.items()}

    def over(self, name: str) -> None:
        """Take a bar away."""
        with self._lock:
            row = self._rows.pop(name, None)
            if row is not None:
                self._bars.remove_task(row.bar)

    def end(self, record: Record, name: str = "") -> None:
        """Take a run's bar away and print how it ended."""
        self.over(name or name_of(record.spec))
        with self._lock:
            if self._whole is not None:
                self._bars.advance(self._whole)
        super().end(record, name)


class _Row:
    """A run's bar: its stage, how far it is, and how quick."""

    def __init__(self, bar: TaskID) -> None:
        self.bar = bar
        self.total: int | None = None
        self.done = 0
        self._tried = self._before = 0
        self._stage, self._unit, self._last = "", "", ""
        self._began = time.monotonic()

    def take(self, event: Event) -> None:
        match event:
            case Ready():
                self._stage = "begins"
            case Stage(name=name, total=total, unit=unit):
                # A search goes on where it was when the features of another side are there.
                self.done = self._before = self._tried if name == "search" else 0
                self._stage, self.total, self._unit = name, total, unit
                self._last = ""
                self._began = time.monotonic()
            case Advance(count=count):
                self.done += count
            case Tried():
                self._tried += 1
                self.done += 1
            case Epoch(number=number, stage=stage, metrics=metrics):
                self._last, self.done = _epoch_text(number, stage, dict(metrics)), number + 1

    def detail(self) -> str:
        seconds = time.monotonic() - self._began
        if self._last:
            return self._last
        done = self.done - self._before
        if done and seconds > 0.5 and self._unit:
            return f"{self._stage}: {done / seconds:,.0f} {self._unit}/s"
        return self._stage


def _epoch_text(number: int, stage: str, metrics: dict[str, float]) -> str:
    shown = [
        f"{name} {metrics[name]:.3f}" for name in ("val_loss", "val_macro_f1") if name in metrics
    ]
    return f"{stage} epoch {number + 1}: {', '.join(shown)}"


def name_of(spec: Spec) -> str:
    """Name a run for people: the architecture, with seed and fold where they are not the first."""
    return spec_name(spec.arch, spec.seed, spec.fold, spec.labels)


def names_of(specs: Iterable[Spec]) -> dict[str, str]:
    """Return the names of specs for people, by digest; those alike say what tells them apart."""
    alike: dict[str, list[Spec]] = {}
    for spec in specs:
        alike.setdefault(name_of(spec), []).append(spec)
    found: dict[str, str] = {}
    for name, group in alike.items():
        for spec, said in zip(group, differences(group), strict=True):
            found[spec.digest] = f"{name} ({said})" if said else name
    return found


def spec_name(arch: str, seed: int, fold: int | None, labels: str = "true") -> str:
    """Return the name of a spec for people."""
    told = [f"seed {seed}"] * bool(seed) + [f"fold {fold}"] * (fold is not None)
    return " ".join((arch, *told, *[f"{labels} labels"] * (labels != "true")))


def outcome_line(record: Record, name: str = "") -> str:
    """Say in a line how a run ended."""
    name = name or name_of(record.spec)
    if record.state is not State.FINISHED:
        return f"{name}: {record.state}: {record.reason}"
    val, test = record.scores.get("val_macro_f1"), record.scores.get("test_macro_f1")
    if val is None or test is None:
        return f"{name}: finished"
    return (
        f"{name}: validation macro-F1 {val:.3f}, test {test:.3f}, "
        f"{record.seconds.total:.1f} s ({record.seconds.wall:.1f} s just now)"
    )


@contextmanager
def show(console: Console, *, quiet: bool) -> Iterator[Display]:
    """Return the display that fits: none, plain lines where nobody watches, live bars otherwise."""
    if quiet:
        yield Display(console)
    elif not console.is_terminal:
        yield Lines(console)
    else:
        with Live(console) as live:
            yield live


class StageOf:
    """A `Progress` that shows work of the main process as a run of its own."""

    def __init__(self, display: Display, name: str) -> None:
        self._display, self._name = display, name

    def stage(self, name: str, total: int | None = None, unit: str = "") -> None:
        """Begin a stage."""
        self._display.event(self._name, Stage(name=name, total=total, unit=unit))

    def advance(self, count: int = 1) -> None:
        """Count units done."""
        self._display.event(self._name, Advance(count=count))

    def trial(self, trial: TrialRecord) -> None:
        """Report a finished trial."""
        self._display.event(self._name, Tried(trial=trial))

    def epoch(self, epoch: Epoch) -> None:
        """Report a finished epoch."""
        self._display.event(self._name, epoch)
