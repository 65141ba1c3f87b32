"""Writes the reference results of rooms anew: `python -m tests.numerics.write ROOM...`.

A room that gives other figures must have its number raised first: otherwise nothing is written.
While a number is in no release yet, delete the room's file instead.
"""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmark.numerics import NUMERICS

from .figures import FIGURES
from .reference import FOLDER, Reference, differing, read, write


def main() -> int:
    """Write the references that are asked for; return 2 where a number is to be raised first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rooms", nargs="+", choices=[*FIGURES, "all"], help="whose reference")
    asked = parser.parse_args().rooms
    codes = [renew(room) for room in (FIGURES if "all" in asked else asked)]
    return max(codes)


def renew(room: str) -> int:
    """Write a room's reference; return 2, writing nothing, where its number must be raised."""
    with tempfile.TemporaryDirectory() as folder:
        found = FIGURES[room](Path(folder))
    present = Reference(number=NUMERICS.integer(room), figures=found)
    before = read(room) if (FOLDER / f"{room}.json").exists() else None
    changed = differing(found, before.figures) if before else []
    if before and changed and before.number == present.number:
        print(
            f"the {room} room gives other figures under the same number {before.number} "
            f"({', '.join(changed)}): raise NUMERICS['{room}'] in benchmark/numerics.py first.",
            file=sys.stderr,
        )
        return 2
    write(room, present)
    print(f"{room}: number {present.number}, {len(found)} figures, {len(changed)} of them changed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
