"""What came of an export: a row a format, as Markdown and as JSON beside the files."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..files import write_text
from ..serving import Card

TABLE = "export.md"
STORY = "export.json"
LARGEST_DIFFERENCE = 1e-3
"""Of a format's probability from the Keras network's; beyond it the format is marked.
chosen, not sourced: runtimes that add in another order differ by 1e-7 to 1e-5."""

_HEADINGS = (
    "format",
    "file",
    "size",
    "largest difference",
    "same class",
    "ms an image",
    "runtime",
    "note",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What came of one format.

    Attributes:
        format: its name.
        file: its file or folder in the export's folder, empty where there is none.
        size_bytes: of it all.
        largest_difference: of a probability from the Keras network's.
        same_class: the share of images with the same most probable class.
        milliseconds: of an image by itself, the median.
        runtime: what answered, with its version.
        fault: why the format cannot be had.
    """

    format: str
    file: str = ""
    size_bytes: int = 0
    largest_difference: float | None = None
    same_class: float | None = None
    milliseconds: float | None = None
    runtime: str = ""
    fault: str = ""

    @property
    def differs(self) -> bool:
        """Whether its probabilities are not the Keras network's; NaN is not."""
        found = self.largest_difference
        return found is not None and not found <= LARGEST_DIFFERENCE

    def cells(self) -> tuple[str, ...]:
        """Return what the table shows of it."""
        if self.fault:
            return (self.format, *[""] * (len(_HEADINGS) - 2), f"not made: {self.fault}")
        mark = f"**differs** by more than {LARGEST_DIFFERENCE:g}" if self.differs else ""
        return (
            self.format,
            self.file,
            f"{self.size_bytes / 2**20:.1f} MiB",
            f"{self.largest_difference:.1e}",
            f"{self.same_class:.1%}",
            f"{self.milliseconds:.1f}",
            self.runtime,
            mark,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What a folder of exports holds.

    Attributes:
        model: the model's address.
        run_id: the run it came from, empty where that is not known.
        card: what the model says of itself.
        images: on which images the formats were compared.
        threads: how many each runtime computed with.
        machine: what it computed on.
    """

    model: str
    run_id: str
    card: Card
    images: str
    threads: int
    machine: str

    def leave(self, rows: Mapping[str, Exported], folder: Path) -> None:
        """Write the table beside the files, JSON last: where that stands, it is true."""
        write_text(folder / TABLE, self.markdown(list(rows.values())))
        story = {**asdict(self), "card": asdict(self.card)}
        story["formats"] = [{**asdict(row), "differs": row.differs} for row in rows.values()]
        write_text(folder / STORY, json.dumps(story, indent=2) + "\n")

    def markdown(self, rows: Sequence[Exported]) -> str:
        """Return the table, with what whoever uses a file must know."""
        picture, classes = self.card.picture, ", ".join(self.card.classes)
        drawn = ", which a program drew (SYNTHETIC)" if self.card.synthetic else ""
        threads = f"{self.threads} thread{'s' if self.threads > 1 else ''}"
        return (
            f"# {self.model}\n\n"
            f"A network for {self.card.data}{drawn}. In: float32 pixels from 0 to 255, unscaled, "
            f"(n, {picture.side_px}, {picture.side_px}, {picture.channels}). Out: (n, "
            f"{len(self.card.classes)}) probabilities of {classes}, in this order.\n\n"
            f"Each format was asked by its own runtime, on {threads}, one image at a time, and "
            f"compared with the Keras network: {self.images}; {self.machine}.\n\n"
            f"{draw(rows)}\n"
        )


def draw(rows: Sequence[Exported]) -> str:
    """Draw the table in Markdown."""
    lines = [_HEADINGS, ["---"] * len(_HEADINGS), *(row.cells() for row in rows)]
    return "\n".join(f"| {' | '.join(each.replace('|', '/') for each in line)} |" for line in lines)


def earlier_rows(folder: Path, sha256: str) -> dict[str, Exported]:
    """Return the rows of an earlier export of the same network into a folder; none if it is empty.

    Raises:
        UsageError: the folder holds something else.
    """
    if not folder.exists() or not any(each.name[0] != "." for each in folder.iterdir()):
        return {}
    told = f"--out must be a new or an empty folder, or one of an earlier export, and {folder} "
    try:
        story: dict[str, Any] = json.loads((folder / STORY).read_text(encoding="utf-8"))
        rows = [{key: row[key] for key in Exported.__slots__} for row in story["formats"]]
        found = {row["format"]: Exported(**row) for row in rows}
        own = story["card"]["sha256"]
    except FileNotFoundError as error:
        raise UsageError(f"{told}holds other files; name another.") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{told}has a {STORY} that cannot be read; name another.") from error
    if own != sha256:
        raise UsageError(f"{told}holds another network's ({story.get('model')}); name another.")
    return found
