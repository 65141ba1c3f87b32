"""The project's own files agree with the code and with each other."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmark import __version__
from benchmark.cli import COMMANDS
from benchmark.cli.mlproject import mlproject

ROOT = Path(__file__).parents[1]
MLPROJECT: dict[str, Any] = yaml.safe_load((ROOT / "MLproject").read_text())


def test_mlproject_is_what_make_mlproject_writes() -> None:
    assert (ROOT / "MLproject").read_text() == mlproject()


@pytest.mark.parametrize(("point", "command"), [("main", "run"), ("predict", "predict")])
def test_an_entry_point_hands_every_parameter_to_the_option_of_its_name(
    point: str, command: str
) -> None:
    declared = MLPROJECT["entry_points"][point]
    options = COMMANDS[command].options
    assert {name: each["default"] for name, each in declared["parameters"].items()} == {
        option.name: option.default for option in options
    }
    words = declared["command"].split()
    assert words[:4] == ["python", "-m", "benchmark", command]
    assert words[4:] == ["--from-mlproject"] * (command == "run") + [
        f"{option.flag}={{{option.name}}}" for option in options
    ]


def test_mlproject_names_the_environment_that_needs_no_conda() -> None:
    assert MLPROJECT["python_env"] == "python_env.yaml"
    assert "conda_env" not in MLPROJECT


def test_conda_and_python_env_install_the_same_requirements_on_the_same_python() -> None:
    conda = yaml.safe_load((ROOT / "conda.yaml").read_text())
    python = yaml.safe_load((ROOT / "python_env.yaml").read_text())
    pip = next(each["pip"] for each in conda["dependencies"] if isinstance(each, dict))
    assert pip == python["dependencies"] == ["-r requirements.txt"]
    assert f"python={python['python']}" in conda["dependencies"]


def pins(name: str) -> dict[str, set[str]]:
    """Return the pinned versions of each package; markers may allow several."""
    found: dict[str, set[str]] = {}
    for line in (ROOT / name).read_text().splitlines():
        match = re.match(r"([A-Za-z0-9._-]+)(?:\[.*\])?==([^ ;]+)", line)
        if match:
            found.setdefault(match[1].lower().replace("_", "-"), set()).add(match[2])
    return found


@pytest.mark.parametrize("name", ["requirements", "requirements-dev"])
def test_what_is_asked_for_is_what_is_pinned(name: str) -> None:
    pinned = pins(f"{name}.txt")
    for package, versions in pins(f"{name}.in").items():
        assert versions <= pinned[package], package


def test_tests_run_with_the_versions_that_users_get() -> None:
    dev = pins("requirements-dev.txt")
    for package, versions in pins("requirements.txt").items():
        assert dev[package] == versions, package


def test_everything_is_pinned_and_no_file_names_an_address() -> None:
    for name in ("requirements.txt", "requirements-dev.txt", "python_env.yaml", "conda.yaml"):
        text = (ROOT / name).read_text()
        assert "://" not in text
        assert "index-url" not in text
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    assert [line for line in lines if "==" not in line] == []


def test_pyproject_takes_version_and_requirements_from_where_they_stand() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["requires-python"] == ">=3.11"
    dynamic = project["tool"]["setuptools"]["dynamic"]
    assert dynamic["version"] == {"attr": "benchmark.__version__"}
    assert dynamic["dependencies"] == {"file": ["requirements.txt"]}


def test_the_changelog_begins_with_the_present_version() -> None:
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == __version__


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        "CONTRIBUTING.md",
        *sorted(str(each.relative_to(ROOT)) for each in (ROOT / "docs").rglob("*.md")),
    ],
)
def test_links_between_files_lead_somewhere(path: str) -> None:
    text = (ROOT / path).read_text()
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text)
    broken = [link for link in links if not ((ROOT / path).parent / link).exists()]
    assert broken == []


def test_the_readme_names_only_commands_and_options_that_exist() -> None:
    text = (ROOT / "README.md").read_text()
    calls = re.findall(r"python -m benchmark ([\w-]+)([^\n`]*)", text)
    assert calls
    for command, rest in calls:
        assert command in COMMANDS
        flags = {option.flag for option in COMMANDS[command].options} | {"--quiet", "--help"}
        assert set(re.findall(r"--[a-z-]+", rest)) <= flags, (command, rest)


def test_the_readme_holds_no_place_to_fill() -> None:
    assert "@@" not in (ROOT / "README.md").read_text()


def test_the_readme_names_only_parameters_that_exist() -> None:
    names = {option.name for command in COMMANDS.values() for option in command.options}
    text = (ROOT / "README.md").read_text()
    assert set(re.findall(r"-P ([a-z_]+)=", text)) <= names
