"""YAML as people write it, and as they should not: plain values or one line, whatever it is."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import UsageError
from benchmark.plain_yaml import parse_yaml, read_yaml

LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join(f'*{before}' for _ in range(9))}]\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
DEEP = "[" * 20 + "]" * 20


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("a: ~\nb:\nc: null", {"a": None, "b": None, "c": None}),
        ("[1, -2, +3, 1_000, 1.5, .5, 1.0e-4, -1.0e+3]", [1, -2, 3, 1000, 1.5, 0.5, 1e-4, -1e3]),
        ("[yes, No, on, OFF, true]", [True, False, True, False, True]),
        ("yes: 1\n3: 2\n'': 3\n~: 4", {"yes": 1, "3": 2, "": 3, "~": 4}),
        # What YAML 1.1 makes another number or no text of is the text that stands there.
        (
            "[010, 0x1f, 0b1, 1:30, 2020-13-45, 1e4]",
            ["010", "0x1f", "0b1", "1:30", "2020-13-45", "1e4"],
        ),
        ("[0x_, 0b_, =, 'yes', \"1\"]", ["0x_", "0b_", "=", "yes", "1"]),
        ("&name [a, {'<<': 1}]", ["a", {"<<": 1}]),
        ("9223372036854775807", 2**63 - 1),
        ("\ufeffa: |\n  two\n  lines\n", {"a": "two\nlines\n"}),
        (DEEP, json.loads(DEEP)),
    ],
)
def test_plain_values_are_what_stands_there(text: str, value: Any, tmp_path: Path) -> None:
    (tmp_path / "file.yaml").write_text(text)
    assert read_yaml(tmp_path / "file.yaml", "a test") == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LAUGHS, r"line 2: aliases \(\*name\) are not read here"),
        ("&a\n? *a\n: 1", "line 2: aliases"),
        ("a: 1\nb: {<<: {a: 2}}", "line 2: merge keys"),
        ("a: 1\nb: 2\na: 3", "line 3: a stands twice"),
        ("a: 1\n'a': 3", "line 2: a stands twice"),
        ("? [a, b]\n: 1", "line 1: a key must be a text, not a list or a mapping"),
        ("a:\n  ? {b: c}\n  : 1", "line 2: a key must be a text"),
        ("? !!set {a}\n: 1", "line 1: tags"),
        *((f"a: {tag}", "line 1: tags") for tag in ("!!int x", "!!set [a]", "! b", "!!binary =")),
        *((f"a: {one}", "a number must be finite") for one in (".nan", "-.inf", "1.0e+999")),
        *((f"a: {one}", "must be within ±9.2e18") for one in ("9" * 20, "-" + "1" * 5000, 2**63)),
        ("[" * 21, "line 1: values are nested deeper than 20"),
        ("{a: " * 5000, "line 1: values are nested deeper than 20"),
        ('a: "\\ud800"', "holds what is no character of a text"),
        ('a: "\\0"', "holds what is no character of a text"),
        ('a: "\\UFFFFFFFF"', "this is not YAML"),
        (f"%YAML 1.{'1' * 5000}\n--- a", "this is not YAML"),
        ("a: 1\n---\nb: 2", "this is not YAML in line 2"),
        ("a: [", "this is not YAML in line 1"),
        ("a: \x07", "this is not YAML"),
    ],
)
def test_all_else_is_one_line_that_names_the_place(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=f"^x: .*{message}") as told:
        parse_yaml(text, "x")
    assert len(str(told.value)) < 400


def test_only_a_plain_file_is_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe4")
    for name, why in (
        ("pipe.yaml", "it is no plain file"),
        ("latin.yaml", "'utf-8' codec"),
        (".", "Is a directory"),
        ("none.yaml", "No such file"),
    ):
        with pytest.raises(UsageError, match=rf"cannot be read as a test: {why}"):
            read_yaml(tmp_path / name, "a test")
    with pytest.raises(UsageError, match=r"cannot be read as a test: it is no plain file"):
        read_yaml(Path("/dev/zero"), "a test")
