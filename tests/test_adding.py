"""docs/adding.md does what it says.

Each section of the page (a `##` heading) is one case, and its fenced blocks are taken in order, in
a copy of the tree that is its own, with 56 small images of two classes in `my-scans/`:

- `diff`, of one file, is applied by `git apply`; counts and line numbers in `@@` need not be right,
  context must be;
- `sh` is run, a line a command; `python` is the one that runs the tests, and each must succeed;
- `text` holds lines, each of which must stand in what the commands just above said.

To add a section, write it; a section without blocks is no case.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.jobs.conftest import COUNTS, draw

ROOT = Path(__file__).parents[1]
SECTIONS = re.split(r"(?m)^## ", (ROOT / "docs" / "adding.md").read_text())[1:]
BLOCKS = {
    text.partition("\n")[0]: re.findall(r"(?ms)^```(diff|sh|text)\n(.*?)^```$", text)
    for text in SECTIONS
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a copy of what a checkout holds, but for the tests, and a folder of images."""
    draw(tmp_path / "my-scans", COUNTS)
    for name in ("benchmark", "search_spaces", "docs"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("*.pyc"))
    for name in ("MLproject", "README.md", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def apply(diff: str, tree: Path) -> str:
    """Apply a diff to the tree."""
    return said(["git", "apply", "--recount", "-"], tree, diff)


def run(commands: str, tree: Path) -> str:
    """Run commands, a line each, and return what they say."""
    lines = [shlex.split(line) for line in commands.splitlines()]
    return "".join(said([sys.executable, *words[1:]], tree) for words in lines)


def said(words: list[str], tree: Path, handed: str = "") -> str:
    # The copy may lie below a repository, whose root git would apply the diff to.
    own = {"GIT_CEILING_DIRECTORIES": str(tree.parent), "COLUMNS": "200"}
    environment = {name: each for name, each in os.environ.items() if name[:7] != "MLFLOW_"} | own
    done = subprocess.run(
        words, cwd=tree, input=handed, capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("title", [title for title, blocks in BLOCKS.items() if blocks])
def test_what_the_page_adds_works(title: str, tree: Path) -> None:
    output = ""
    for kind, text in BLOCKS[title]:
        match kind:
            case "diff":
                apply(text, tree)
            case "sh":
                output = run(text, tree)
            case "text":
                assert [line for line in text.splitlines() if line not in output] == [], output


def test_every_diff_is_followed_by_a_command_that_tries_it() -> None:
    for title, blocks in BLOCKS.items():
        kinds = [kind for kind, _ in blocks]
        assert "diff" not in kinds or "sh" in kinds[len(kinds) - kinds[::-1].index("diff") :], title
