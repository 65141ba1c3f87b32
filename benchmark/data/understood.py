"""What a data set was taken for, in a few lines that every command shows before its work."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..records import Index, Part
from ..texts import printable
from .facts import Facts

_CLASSES_SHOWN = 5  # with the other lines at most about a dozen, however large the set
_EACH_SHOWN = 3


def understood_lines(index: Index, facts: Facts | None = None) -> tuple[str, ...]:
    """Return what a data set was taken for: about a dozen lines at most.

    Args:
        index: the data set.
        facts: of its decoded images, which tell formats and value range; None before decoding.
    """
    said = understood_json(index, facts)
    lists: dict[str, Sequence[str]] = {
        "taken as one": said["merged"],
        "sub-folders": said["subfolders"],
        "columns not used": said["ignored_columns"],
        "left aside": said["ignored_files"],
        "links": said["links"],
    }
    patients = f"patients: {said['patients']}" if said["patients"] else "patients: unknown"
    lines = (
        f"{index.name}: {len(index)} images, {len(index.classes)} classes",
        *(f"  {line}" for line in _class_lines(said["classes"])),
        f"  parts: {said['parts_from'] or 'none'}; {patients}; modality: {index.modality}",
        *(f"  {what}: {_few(each)}" for what, each in lists.items() if each),
        *([f"  distinct files: {said['stored_as']}; {said['values']}"] if facts else []),
    )
    return tuple(printable(line) for line in lines)


def understood_json(index: Index, facts: Facts | None = None) -> dict[str, Any]:
    """Return what a data set was taken for as plain JSON values; see `understood_lines`."""
    own = index.understood
    return {
        "name": index.name,
        "images": len(index),
        "classes": _counts(index),
        "parts_from": own.parts_from or ("the data set's own" if any(index.parts) else ""),
        "patients": len(set(index.patients) - {None}),
        "modality": index.modality,
        "merged": list(own.merged),
        "subfolders": list(own.subfolders),
        "ignored_columns": list(own.ignored_columns),
        "ignored_files": list(own.ignored_files),
        "links": list(own.links),
        "stored_as": _stored_as(facts) if facts else "",
        "values": _values(facts) if facts else "",
    }


def _counts(index: Index) -> dict[str, dict[str, int]]:
    """Count each class's images by part; `all` is their sum."""
    counts = Counter(zip(index.labels.tolist(), index.parts, strict=True))
    present = set(index.parts)
    parts = [part for part in Part if part in present]
    found = {}
    for label, name in enumerate(index.classes):
        own = {part.value: counts[label, part] for part in parts}
        found[name] = {**own, "all": sum(own.values()) + counts[label, None]}
    return found


def _class_lines(classes: dict[str, dict[str, int]]) -> Iterator[str]:
    """Yield a line a class, and one for those that are too many to be shown."""
    names = list(classes)
    shown = names if len(names) <= _CLASSES_SHOWN + 1 else names[:_CLASSES_SHOWN]
    for name in shown:
        by_part = ", ".join(f"{part} {n}" for part, n in classes[name].items() if part != "all")
        yield f"{name}: {classes[name]['all']}" + (f" ({by_part})" if by_part else "")
    rest = names[len(shown) :]
    if rest:
        yield f"and {len(rest)} more classes: {sum(classes[name]['all'] for name in rest)}"


def _few(said: Sequence[str]) -> str:
    more = [f"and {len(said) - _EACH_SHOWN} more"] if len(said) > _EACH_SHOWN else []
    return "; ".join([*said[:_EACH_SHOWN], *more])


def _stored_as(facts: Facts) -> str:
    """Name the formats and pixel types that files have, the most frequent first."""
    pairs = zip(facts["format"].tolist(), facts["mode"].tolist(), strict=True)
    kinds = Counter(f"{form} {mode}" for form, mode in pairs)
    return _few([f"{kind} ({count})" for kind, count in kinds.most_common()])


def _values(facts: Facts) -> str:
    """Say how large images are, and from where to where their grey levels reach."""
    width, height = facts["width"], facts["height"]
    sizes = f"{width.min()} × {height.min()}"
    if width.min() < width.max() or height.min() < height.max():
        sizes += f" to {width.max()} × {height.max()}"
    low, high = np.median(facts["p01"]), np.median(facts["p99"])
    return f"{sizes} px; grey levels {low:.0f} to {high:.0f} of 0 to 255 (1st, 99th percentile)"
