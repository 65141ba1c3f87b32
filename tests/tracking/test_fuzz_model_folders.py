"""Model folders harmed at random: refused by their seal before anything is loaded, or one line.

By hand, longer: FOLDERS=20000 python -m pytest tests/tracking/test_fuzz_model_folders.py
"""

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.errors import BenchmarkError
from benchmark.tracking import Pulled, open_store
from benchmark.tracking.pulling import kept_version

from .kept import EVIL, PLANTED, Registered, forget

COUNT = int(os.environ.get("FOLDERS", "150"))
LOADED_EVERY = 6  # so many are refused by their seal for one that is loaded as a plain folder

pytestmark = pytest.mark.slow  # MLflow is imported


def harm(folder: Path, draw: random.Random) -> str:
    """Change one thing in a model's folder; return what, for a failure's message."""
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "card.md")
    path = draw.choice(files)
    how = draw.choice(sorted(HARMS))
    HARMS[how](path, draw)
    return f"{how} {path.relative_to(folder)}"


def flip(path: Path, draw: random.Random) -> None:
    content = bytearray(path.read_bytes() or b"\0")
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(content)


def cut(path: Path, draw: random.Random) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: draw.randrange(len(content))] if content else b"x")


def lengthen(path: Path, draw: random.Random) -> None:
    path.write_bytes(path.read_bytes() + draw.randbytes(draw.choice((1, 40))))


def replace_line(path: Path, draw: random.Random) -> None:
    lines = path.read_bytes().split(b"\n")
    lines[draw.randrange(len(lines))] = draw.choice((b"", b"- [", b"a: *a", b"{}", b"\xff\xfe"))
    path.write_bytes(b"\n".join(lines) + b"\n")


def remove(path: Path, _: random.Random) -> None:
    path.unlink()


def rename(path: Path, draw: random.Random) -> None:
    path.rename(path.with_name(draw.choice(("other", "é" * 40, ".hidden", "b'\\xff"))))


def link(path: Path, _: random.Random) -> None:
    real = path.parent / "real"
    path.rename(real)
    path.symlink_to(real)


def lead_out(path: Path, draw: random.Random) -> None:
    path.unlink()
    path.symlink_to(draw.choice(("/etc/passwd", "/dev/zero", "..", path.name)))


def pipe(path: Path, _: random.Random) -> None:
    path.unlink()
    os.mkfifo(path)


def become_folder(path: Path, _: random.Random) -> None:
    path.unlink()
    path.mkdir()
    (path / "inside").touch()


def sparse(path: Path, _: random.Random) -> None:
    os.truncate(path, 2**40)


def plant_module(path: Path, draw: random.Random) -> None:
    name = draw.choice(("planted.py", "json.py", "numpy.py", "__init__.py", "sitecustomize.py"))
    (path.parent / name).write_text(PLANTED)


def plant_pickle(path: Path, draw: random.Random) -> None:
    (path.parent / draw.choice(("python_model.pkl", "model.pkl"))).write_text(EVIL)


HARMS: dict[str, Callable[[Path, random.Random], None]] = {
    each.__name__: each
    for each in (
        *(flip, cut, lengthen, replace_line, remove, rename, link, lead_out, pipe),
        *(become_folder, sparse, plant_module, plant_pickle),
    )
}


def test_the_unharmed_model_answers_by_address_and_as_a_folder(
    kept: Registered, marker: Path
) -> None:
    for uri in ("models:/scans@champion", "models:/scans/1", str(kept.folder)):
        assert Pulled(uri).classify([b"no image"])["error"][0] != ""
    assert not marker.exists()


def test_a_registered_model_that_was_harmed_is_refused(kept: Registered, marker: Path) -> None:
    draw = random.Random(12)
    store = open_store(None)
    version = kept_version(store, "scans", "1")
    for _ in range(COUNT):
        done = harm(kept.folder, draw)
        assert refusal(lambda: version.fetch(store)).startswith("models:/scans/1 is not"), done
        kept.restore()
    assert not marker.exists()


def test_a_folder_that_was_harmed_is_an_answer_or_one_line_and_runs_nothing(
    kept: Registered, marker: Path
) -> None:
    draw = random.Random(13)
    said = []
    for _ in range(COUNT // LOADED_EVERY):
        done = harm(kept.folder, draw)
        forget()
        said.append(refusal(lambda: Pulled(str(kept.folder)).classify([b"no image"])))
        assert "\n" not in said[-1], done
        assert not marker.exists(), done
        kept.restore()
    assert len(set(said)) > 5  # of the ways to say it; which files are drawn, the code decides


def refusal(do: Callable[[], object]) -> str:
    """Return what a person is told, nothing where all went well."""
    try:
        do()
    except BenchmarkError as error:
        return str(error)
    return ""
