"""The job that writes a registered model in other formats, each held to the Keras network."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ..environment import machine
from ..errors import StoreError, UsageError, did_you_mean
from ..files import lock, path_of
from ..records import Probabilities
from ..serving import DATA, FORMATS, NETWORK_FILE, missing, verify_network
from ..texts import items
from ..tracking import Located, only_champion
from .exporting_images import compared_images
from .exporting_process import THREADS, ask, write
from .exporting_table import Export, Exported, draw, earlier_rows
from .results import writable

ALL = "all"
_WORK = ".export-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporting:
    """What is asked for, under the options' own names.

    Attributes:
        model: the model's address, see `Located`; None for the only champion there is.
        to: names of formats, None for all that can be had here.
        out: the folder for them.
        images: an image or a folder of them to compare on, None for those of the model's run.
        data: where the run's data set lies, or another one; None for where it lay.
        cache: where decoded images are kept.
        unverified: whether to take a model whose files are not those that were registered.
    """

    model: str | None
    to: tuple[str, ...] | None
    out: str
    images: str | None
    data: str | None
    cache: str
    unverified: bool


def read_formats(text: str) -> tuple[str, ...] | None:
    """Read `all` as None, or names of formats.

    Raises:
        UsageError: there is no such format.
    """
    if text == ALL:
        return None
    for name in items(text):
        if name not in FORMATS:
            known = [*FORMATS, ALL]
            raise UsageError(
                f"must be {ALL} or formats, and {name!r} is none. {did_you_mean(name, known)}"
            )
    return items(text)


def export_model(wanted: Exporting, say: Callable[[str], None]) -> int:
    """Write a model in other formats, with a table of how each one answers.

    Args:
        wanted: what is asked for.
        say: told of what takes long.

    Returns:
        0; 1 where a format that was asked for was not made, or differs from the Keras network.

    Raises:
        UsageError: an option is wrong, or the folder holds something else.
        StoreError: the model cannot be had, or does not answer.
    """
    out = path_of(wanted.out).absolute()
    writable(out, "--out")
    model = Located(wanted.model or only_champion(), unverified=wanted.unverified)
    network = verify_network(model.folder / DATA, model.card)
    if network.name != NETWORK_FILE:
        raise UsageError(
            f"--model must be a model with a Keras network; {model.uri} is a light one: name "
            "the version that it was made of."
        )
    earlier_rows(out, model.card.sha256)  # refused before anything is read
    images = compared_images(model, wanted.images, wanted.data, wanted.cache)
    told = Export(
        model=model.uri,
        run_id="" if model.kept is None else model.kept.run_id,
        card=model.card,
        images=images.said,
        threads=THREADS,
        machine=machine(),
    )
    with _workplace(out) as work:
        np.save(work / "pixels.npy", images.pixels)
        folder = _Folder(out=out, told=told, rows=earlier_rows(out, model.card.sha256))
        rows = list(_rows(network, wanted.to or tuple(FORMATS), folder, work, say))
    print(draw(rows))
    failed = [
        row.format
        for row in rows
        if row.differs or (row.fault and (wanted.to or not missing(row.format)))
    ]
    print(f"{out} holds {', '.join(folder.held) or 'nothing'}; {_verdict(failed)}")
    return 1 if failed else 0


def _verdict(failed: list[str]) -> str:
    if failed:
        return f"not made, or not to be used, as the table says: {', '.join(failed)}"
    return "all that were made answer as the Keras network does"


@contextmanager
def _workplace(out: Path) -> Iterator[Path]:
    """Make a folder to work in, within the one for the files, which is this export's alone.

    Raises:
        UsageError: another export is writing there.
    """
    out.mkdir(parents=True, exist_ok=True)
    try:
        held = lock(out, wait=False)
    except BlockingIOError as error:
        raise UsageError(f"another export is writing to {out}: wait for its end.") from error
    with held:
        for left in out.glob(f"{_WORK}*"):  # by one that was killed
            shutil.rmtree(left)
        with tempfile.TemporaryDirectory(prefix=_WORK, dir=out) as work:
            yield Path(work)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Folder:
    """The folder for the files; its table says at any time what it holds, and no more."""

    out: Path
    told: Export
    rows: dict[str, Exported] = field(default_factory=dict)

    @property
    def held(self) -> tuple[str, ...]:
        """Names of the formats that it holds."""
        return tuple(name for name, row in self.rows.items() if row.file)

    def take(self, row: Exported, work: Path) -> None:
        """Move a format that is whole here from where it was made; a fault loses no earlier one."""
        if row.fault:
            if row.format not in self.held:
                self._leave({row.format: row})
            return
        target = self.out / row.file
        self.rows.pop(row.format, None)
        self._leave({})
        if target.is_dir():
            target.rename(work / f"earlier-{row.file}")
        (work / row.file).replace(target)
        self._leave({row.format: row})

    def _leave(self, more: Mapping[str, Exported]) -> None:
        self.rows.update(more)
        self.told.leave({name: self.rows[name] for name in FORMATS if name in self.rows}, self.out)


def _rows(
    network: Path, names: tuple[str, ...], folder: _Folder, work: Path, say: Callable[[str], None]
) -> Iterator[Exported]:
    """Write formats and ask each; yield what came of them, its file in place by then."""
    able = [name for name in names if not missing(name)]
    say("asks the Keras network")
    expected = ask("keras", network, work)
    if expected.fault:
        raise StoreError(f"the model {folder.told.model!r} does not answer: {expected.fault}.")
    say(f"writes {', '.join(able)}")
    faults = write(network, able, work)
    for name in names:
        lacks = ", ".join(missing(name))
        if lacks:
            row = Exported(format=name, fault=f"{lacks} must be installed: pip install '.[export]'")
        elif faults[name]:
            row = Exported(format=name, fault=faults[name])
        else:
            say(f"asks {name}")
            row = _compared(name, expected.probabilities, work)
        folder.take(row, work)
        yield row


def _compared(name: str, expected: Probabilities, work: Path) -> Exported:
    """Ask a format that was written, and hold its answers to the Keras network's."""
    file = FORMATS[name].file
    found = ask(name, work / file, work)
    if found.fault:
        return Exported(format=name, fault=f"it is written, but does not answer: {found.fault}")
    own = found.probabilities
    if own.shape != expected.shape:
        return Exported(format=name, fault=f"it gives {own.shape} figures, not {expected.shape}")
    return Exported(
        format=name,
        file=file,
        size_bytes=_size(work / file),
        largest_difference=float(np.abs(own - expected).max()),
        same_class=float((own.argmax(axis=1) == expected.argmax(axis=1)).mean()),
        milliseconds=found.milliseconds,
        runtime=found.runtime,
    )


def _size(path: Path) -> int:
    return sum(each.stat().st_size for each in [path, *path.rglob("*")] if each.is_file())
