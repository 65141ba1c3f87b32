"""How large the house is: lines, modules, floors, long functions, modules that a run enters.

    python -m tests.performance.house              # this checkout
    python -m tests.performance.house --tree DIR   # another one, such as the commit before
    python -m tests.performance.house --trace      # with the modules that `run --arch cnn` enters

A floor is a step of the longest chain of imports inside a room. A module is entered if a function
of it is called, in the main process or in a worker.
"""

import argparse
import ast
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

_LONG = 25  # lines of a function, its signature and docstring among them
_TRACER = """
import os, sys, threading
_seen, _root = set(), os.environ["HOUSE_TREE"]
def _called(frame, event, argument):
    code = frame.f_code
    is_function = code.co_flags & 1  # optimised: neither a module nor the body of a class
    if event == "call" and is_function and code.co_filename not in _seen:
        _seen.add(code.co_filename)
        if code.co_filename.startswith(_root):
            with open(os.environ["HOUSE_OUT"], "a") as file:
                file.write(code.co_filename + chr(10))
sys.setprofile(_called)
threading.setprofile(_called)
"""


def modules(room: Path) -> dict[str, ast.Module]:
    """Return the syntax of every module below a folder, by its path without the ending."""
    return {
        path.relative_to(room).with_suffix("").as_posix(): ast.parse(path.read_text())
        for path in sorted(room.rglob("*.py"))
    }


def repeated_names(package: Path) -> dict[str, list[str]]:
    """Return public classes and modules whose name occurs more than once, with their modules."""
    found: dict[str, list[str]] = {}
    for name, tree in modules(package).items():
        stem = name.rpartition("/")[2]
        if stem not in ("__init__", "__main__"):
            found.setdefault(stem, []).append(name)
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found.setdefault(node.name, []).append(name)
    return {name: places for name, places in found.items() if len(places) > 1}


def floors(room: Path) -> int:
    """Return the length of the longest chain of imports inside a room, its front door left out."""
    trees = modules(room)

    @cache
    def depth(name: str) -> int:
        return 1 + max((depth(each) for each in set(_inside(name, trees))), default=0)

    return max(depth(name) for name in trees if not name.endswith("__init__"))


def _inside(name: str, trees: dict[str, ast.Module]) -> Iterator[str]:
    """Yield the modules of the same room that a module imports."""
    folder = name.split("/")[:-1]
    for node in ast.walk(trees[name]):
        if not isinstance(node, ast.ImportFrom) or not node.level:
            continue
        up = folder[: len(folder) - node.level + 1]
        if node.level > len(folder) + 1:
            continue
        base = [*up, *(node.module or "").split(".")] if node.module else up
        for target in ("/".join(base), *("/".join([*base, each.name]) for each in node.names)):
            if target in trees and target != name and not target.endswith("__init__"):
                yield target


def long_functions(package: Path) -> int:
    """Return how many functions are longer than 25 lines."""
    return sum(
        (node.end_lineno or 0) - node.lineno + 1 > _LONG
        for tree in modules(package).values()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
    )


def entered(tree: Path) -> int:
    """Run `run --arch cnn` on phantom, and return how many modules it entered."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "sitecustomize.py").write_text(_TRACER)
        out = Path(folder, "entered")
        place = {
            **os.environ,
            "PYTHONPATH": f"{folder}{os.pathsep}{tree}",
            "HOUSE_TREE": str(tree / "benchmark"),
            "HOUSE_OUT": str(out),
            "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
        }
        words = ["run", "--arch", "cnn", "--epochs", "1", "--rank-on", "val"]
        command = [sys.executable, "-m", "benchmark", *words, "--cache", f"{folder}/cache"]
        subprocess.run(command, cwd=folder, env=place, check=True, capture_output=True)
        return len(set(out.read_text().split()))


def main() -> None:
    """Print the figures of a tree."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tree", type=Path, default=Path(__file__).parents[2])
    parser.add_argument("--trace", action="store_true")
    asked = parser.parse_args()
    tree = asked.tree.resolve()
    package = tree / "benchmark"
    paths = list(package.rglob("*.py"))
    lines = Counter({path: len(path.read_text().splitlines()) for path in paths})
    print(f"benchmark/: {len(paths)} modules, {lines.total():,} lines")
    tests = [len(path.read_text().splitlines()) for path in (tree / "tests").rglob("*.py")]
    print(f"tests/: {len(tests)} modules, {sum(tests):,} lines")
    rooms = [path for path in sorted(package.iterdir()) if (path / "__init__.py").is_file()]
    for room in rooms:
        own = [path for path in paths if room in path.parents]
        counted = f"{len(own)} modules, {sum(lines[path] for path in own):,} lines"
        print(f"  {room.name}: {counted}, {floors(room)} floors")
    print(f"functions over {_LONG} lines: {long_functions(package)}")
    print(f"names that occur more than once: {len(repeated_names(package))}")
    if asked.trace:
        print(f"modules entered by run --arch cnn: {entered(tree)}")


if __name__ == "__main__":
    main()
