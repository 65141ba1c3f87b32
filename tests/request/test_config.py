"""Configurations: read strictly, written so that reading gives the same request, entries joined."""

import json
from contextlib import nullcontext
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from benchmark.cli import run_command
from benchmark.errors import StoreError, UsageError
from benchmark.request import Config, Request, read_config, request_of, write_config


def config(folder: Path, text: str) -> Config:
    path = folder / "own.yaml"
    path.write_text(text)
    return read_config(str(path))


def request(folder: Path, text: str, **given: str) -> Request:
    return request_of(given, config(folder, text))


def test_plain_values_lists_and_mappings_are_what_the_command_line_says(tmp_path: Path) -> None:
    found = request(
        tmp_path,
        "arch: [cnn, mlp]\nepochs: 3\nresume: no\nseed: [0, 1]\nsplit: 70/15/15\n"
        "params: {pooling: avg+max, l2: 0.01}\ncache_limit: 1.5\n",
    )
    given = {"arch": "cnn,mlp", "epochs": "3", "resume": "no", "seed": "0,1", "split": "70/15/15"}
    more = {"params": "pooling=avg+max,l2=0.01", "cache_limit": "1.5"}
    assert found == Request.read({**given, **more})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epoch: 3", r"no option 'epoch' here\. Did you mean epochs\?"),
        ("epochs: 3\nepochs: 4", "line 2: epochs stands twice"),
        ("epochs: three", "--epochs must be a whole number of at least 1, not 'three'"),
        ("epochs: 3.5", "--epochs must be a whole number"),
        ("epochs:", "epochs must be a text, a number, yes or no, or a list, not None"),
        ("epochs: .inf", "line 1: a number must be finite, not .inf"),
        ("engine: theano", "--engine must be one of auto, tensorflow, openvino"),
        ("- epochs: 3", "a configuration is a mapping of options"),
        ("epochs: [", "this is not YAML in line 1"),
        ("a: &a [x, x]\nb: [*a, *a]", "aliases"),
        ("data: !!python/name:os.system", r"line 1: tags \(!name\) are not read here"),
        ("entries: cnn", "entries must be a list of mappings"),
        ("entries: [{epochs: 3}]", "each of the entries must name its arch"),
        ("entries: [{arch: cnn, seed: 1}]", "entries: no option 'seed' here"),
        ("entries: [{arch: cn}]", "no architecture named 'cn'"),
        ("arch: mlp\nentries: [{arch: cnn}]", "arch and entries exclude each other"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_its_name(
    text: str, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=rf"own\.yaml: .*{message}"):
        config(tmp_path, text)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("quick", "--config must name a .yaml file, not 'quick'. Did you mean --preset quick?"),
        (
            "nowhere",
            "--config must name a .yaml file, not 'nowhere'. --save-config mine.yaml writes one.",
        ),
        ("none.yaml", "none.yaml cannot be read as a configuration: No such file or directory."),
    ],
)
def test_a_configuration_that_is_not_there_is_one_line_and_exit_code_2(
    name: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["run", "--config", name]) == 2
    assert capsys.readouterr().err == f"benchmark: {message}\n"


def test_a_large_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="it has 1,048,586 bytes, and may have 262,144"):
        config(tmp_path, "#" * 2**20 + "\nepochs: 3")


def test_what_is_given_wins_over_an_entry_and_an_entry_over_the_rest(tmp_path: Path) -> None:
    text = "epochs: 3\nbatch: 8\nentries: [{arch: mlp}, {arch: mlp, epochs: 4, batch: 16}]"
    found = request(tmp_path, text, batch="64")
    assert [(each.epochs, each.batch) for each in found.parts] == [(3, 64), (4, 64)]
    assert (found.arch, found.epochs, found.batch) == (("mlp",), 3, 64)


def test_an_architecture_that_is_given_leaves_out_the_entries(tmp_path: Path) -> None:
    found = request(tmp_path, "epochs: 3\nentries: [{arch: mlp, epochs: 4}]", arch="cnn")
    assert (found.arch, found.epochs, found.entries) == (("cnn",), 3, ())


def test_the_entries_stand_in_the_texts_that_mlflow_and_digests_take(tmp_path: Path) -> None:
    found = request(tmp_path, "entries: [{arch: 'all,-vgg*'}, {arch: cnn, augmentation: ct}]")
    texts = found.to_texts()
    assert texts["arch"].split(",") == [*Request.read({"arch": "all,-vgg*"}).arch]
    assert json.loads(texts["entries"]) == [
        {"arch": "all,-vgg*"},
        {"arch": "cnn", "augmentation": "ct"},
    ]
    assert "entries" not in Request.read({}).to_texts()


@given(
    texts=st.fixed_dictionaries(
        {},
        optional={
            "experiment": st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,20}", fullmatch=True),
            "data": st.text(st.characters(exclude_characters="\0~"), min_size=1, max_size=60),
            "cache_limit": st.floats(0, 1e6).map(str),
            "epochs": st.integers(1, 10**6).map(str),
            "sanity": st.sampled_from(["yes", "no", "TRUE", "0"]),
            "rank_on": st.sampled_from(["auto", "val", "cv:3"]),
        },
    )
)
@example(texts={"data": "a\x85b\u2028c"})
def test_a_request_that_is_written_and_read_is_the_same(
    texts: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("config") / "own.yaml"
    for entries in ([], [{**texts, "arch": "mlp"}, {**texts, "arch": "mlp", "batch": "8"}]):
        wanted = Request.read(texts, entries)
        write_config(wanted, path)
        assert request_of({}, read_config(str(path))).to_texts() == wanted.to_texts()


def test_options_are_saved_and_taken_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    words = ["plan", "--preset=quick", "--arch=prior,mlp", "--batch=8", "--weights=none"]
    assert run_command([*words, "--save-config", "own.yaml"]) == 0
    saved = request_of({}, read_config("own.yaml"))
    assert (saved.arch, saved.batch, saved.preset) == (("prior", "mlp"), 8, "quick")
    assert (saved.texts["side"], saved.side) == ("auto", "own")
    shown = capsys.readouterr().out
    assert run_command(["plan", "--config", "own.yaml"]) == 0
    assert capsys.readouterr().out == shown


def test_an_option_at_its_default_was_not_given_where_mlproject_names_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "few.yaml").write_text("epochs: 10\npatience: 2\n")
    words = ["plan", "--config=few.yaml", "--epochs=30", "--patience=3", "--data=none/such"]
    assert run_command([*words, "--from-mlproject", "--save-config=own.yaml"]) == 2
    assert (read_config("own.yaml").texts["epochs"], read_config("own.yaml").texts["patience"]) == (
        *("10", "3"),
    )
    assert run_command([*words, "--save-config=own.yaml"]) == 2
    assert read_config("own.yaml").texts["epochs"] == "30"


@pytest.mark.parametrize(
    ("text", "given", "message"),
    [
        ("trials: 50\nspace: head", {}, "--space, --trials would not be read without a search"),
        ("search: optuna\ntrials: 50", {}, ""),
        ("search: optuna\ntrials: 50", {"search": "none"}, ""),
        ("search: optuna", {"search": "none", "trials": "50"}, "--trials would not be read"),
        ("epochs: 3", {"trials": "50"}, "--trials would not be read without a search: add"),
        ("epochs: 3", {"trials": "auto", "objective": "macro_f1", "space": "auto"}, ""),
        ("preset: best", {"trials": "50"}, ""),
        ("preset: best\ntrials: 50", {"preset": "quick"}, ""),
        ("preset: best", {"search": "none", "trials": "50"}, "--trials would not be read"),
        ("preset: best", {"preset": "quick", "trials": "50"}, "--trials would not be read"),
        ("entries: [{arch: mlp, preset: best, trials: 5}, {arch: cnn}]", {}, ""),
        ("epochs: 3", {"trials": "50", "search": "optuna"}, ""),
        ("trials: 50\nentries: [{arch: mlp, search: optuna}, {arch: cnn}]", {}, ""),
        ("entries: [{arch: mlp, search: optuna}, {arch: cnn, trials: 5}]", {}, "--trials would"),
        ("entries: [{arch: mlp, search: optuna, trials: 5}]", {"search": "none"}, ""),
        ("entries: [{arch: mlp, search: optuna, trials: 5}]", {"arch": "mlp"}, ""),
        ("arch: [mlp, cnn]\nmembers: [mlp, cnn]", {}, "--members would not be read without a comp"),
        ("arch: [mlp, stacked]\nmembers: [mlp, cnn]", {}, ""),
        ("members: [mlp, cnn]\nentries: [{arch: mlp}, {arch: ensemble}]", {}, ""),
        ("arch: mlp\nviews: 4", {}, "--views would not be read without augmentation"),
        ("arch: mlp\nviews: 4", {"augmentation": "ct"}, ""),
        ("arch: mlp\nviews: 4", {"search": "optuna"}, ""),
        ("views: 4\nentries: [{arch: mlp}, {arch: cnn, augmentation: ct}]", {}, ""),
    ],
)
def test_an_option_that_nothing_would_read_is_refused(
    text: str, given: dict[str, str], message: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message) if message else nullcontext():
        request(tmp_path, text, **given)


def test_a_configuration_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("epochs: 3\n")

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(StoreError, match=r"own\.yaml cannot be written: No space left on device"):
        write_config(Request.read({}), path)
    assert path.read_text() == "epochs: 3\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_password_is_not_written_to_a_configuration(tmp_path: Path) -> None:
    request = request_of({"storage": "postgresql://ann:geheim@db/x", "search": "optuna"}, Config())
    with pytest.raises(UsageError, match="--save-config writes no password") as caught:
        write_config(request, tmp_path / "own.yaml")
    assert "geheim" not in str(caught.value)
    assert not (tmp_path / "own.yaml").exists()
