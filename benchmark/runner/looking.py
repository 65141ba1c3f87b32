"""The jobs about the images themselves: fetch them, audit them, look at them."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from ..cache import Cache
from ..data import (
    DATA_SETS,
    PAGE,
    Audit,
    Decoded,
    ReadOptions,
    Severity,
    audit,
    audit_table,
    check_window,
    decode,
    explore,
    fetch,
    read_index,
    read_policy,
)
from ..records import Picture, digest
from .console import wide_console
from .plan import CHANNELS
from .prepare import USUAL_SIDE_PX, Prepared, left_out_notes
from .progress import Display, StageOf, show


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Which images are looked at, and how they are read; the main job's options of these names."""

    data: str
    side: int | None
    channels: str
    fit: str
    window: str
    patient_pattern: str | None
    max_unreadable: float
    cache: str
    cache_limit: float


def look_at(prepared: Prepared, folder: Path, display: Display) -> None:
    """Audit and draw a benchmark's images as published, and say what of it is grave."""
    progress = StageOf(display, "audit")
    display.begin("audit")
    found = audit(
        prepared.index, prepared.facts, prepared.pixels, cache=prepared.cache, progress=progress
    )
    folder.mkdir(parents=True, exist_ok=True)
    found.write(folder / "audit.json")
    shutil.copyfile(_page(prepared, found), folder / PAGE)
    grave = tuple(each for each in found.findings if each.severity is not Severity.INFO)
    if grave:
        display.show(audit_table(replace(found, findings=grave)))


def _page(prepared: Prepared, found: Audit) -> Path:
    """Draw the page about the images, once for the same images and policy."""
    policy = read_policy(prepared.request.augmentation)
    decoded = Decoded(index=prepared.index, pixels=prepared.pixels, facts=prepared.facts)
    seed, split = prepared.request.seed[0], prepared.splits[0]
    names = [prepared.index.digest, prepared.pixels.digest, split.digest, policy.text, seed]

    def build(folder: Path) -> None:
        explore(decoded, policy, folder, split=split, audit=found, seed=seed)

    return prepared.cache.entry("explore", digest(names), build) / PAGE


def audit_data(look: Look, json: str, *, quiet: bool) -> int:
    """Show what makes scores on a data set wrong, and write it as JSON where that is asked for."""
    console = wide_console()
    with show(console, quiet=quiet) as display:
        cache = _cache(look)
        decoded = _decoded(look, cache, display)
        display.begin("audit")
        found = audit(
            decoded.index,
            decoded.facts,
            decoded.pixels,
            cache=cache,
            progress=StageOf(display, "audit"),
        )
    console.print(audit_table(found))
    for note in (*decoded.index.notes, *left_out_notes(decoded.index.left_out)):
        console.print(note, highlight=False, markup=False, soft_wrap=True)
    if json != "none":
        found.write(Path(json))
        console.print(f"written to {json}", highlight=False, markup=False, soft_wrap=True)
    return 0


def explore_data(look: Look, augmentation: str, output: str, *, quiet: bool) -> int:
    """Draw what a data set looks like: figures, and one page that holds them all."""
    console = wide_console()
    policy = read_policy(augmentation)
    with show(console, quiet=quiet) as display:
        cache = _cache(look)
        decoded = _decoded(look, cache, display)
        found = audit(decoded.index, decoded.facts, decoded.pixels, cache=cache)
        display.begin("explore")
        page = explore(
            decoded,
            policy,
            Path(output) / "explore" / decoded.index.name,
            audit=found,
            progress=StageOf(display, "explore"),
        )
    console.print(f"Open {page}", highlight=False, markup=False, soft_wrap=True)
    return 0


def fetch_data(names: list[str], cache: str, *, quiet: bool) -> int:
    """Bring published data sets to where `--data NAME` finds them."""
    console = wide_console()
    for name in names:
        with show(console, quiet=quiet) as display:
            display.begin(name)
            fetched = fetch(name, Path(cache) / "fetched", StageOf(display, name))
        lines = [
            f"{name}: {'fetched' if fetched.is_new else 'is there already'}: {fetched.folder}",
            f"  source:  {fetched.source}",
            f"  licence: {fetched.licence}",
            *(f"  {part}: {count}" for part, count in fetched.counts.items()),
            *(f"  {note}" for note in fetched.notes),
            f"  use it:  python -m benchmark run --data {name}",
        ]
        for line in lines:
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    return 0


def _cache(look: Look) -> Cache:
    return Cache(Path(look.cache), int(look.cache_limit * 2**30) or None)


def _decoded(look: Look, cache: Cache, display: Display) -> Decoded:
    check_window(look.window)
    options = ReadOptions(patient_pattern=look.patient_pattern, needs_parts=False)
    index = read_index(look.data, options, cache)
    known = index.name in DATA_SETS
    own_side = DATA_SETS[index.name].side_px if known else USUAL_SIDE_PX
    picture = Picture(
        side_px=look.side or own_side,
        channels=CHANNELS[look.channels],
        fit=look.fit,
        window=look.window,
    )
    display.begin("images")
    progress = StageOf(display, "images")
    return decode(index, picture, cache, progress, max_unreadable=look.max_unreadable / 100)
