"""docs/architecture.md draws the rooms as they are: every module is named once."""

import re
from pathlib import Path

from tests.performance.house import repeated_names

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "benchmark"
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def drawn() -> dict[str, list[str]]:
    """Return the modules that the page lists, by room; those of no room under nothing."""
    rooms = re.split(r"^### ", PAGE, flags=re.MULTILINE)[1:]
    return {
        room.splitlines()[0].partition("/")[0].strip("` "): re.findall(
            r"^- `([\w/]+)`", room, flags=re.MULTILINE
        )
        for room in rooms
    }


def built() -> dict[str, list[str]]:
    """Return the modules that there are, by room."""
    found: dict[str, list[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        if path.name in ("__init__.py", "__main__.py"):
            continue
        *room, name = path.relative_to(PACKAGE).with_suffix("").parts
        first, *inner = [*room, name] if room else ["no room", name]
        found.setdefault(first, []).append("/".join(inner))
    return {room: sorted(names) for room, names in found.items()}


def test_the_page_draws_every_module_once() -> None:
    assert {room: sorted(names) for room, names in drawn().items()} == built()


def test_a_name_of_a_class_or_a_module_occurs_once() -> None:
    assert repeated_names(PACKAGE) == {}
