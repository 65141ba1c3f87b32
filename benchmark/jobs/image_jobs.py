"""The jobs about the images themselves: fetch them, audit them, look at them."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..cache import Cache
from ..data import (
    DATA_SETS,
    PAGE,
    Audit,
    Decoded,
    Finding,
    NearPair,
    OnLeak,
    Severity,
    audit,
    audit_table,
    check_manifest,
    decode,
    explore,
    feature_suspects,
    fetch,
    make_splits,
    near_copies,
    shown_names,
    understood_json,
    understood_lines,
    without_names,
    write_manifest,
    write_split,
)
from ..errors import DataError
from ..files import whole_file, write_text
from ..plan import (
    Prepared,
    left_out_notes,
    read_images,
    split_options,
)
from ..records import Progress, Split, digest
from ..request import Request
from ..training import pretrained_features
from .progress import Display, StageOf, show, wide_console
from .results import writable, writable_file

if TYPE_CHECKING:
    from rich.console import Console

_ACROSS = ("exact-duplicate", "near-duplicate", "near-conflicting-label", "patient-overlap")
_OF_A_PART = ("missing-class", "class-imbalance", "few-patients", "part-size", "part-shift")


def audit_parts(
    decoded: Decoded,
    split: Split | None,
    cache: Cache,
    progress: Progress,
    near: Sequence[NearPair] = (),
) -> Audit:
    """Audit images by a split, or by their published parts where there is none.

    What the division into parts makes is said to be of the split, where that is not the published
    one. Where the cache has a pretrained network's features of the images, what they suspect is
    added: it changes no split.

    Args:
        decoded: the images.
        split: the split in use, None where there is none.
        cache: where an audit of the same content, and features, are found again.
        progress: told of the stages.
        near: pairs of rows that show nearly the same, as `near_copies` found them.
    """
    found = audit(
        decoded.index, decoded.facts, decoded.pixels, split, cache=cache, progress=progress
    )
    features = pretrained_features(cache, decoded.pixels)
    if features is not None:
        suspects = feature_suspects(decoded, split, features, near)
        found = replace(found, findings=(*found.findings, *suspects))
    if split is None or split.scheme == "official":
        return found
    fold = "" if split.fold is None else f", fold {split.fold}"
    findings = [
        replace(finding, summary=f"In the split {split.scheme}{fold}: {finding.summary}")
        if _is_of_split(finding)
        else finding
        for finding in found.findings
    ]
    return replace(found, findings=tuple(findings))


def _is_of_split(finding: Finding) -> bool:
    """Whether the division into parts makes a finding, not the images as such."""
    if finding.kind.value in _ACROSS:
        return finding.is_across_parts and not finding.handled
    return finding.kind.value in _OF_A_PART


def leave_split(prepared: Prepared, folder: Path) -> str:
    """Write a benchmark's split among its results; return its text as it is logged."""
    index = prepared.index
    logged = replace(index, paths=shown_names(index))
    with whole_file(folder / "split.csv") as part:
        write_split(prepared.splits, logged, part)
        text = part.read_text(encoding="utf-8", errors="replace")
        if logged.paths != index.paths:
            write_split(prepared.splits, index, part)
    return text


def audit_images(prepared: Prepared, folder: Path, display: Display) -> tuple[Audit, str]:
    """Audit a benchmark's images, and say what is grave; return it, and as it is logged.

    The parts as published are judged, and the split in use where it is another.
    """
    display.begin("audit")
    found = audit_parts(
        _decoded_of(prepared),
        prepared.splits[0],
        prepared.cache,
        StageOf(display, "audit"),
        prepared.near,
    )
    display.over("audit")
    write_text(folder / "audit.json", found.text)
    grave = tuple(each for each in found.findings if each.severity is not Severity.INFO)
    if grave:
        display.show(audit_table(replace(found, findings=grave)))
        display.note(f"{len(found.findings) - len(grave)} further notes: {folder / 'audit.json'}")
    return found, without_names(found, prepared.index).text


def leave_page(prepared: Prepared, found: Audit, folder: Path) -> str:
    """Draw the page about a benchmark's images among its results; return it as HTML.

    It shows the images, and no file's name: that is in the results' `audit.json`.
    """
    nameless = without_names(found, prepared.index)
    page = _page(prepared, _decoded_of(prepared), nameless).read_text(encoding="utf-8")
    write_text(folder / PAGE, page)
    return page


def _decoded_of(prepared: Prepared) -> Decoded:
    return Decoded(index=prepared.index, pixels=prepared.pixels, facts=prepared.facts)


def _page(prepared: Prepared, decoded: Decoded, found: Audit) -> Path:
    """Draw the page about the images, once for the same images, policy and findings."""
    policy = prepared.request.augmentation
    seed, split = prepared.request.seed[0], prepared.splits[0]
    names = [prepared.index.digest, prepared.pixels.digest, split.digest, policy.text, seed]
    names.append(digest(found.to_json()))

    def build(folder: Path) -> None:
        explore(decoded, policy, folder, split=split, audit=found, seed=seed)

    return prepared.cache.entry("explore", digest(names), build) / PAGE


def audit_data(request: Request, json: str | None, manifest: str | None, *, quiet: bool) -> int:
    """Show what makes scores on a data set wrong.

    Args:
        request: the data set, and how it is divided.
        json: a file for the findings, None for none.
        manifest: a file for a table of the images, as they were understood; None for none.
        quiet: whether the work is not shown.
    """
    console = wide_console()
    if manifest:
        check_manifest(Path(manifest))
    for each in filter(None, (json, manifest)):
        writable_file(Path(each))
    with show(console, quiet=quiet) as display:
        cache = Cache(Path(request.cache), request.cache_bytes)
        decoded = _decoded(request, cache, display)
        if manifest:
            write_manifest(decoded.index, Path(manifest))
        display.begin("audit")
        near = near_copies(decoded.index, decoded.facts, decoded.pixels, cache)
        split = _split(request, decoded, near, display)
        found = audit_parts(decoded, split, cache, StageOf(display, "audit"), near)
    _say(console, understood_lines(decoded.index, decoded.facts))
    console.print(audit_table(found))
    _say(console, (*decoded.index.notes, *left_out_notes(decoded.index.left_out)))
    if json:
        write_text(Path(json), _as_json(found, decoded))
        _say(console, (f"written to {json}",))
    if manifest:
        _say(console, (f"written to {manifest}; mend it by hand, and give it with --data",))
    return 0


def _as_json(found: Audit, decoded: Decoded) -> str:
    """Return an audit with what the data set was taken for, as the text of a JSON file."""
    values = found.to_json() | {"understood": understood_json(decoded.index, decoded.facts)}
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def _say(console: "Console", lines: Iterable[str]) -> None:
    """Print lines as they are, however long."""
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def explore_data(request: Request, *, quiet: bool) -> int:
    """Draw what a data set looks like: figures, and one page that holds them all."""
    console = wide_console()
    policy = request.augmentation
    writable(request.output_folder)
    with show(console, quiet=quiet) as display:
        cache = Cache(Path(request.cache), request.cache_bytes)
        decoded = _decoded(request, cache, display)
        near = near_copies(decoded.index, decoded.facts, decoded.pixels, cache)
        split = _split(request, decoded, near, display)
        found = audit_parts(decoded, split, cache, StageOf(display, "audit"), near)
        display.begin("explore")
        page = explore(
            decoded,
            policy,
            request.output_folder / "explore" / decoded.index.name,
            split=split,
            audit=found,
            progress=StageOf(display, "explore"),
        )
    _say(console, (*understood_lines(decoded.index, decoded.facts), f"Open {page}"))
    return 0


def fetch_data(names: list[str], cache: str, *, quiet: bool) -> int:
    """Bring published data sets to where `--data NAME` finds them."""
    console = wide_console()
    for name in names:
        DATA_SETS[name]  # a name that is wrong is told before any other is fetched
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
        _say(console, lines)
    return 0


def _decoded(request: Request, cache: Cache, display: Display) -> Decoded:
    index, picture = read_images(request, cache)
    display.begin("images")
    progress = StageOf(display, "images")
    return decode(index, picture, cache, progress, max_unreadable=request.max_unreadable / 100)


def _split(
    request: Request, decoded: Decoded, near: Sequence[NearPair], display: Display
) -> Split | None:
    """Return the first split that a benchmark would use; None where none is asked for or possible.

    Raises:
        DataError: the one that is asked for is not possible.
    """
    options = split_options(request)
    try:
        return make_splits(decoded.index, decoded.facts, options, near=near)[0]
    except DataError as error:
        if request.split.scheme != "auto" or options.on_leak is OnLeak.FAIL:
            raise
        display.note(f"The images are looked at without a split: {error}")
        return None


def show_cache(folder: str, *, clear: bool) -> int:
    """Show what the cache holds by kind, or clear it."""
    cache = Cache(Path(folder))
    if clear:
        print(f"{_size(cache.clear())} freed in {folder}")
        return 0
    usage = cache.usage()
    for each in usage:
        print(f"{each.kind:<14}{each.entries:>6} entries {_size(each.bytes):>12}")
    print(
        f"{'in all':<14}{sum(each.entries for each in usage):>6} entries "
        f"{_size(sum(each.bytes for each in usage)):>12}  {folder}"
    )
    return 0


def _size(count: float) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
