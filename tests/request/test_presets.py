"""Presets: what `auto` stands for, and what is given by hand beats it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmark.cli import run_command
from benchmark.errors import UsageError
from benchmark.records import Regime
from benchmark.request import (
    RUN_OPTIONS,
    Config,
    Request,
    presets,
    read_config,
    request_of,
)
from benchmark.request.presets import Preset, preset_names, read_preset, resolve

OPTIONS = {each.name: each for each in RUN_OPTIONS}
SETTABLE = {each.name for each in RUN_OPTIONS if each.preset}


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have a preset `good` that says something different for each regime."""
    (tmp_path / "good.yaml").write_text(
        "about: drawn for a test\n"
        "larger_sides_minutes: 2\n"
        "side: fill\nsearch: none\ntrials: 20\nselect: val\nfinetune: none\n"
        "class_weight: none\naugmentation: none/ct\n"
        "params: {pooling: avg/avg+max, l2: 0.5}\n"
        "scratch:\n  augmentation: xray\n  params: {dropout: 0.2}\n"
    )
    monkeypatch.setattr(presets, "_FOLDER", tmp_path)
    read_preset.cache_clear()
    yield
    read_preset.cache_clear()


def test_there_are_three_and_good_is_the_default() -> None:
    assert set(preset_names()) == {"quick", "good", "best"}
    assert Request.read({}).preset == "good"


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_holds_only_what_a_preset_may_set(name: str) -> None:
    preset = read_preset(name)
    assert set(preset.of_regimes) <= {Regime.FROZEN, Regime.FINETUNE, Regime.SCRATCH}
    for texts in (preset.texts, *preset.of_regimes.values()):
        assert set(texts) <= SETTABLE
        for option, text in texts.items():
            OPTIONS[option].value(text)
    assert preset.about
    assert not preset.about.endswith(".")
    assert preset.larger_sides_seconds > 0


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_says_what_every_auto_is_of_which_no_other_room_decides(name: str) -> None:
    resolved = Request.read({"preset": name}).resolved
    assert {each for each in SETTABLE if resolved[each] == "auto"} <= {"select"}


def test_what_a_preset_may_set_is_auto_by_default() -> None:
    assert {OPTIONS[name].default for name in SETTABLE - {"params"}} == {"auto"}
    wanted = {"side", "search", "trials", "select", "augmentation", "class_weight", "finetune"}
    assert {*wanted, "params"} == SETTABLE


def test_auto_is_what_the_preset_says_and_stays_auto_in_the_texts() -> None:
    quick, best = (Request.read({"preset": name}) for name in ("quick", "best"))
    assert (quick.side, quick.search, quick.finetune) == ("own", None, "none")
    assert (best.side, best.search, best.finetune) == ("fill", "optuna:tpe", "best")
    for request in (quick, best):
        assert {request.texts[name] for name in SETTABLE - {"params"}} == {"auto"}


@pytest.mark.parametrize("text", ["own", "224"])
def test_a_side_that_is_given_beats_the_presets(text: str) -> None:
    assert str(Request.read({"preset": "good", "side": text}).side) == text


def test_a_configuration_beats_the_preset_and_an_entry_may_have_its_own(tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(
        "preset: best\naugmentation: xray\n"
        "entries: [{arch: mlp}, {arch: cnn, preset: quick}, {arch: cnn, augmentation: ct}]\n"
    )
    found = request_of({}, read_config(str(path)))
    assert [each.search for each in found.parts] == ["optuna:tpe", None, "optuna:tpe"]
    assert [each.augmentation.name for each in found.parts] == ["xray", "xray", "ct"]
    assert {each.side for each in (found, *found.parts)} == {"fill"}
    assert found.own_texts[1] == {"arch": "cnn", "preset": "quick"}


def test_mlproject_names_every_option_and_gives_only_what_is_not_auto(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = [f"{each.flag}={each.default}" for each in RUN_OPTIONS if each.name != "data"]
    changed = ["--preset=best", "--search=none", "--data=none/such", "--save-config=own.yaml"]
    assert run_command(["run", "--from-mlproject", *words, *changed]) == 2
    saved = request_of({}, read_config("own.yaml"))
    assert (saved.preset, saved.search, saved.side) == ("best", None, "fill")
    assert (saved.texts["search"], saved.texts["side"]) == ("none", "auto")


@pytest.mark.usefixtures("own")
def test_parameters_are_joined_by_name_and_one_that_is_given_beats_the_presets() -> None:
    request = Request.read({"params": "l2=0.1,standardise=no"})
    assert request.params == {"pooling": "avg/avg+max", "l2": "0.1", "standardise": "no"}
    assert request.given_params == {"l2": "0.1", "standardise": "no"}
    assert request.texts["params"] == "l2=0.1,standardise=no"


@pytest.mark.usefixtures("own")
def test_networks_of_a_regime_have_what_the_preset_says_of_it() -> None:
    request = Request.read({})
    assert request.on(Regime.FROZEN) == request
    scratch = request.on(Regime.SCRATCH)
    assert (scratch.augmentation.name, scratch.params) == ("xray", {"dropout": "0.2"})
    by_hand = Request.read({"augmentation": "ct", "params": "dropout=0.4"}).on(Regime.SCRATCH)
    assert (by_hand.augmentation.name, by_hand.params) == ("ct", {"dropout": "0.4"})


@pytest.mark.usefixtures("own")
def test_where_a_given_head_chooses_nothing_the_first_of_several_stands() -> None:
    request = Request.read({"params": "head=layers"})
    assert request.params == {"pooling": "avg", "l2": "0.5", "head": "layers"}
    assert request.resolved["augmentation"] == "none"
    assert Request.read({"params": "head=logistic"}).resolved["augmentation"] == "none/ct"


@pytest.mark.usefixtures("own")
def test_of_several_policies_the_last_in_use_is_drawn() -> None:
    assert Request.read({}).augmentation.name == "ct"
    assert Request.read({"augmentation": "xray/none"}).augmentation.name == "xray"
    with pytest.raises(UsageError, match="no augmentation policy named 'ctt'"):
        Request.read({"augmentation": "none/ctt"})


@pytest.mark.usefixtures("own")
def test_views_are_read_where_the_preset_augments_what_reads_them() -> None:
    assert request_of({"views": "2"}, Config()).views == 2
    with pytest.raises(UsageError, match="--views would not be read without augmentation"):
        request_of({"views": "2", "augmentation": "none"}, Config())


def test_a_line_says_what_the_preset_does_and_what_is_given_by_hand_beside_it(
    tmp_path: Path,
) -> None:
    policy = tmp_path / "own.yaml"
    policy.write_text("rotation: 10.0\n")
    about = read_preset("good").about
    assert Request.read({}).preset_lines == (f"preset good: {about}.",)
    request = Request.read({"side": "448", "augmentation": str(policy), "epochs": "3"})
    assert request.preset_lines == (
        f"preset good: {about}; given by hand: --side 448, --augmentation own.yaml.",
    )


def test_entries_of_several_presets_have_a_line_each() -> None:
    entries = [{"arch": "mlp,prior"}, {"arch": "cnn", "preset": "quick", "search": "optuna"}]
    first, second = Request.read({}, entries).preset_lines
    assert first == f"preset good (mlp, prior): {read_preset('good').about}."
    assert second.startswith("preset quick (cnn): ")
    assert second.endswith("; given by hand: --search optuna.")


def test_what_a_preset_does_not_say_stays_auto() -> None:
    preset = Preset(about="x", texts={"side": "own"}, of_regimes={}, larger_sides_seconds=1.0)
    texts = {"side": "auto", "select": "auto", "epochs": "3", "params": "none"}
    found = resolve(texts, preset, {})
    assert found == {"side": "own", "select": "auto", "epochs": "3", "params": "none"}
