"""Whatever stands on the command line: one line and exit code 2, no traceback, and no traces.

COMMANDS=20000 python -m pytest tests/cli/test_fuzz_commands.py draws more of them.
"""

import os
import random
import time
from pathlib import Path

import pytest

from benchmark.cli import COMMANDS, run_command
from benchmark.request import Option

COUNT = int(os.environ.get("COMMANDS", "700"))
MOST_SECONDS = 20.0  # one that hangs would take for ever
NOWHERE = "nowhere/at-all"
WRITTEN = "written.yaml"  # the one file that a command that is refused may have been told to leave
PLACES = (WRITTEN, "pipe", "file/x", "folder", "~nobody-here/x", "x" * 300, "a\0b", "")
WORDS = (
    *("", " ", ",", "=", "-", "--", "-x", "--no", "~", "~nobody-here", "~nobody-here/x", ".", ".."),
    *("nan", "inf", "-inf", "1e999", "1e308", "-1", "0", "1", "0.5", "0x10", "1_0", "٣", "½"),
    *("9" * 30, "9" * 5000, "1" * 200 + ".5", "cv:" + "9" * 5000, "kfold:" + "9" * 5000, "99/1/0"),
    *("\0", "a\0b", "\udcff", "\udcff/x.csv", "\ud800", "\x1b[31mred", "\r\nx", "\u2028", "\x85"),
    *("x" * 300, "x/" * 3000, "x" * 100_000, "😀" * 80, "é" * 200, "../" * 9, "/dev/null"),
    *("/dev/zero", "/dev/stdin", "/proc/self/mem", "/proc/self/fd/x", "file/x", "link", "loop"),
    *(f"{name}{end}" for name in ("file", "folder", "pipe", "no") for end in (".yaml", ".csv", "")),
    *("none", "auto", "all", "yes", "no", "{}", "[", "(", ")", "*", "**", "?", "[z-a]", "all,-all"),
    *("a=b", "a=b,a=b", "a,,b", "a=,=b", "=,=", "a,a", "-a", "-all", "keras:", "keras:x", "%s%n"),
    *("(" * 3000, "(a+)+$", "(?P<x>", "(a{9999999999})", "\\", "'", '"', "$(id)", "${HOME}", ";"),
    *(
        "models:/",
        "models:/x@y",
        "s3://x",
        "://",
        "sqlite://",
        "sqlite:///",
        "sqlite:///x/y.db",
        "x://y:z@h",
        "a:b",
    ),
    *("mlp", "prior", "mlp,prior", "ensemble", "optuna", "loss", "head", "ct", "cv:5", "70/15/15"),
)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_RUN_ID"):
        monkeypatch.delenv(name, raising=False)
    inside = tmp_path / "inside"
    inside.mkdir()
    monkeypatch.chdir(inside)
    for end in (".yaml", ".csv", ""):
        (inside / f"file{end}").write_text("a: [1, 2]\n")
        (inside / f"folder{end}").mkdir()
        os.mkfifo(inside / f"pipe{end}")
    (inside / "link").symlink_to("gone")
    (inside / "loop").symlink_to("loop")
    return tmp_path


def listing(folder: Path) -> dict[str, int]:
    return {str(path): path.lstat().st_size for path in folder.rglob("*") if path.name != WRITTEN}


def word(draw: random.Random, option: Option | None) -> str:
    """Draw what stands behind an option: odd words, its own default, or both with a change."""
    found = draw.choice(WORDS)
    kind = draw.randrange(8)
    if option is not None and kind < 2:
        found = option.default
    if kind == 2:
        found = ",".join([found, draw.choice(WORDS)])
    if kind == 3:
        at = draw.randrange(len(found) + 1)
        found = found[:at] + chr(draw.randrange(1, 0x300)) + found[at:]
    if kind == 4:
        found = "".join(chr(draw.choice((65, 300, 0x1F600)) + draw.randrange(60)) for _ in "word")
    return found


def command_line(number: int) -> list[str]:
    """Draw a command line that must be refused: the images that it names are nowhere."""
    draw = random.Random(f"commands {number}")
    name = draw.choice([*COMMANDS, "run", "plan"])
    command = COMMANDS[name]
    words = [name]
    for option in draw.sample(command.options, min(len(command.options), draw.randrange(1, 5))):
        text = word(draw, option)
        if option.name == "save_config":
            text = draw.choice(PLACES)
        words += [f"{option.flag}={text}"] if draw.random() < 0.7 else [option.flag, text]
    if command.words and name != "predict":
        words += [word(draw, None) for _ in range(draw.randrange(1, 3))]
    if draw.random() < 0.1:
        words.insert(draw.randrange(len(words) + 1), word(draw, None))
    if any(option.name == "data" for option in command.options):
        words.append(f"--data={NOWHERE}")
    return [*words, NOWHERE] if name == "predict" else words


def outcome(words: list[str]) -> int | str | None:
    try:
        return run_command(words)
    except SystemExit as end:  # argparse's own, for --help
        return end.code


def test_any_command_line_is_done_or_refused_in_one_line(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, refused = listing(place), 0
    for number in range(COUNT):
        words = command_line(number)
        began = time.monotonic()
        code = outcome(words)
        told = capsys.readouterr().err
        (place / "inside" / WRITTEN).unlink(missing_ok=True)
        shown = [each[:80] for each in words]
        assert code in (0, 2), shown
        assert told[:-1].isprintable() or not told, shown
        assert bool(told) == (code == 2), shown
        assert len(told) < 2100, shown
        assert listing(place) == before, shown
        assert time.monotonic() - began < MOST_SECONDS, shown
        refused += code == 2
    assert refused > COUNT / 2
