"""Journals harmed at random: a study goes on, or one line says why not; nothing is deleted.

By hand, longer: JOURNALS=20000 python -m pytest tests/search/test_fuzz_journals.py
"""

import json
import math
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.errors import StoreError
from benchmark.search import (
    Infeasible,
    SearchSettings,
    Space,
    Trial,
    TrialState,
    parse_space,
    search,
)

from .conftest import SPACE

COUNT = int(os.environ.get("JOURNALS", "300"))
ASKED = SearchSettings(engine="optuna:random", trials=4, seed=3, pruner="median")
MORE = SearchSettings(engine="optuna:random", trials=5, seed=3, pruner="median")
ODD: tuple[object, ...] = (
    None,
    True,
    -1,
    0,
    10**30,
    1e308,
    math.nan,
    math.inf,
    "",
    "x",
    "\x00",
    [],
    {},
    [[]],
    {"a": 1},
)

Lines = list[bytes]
Harm = Callable[[Lines, random.Random], bytes]


def objective(trial: Trial) -> float:
    trial.answers = "u1:AAE="
    trial.report(0, float(trial.number))
    outcome = {1: Infeasible("no room"), 2: ValueError("bad")}.get(trial.number)
    for error in [outcome] if outcome else []:
        raise error
    return trial.params.number("rate")


def interrupted(_: Trial) -> float:
    raise KeyboardInterrupt


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Lines:
    """Lines of a journal with trials of every kind, the last one interrupted."""
    path = tmp_path_factory.mktemp("base") / "base.journal"
    space = parse_space(SPACE, name="small", file="small.yaml")
    search(space, objective, ASKED, str(path))
    with pytest.raises(KeyboardInterrupt):
        search(space, interrupted, MORE, str(path))
    return path.read_bytes().splitlines(keepends=True)


def cut_off(lines: Lines, rng: random.Random) -> bytes:
    whole = b"".join(lines)
    return whole[: rng.randrange(len(whole))]


def cut_out(lines: Lines, rng: random.Random) -> bytes:
    whole = b"".join(lines)
    start = rng.randrange(len(whole))
    return whole[:start] + whole[start + rng.randrange(1, 500) :]


def overwritten(lines: Lines, rng: random.Random) -> bytes:
    whole = bytearray(b"".join(lines))
    start, size = rng.randrange(len(whole)), rng.randrange(1, 600)
    whole[start : start + size] = rng.choice([bytes(size), rng.randbytes(size), b"\n" * size])
    return bytes(whole)


def one_byte(lines: Lines, rng: random.Random) -> bytes:
    whole = bytearray(b"".join(lines))
    whole[rng.randrange(len(whole))] = rng.randrange(256)
    return bytes(whole)


def lines_moved(lines: Lines, rng: random.Random) -> bytes:
    kept = list(lines)
    line = kept.pop(rng.randrange(len(kept)))
    for _ in range(rng.randrange(3)):  # gone, moved, or twice
        kept.insert(rng.randrange(len(kept) + 1), line)
    return b"".join(kept)


def odd_value(lines: Lines, rng: random.Random) -> bytes:
    kept = list(lines)
    at = rng.randrange(len(kept))
    log = json.loads(kept[at])
    within = log
    key = rng.choice(list(log))
    if isinstance(log[key], dict) and log[key]:
        within, key = log[key], rng.choice(list(log[key]))
    within[key] = rng.choice(ODD)
    if rng.random() < 0.2:
        del within[key]
    kept[at] = json.dumps(log, separators=(",", ":")).encode() + b"\n"
    return b"".join(kept)


def odd_line(lines: Lines, rng: random.Random) -> bytes:
    kept = list(lines)
    line = rng.choice([json.dumps(rng.choice(ODD)).encode(), rng.randbytes(30), b"\xef\xbb\xbf"])
    kept.insert(rng.randrange(len(kept) + 1), line + rng.choice([b"\n", b"\r\n", b""]))
    return b"".join(kept)


HARMS: tuple[Harm, ...] = (
    cut_off,
    cut_out,
    overwritten,
    one_byte,
    lines_moved,
    odd_value,
    odd_value,
    odd_line,
)


def goes_on(space: Space, path: Path, *, anew: bool) -> str:
    """Search on; return what is said where that is refused."""
    try:
        found = search(space, objective, MORE, str(path), anew=anew)
    except StoreError as error:
        return str(error)
    assert [each.number for each in found.trials] == list(range(5))
    assert all(math.isfinite(value) for each in found.complete for value in each.values)
    assert {each.state for each in found.trials} >= {TrialState.COMPLETE}
    return ""


def is_kept(content: bytes, path: Path) -> bool:
    """Whether a journal's content is in the folder still, but for a line that was unfinished."""
    whole = content[: content.rfind(b"\n") + 1]
    return any(each.read_bytes().startswith(whole) for each in path.parent.glob("s*"))


@pytest.mark.parametrize("seed", range(4))
def test_a_harmed_journal_is_gone_on_with_or_said_to_be_damaged(
    seed: int, written: Lines, space: Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "fsync", lambda _: None)
    rng = random.Random(seed)
    said = list[str]()
    for number in range(COUNT // 4):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = folder / "s.journal"
        content = rng.choice(HARMS)(written, rng)
        path.write_bytes(content)
        refused = goes_on(space, path, anew=False)
        said.append(refused)
        assert is_kept(content, path)
        if not refused:
            continue
        assert str(path) in refused
        assert "\n" not in refused
        again = goes_on(space, path, anew=True)
        assert again == ("" if "--resume no" in refused else refused)
        assert is_kept(content, path)
    __import__("pathlib").Path(f"/tmp/compute-said-{seed}").write_text("\n".join(said))
    assert 0.2 < sum(map(bool, said)) / len(said) < 0.95
