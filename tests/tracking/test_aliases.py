"""What the registry lists, moves and removes, and what the commands say of it."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.cli import run_command
from benchmark.tracking import Version

from .conftest import SPEC, UNIFORM, Bench, Crowned, bench_in, finish_in, promotion_of, says

pytestmark = pytest.mark.slow
Command = Callable[..., str]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, new_database: Path) -> Crowned:
    """Make a registry whose champion, version 2, took the place of version 1."""
    bench = bench_in(tmp_path_factory.mktemp("two"), new_database)
    tracker = bench.open("two")
    first, second = (
        finish_in(bench, tracker, spec, None) for spec in (SPEC, replace(SPEC, seed=2))
    )
    tags = {"arch": "tiny", "val_macro_f1": "0.5", "val_macro_f1_low": "0.4"}
    tags |= {"val_macro_f1_high": "0.6", "gate": "champion: it is better", "code": "0.2.0 (abc)"}
    with pytest.MonkeyPatch.context() as patch:
        says(patch, UNIFORM.probabilities)
        champion = tracker.registry.register(first, promotion_of(UNIFORM))
        tracker.registry.register(second, replace(promotion_of(UNIFORM), tags=tags))
    return Crowned(tracker, champion, first, second)


@pytest.fixture
def two(made: Crowned, tmp_path: Path) -> Crowned:
    """Return a copy of it that a test may change."""
    folder = shutil.copytree(
        Path(made.tracker.uri.removeprefix("sqlite:///")).parent, tmp_path / "two"
    )
    return replace(
        made, tracker=Bench(folder=folder, uri=f"sqlite:///{folder}/mlflow.db").open("two")
    )


@pytest.fixture
def command(two: Crowned, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]  # noqa: ANN201
    """Return a function that gives a command and returns what it says."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", two.tracker.uri)

    def run(*words: str, code: int = 0) -> str:
        assert run_command(words) == code
        out = capsys.readouterr()
        return out.err if code else out.out

    return run


def aliases(two: Crowned) -> dict[str, str]:
    return dict(two.tracker.registry.aliases("phantom"))


def test_the_champion_before_is_known_as_previous(two: Crowned) -> None:
    assert aliases(two) == {"champion": "2", "previous": "1"}


def test_versions_are_listed_the_latest_first(two: Crowned) -> None:
    listed = two.tracker.registry.versions("phantom")
    assert [each.version for each in listed] == ["2", "1"]
    assert listed[0].uri == "models:/phantom/2"
    assert listed[0].run_id == two.second.run_id
    assert listed[0].gate == "champion: it is better"


@pytest.mark.parametrize(
    ("tags", "gate"),
    [
        ({"refused": "it does not load", "gate": "champion: it is better"}, "refused: it does not"),
        ({"forced": "yes"}, "champion: made so by a person"),
        ({"comparison": "it is worse"}, "it is worse"),
        ({}, ""),
    ],
)
def test_a_version_says_what_was_decided_of_it(tags: dict[str, str], gate: str) -> None:
    version = Version(
        name="a", version="1", alias="", uri="", run_id="", model_id="", difference=0.0, tags=tags
    )
    assert version.gate.startswith(gate)


def test_models_shows_versions_with_where_each_is_from(two: Crowned, command: Command) -> None:
    said = command("models", "phantom")
    assert "champion: it is better" in said
    assert "code: 0.2.0 (abc)" in said
    assert f"run: {two.second.run_id}" in said
    assert "val macro-F1: 0.500 [0.40, 0.60]" in said
    assert f"spec digest: {two.second.spec.digest}" in said


def test_models_writes_all_that_is_known_as_json(
    two: Crowned, command: Command, tmp_path: Path
) -> None:
    command("models", "--json", str(tmp_path / "models.json"))
    (model,) = json.loads((tmp_path / "models.json").read_text())["models"]
    assert model["aliases"] == {"champion": "2", "previous": "1"}
    latest = model["versions"][0]
    assert latest["scores"]["val_macro_f1"] == {"value": 0.5, "low": 0.4, "high": 0.6}
    assert latest["lineage"]["run"] == two.second.run_id
    assert latest["lineage"]["spec_digest"] == two.second.spec.digest


def test_rollback_goes_back_and_a_second_time_forth(two: Crowned, command: Command) -> None:
    said = command("rollback", "phantom")
    assert said == "phantom version 1 is champion again in the place of version 2.\n"
    assert aliases(two) == {"champion": "1", "previous": "2"}
    registry = two.tracker.registry
    assert registry.was_left("phantom", two.second.model_id) == "2"
    command("rollback", "phantom")
    assert aliases(two) == {"champion": "2", "previous": "1"}
    assert registry.was_left("phantom", two.second.model_id) == ""
    assert registry.was_left("phantom", two.first.model_id) == "1"


def test_rollback_moves_nothing_to_files_that_were_changed(two: Crowned, command: Command) -> None:
    two.tracker.network_path(two.first).write_bytes(b"another network")
    said = command("rollback", "phantom", code=2)
    assert "models:/phantom/1 is not what was registered" in said
    assert aliases(two) == {"champion": "2", "previous": "1"}


def test_rollback_without_a_champion_before_is_refused(two: Crowned, command: Command) -> None:
    command("models", "--remove", "phantom/1")
    assert "no champion before the present one" in command("rollback", "phantom", code=2)


def test_a_version_is_removed_and_its_run_stays(two: Crowned, command: Command) -> None:
    assert "phantom version 1 is removed" in command("models", "--remove", "phantom/1")
    assert [each.version for each in two.tracker.registry.versions("phantom")] == ["2"]
    assert two.tracker.has_files(two.first)


def test_the_champion_is_removed_only_by_force(two: Crowned, command: Command) -> None:
    assert "insist with --force yes" in command("models", "--remove", "phantom/2", code=2)
    command("models", "--remove", "phantom/2", "--force", "yes")
    command("models", "--remove", "models:/phantom/1")
    assert two.tracker.registry.names() == ()
    assert command("models") == "No model is registered in this store.\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["models", "phantm"], "no registered model named 'phantm'. Did you mean phantom?"),
        (["rollback", "phantm"], "no registered model named 'phantm'. Did you mean phantom?"),
        (["models", "--remove", "phantom/7"], "phantom has no version '7'. There are: 2, 1."),
        (["models", "--remove", "phantm/1"], "Did you mean phantom?"),
        (["models", "--remove", "phantom"], "--remove must be NAME/VERSION"),
        (["models", "a", "b"], "models takes one registered model, not a, b."),
        (["rollback"], "rollback needs a registered model"),
    ],
)
def test_a_wrong_name_gets_one_line(words: list[str], said: str, command: Command) -> None:
    assert said in command(*words, code=2)
