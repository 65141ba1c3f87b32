import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark import __version__
from benchmark.cli import COMMANDS, run_command
from benchmark.errors import UsageError
from benchmark.request import RUN_OPTIONS, Option, Request, yes_or_no

ROOT = Path(__file__).parents[2]


def said(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert run_command(words) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["rnu"], "no command 'rnu'. Did you mean run?"),
        (["qqq"], "There are: run, plan"),
        ([], "required: COMMAND"),
        (["run", "--epoch", "3"], "no option '--epoch' here. Did you mean --epochs?"),
        (["run", "--epochs"], "argument --epochs: expected one argument"),
        (["run", "--epochs=--"], "--epochs must be a whole number of at least 1, not '--'"),
        (["run", "--epochs", "0"], "--epochs must be a whole number of at least 1, not '0'"),
        (["run", "--epochs", "abc"], "--epochs must be a whole number of at least 1, not 'abc'"),
        (["run", "--jobs", "1.5"], "--jobs must be a whole number"),
        (
            ["run", "--timeout", "-1"],
            "--timeout must be a number from 0 to 1,000,000,000, not '-1'",
        ),
        (["run", "--timeout", "nan"], "--timeout must be a number"),
        (["run", "--side", "8"], "--side must be a whole number of at least 16"),
        (["run", "--side", "large"], "--side must be auto, own, fill, or a side in pixels"),
        (["run", "--preset", "goood"], "no preset named 'goood'. Did you mean good?"),
        (["run", "--finetune", "all"], "--finetune must be one of none, best, not 'all'"),
        (["run", "--seed", "1,1"], "--seed must be whole numbers without repetition"),
        (["run", "--seed", "-1"], "--seed must be a whole number of at least 0"),
        (["run", "--resume", "maybe"], "--resume must be yes or no, not 'maybe'"),
        (["run", "--fit", "squash"], "--fit must be one of stretch, pad, crop, not 'squash'"),
        (["run", "--experiment", "a/b"], "--experiment must be a name of letters"),
        (["run", "--register", ""], "--register must be a name of letters"),
        (["cache", "burn"], "invalid choice: 'burn'"),
        (["predict"], "predict needs an image or a folder"),
        (["evaluate", "--map", "a"], "--map must be none or THEIRS=OURS,..."),
        (["evaluate", "--operating-point", "youden"], "--operating-point must be fixed, or"),
        (["evaluate", "--prevalence", "2"], "--prevalence must be a number between 0 and 1"),
        (["evaluate", "--by", "sex,"], "--by must be a list without empty items"),
    ],
)
def test_a_wrong_word_gets_one_line_and_exit_code_2(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in said(words, capsys)


@pytest.mark.parametrize("option", RUN_OPTIONS, ids=lambda option: option.name)
def test_every_default_is_a_value_that_its_option_takes(option: Option) -> None:
    option.value(option.default)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_shows_its_options_with_their_defaults(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="0"):
        run_command([command, "--help"])
    shown = capsys.readouterr().out
    for option in COMMANDS[command].options:
        assert f"  {option.flag} " in shown
        assert option.about.split()[0] in shown


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        run_command(["--version"])
    assert capsys.readouterr().out == f"benchmark {__version__}\n"


def test_texts_are_the_usual_ones_of_numbers_and_flags_and_as_given_otherwise() -> None:
    given = {"resume": "TRUE", "epochs": "+3", "cache_limit": "20.0", "seed": "2,0, 1"}
    usual = {"resume": "yes", "epochs": "3", "cache_limit": "20", "seed": "2,0,1"}
    words = {"arch": "*net*, mlp", "select": "cv:5x1", "rank_on": "cv:3", "search": "optuna"}
    request = Request.read({**given, **words})
    texts = request.to_texts()
    assert {name: texts[name] for name in (*given, *words)} == {**usual, **words}
    assert Request.read(texts) == request
    assert Request.read({}).to_texts() == {each.name: each.default for each in RUN_OPTIONS}


def test_several_seeds_are_read_in_their_order() -> None:
    request = Request.read({"seed": "2,0, 1"})
    assert request.seed == (2, 0, 1)
    assert request.to_texts()["seed"] == "2,0,1"


@pytest.mark.parametrize("text", ["yes", "true", "1", "True"])
def test_yes_has_several_spellings(text: str) -> None:
    assert yes_or_no(text) is True


def test_an_option_names_itself_when_its_text_is_wrong() -> None:
    option = Option(name="on_leak", default="1", about="x", group="g", read=yes_or_no)
    with pytest.raises(UsageError, match=r"^--on-leak must be yes or no"):
        option.value("x")


def test_a_missing_package_is_told_with_the_one_command_that_installs_it() -> None:
    code = (
        "import sys; sys.modules['numpy'] = None\n"
        "from benchmark.cli import run_command\n"
        "sys.exit(run_command(['plan']))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "numpy is missing" in done.stderr
    assert "python -m pip install -r requirements.txt" in done.stderr
    assert done.stderr.count("\n") == 1


def test_help_and_the_version_import_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from benchmark.__main__ import main\n"
        "from benchmark.cli import COMMANDS\n"
        "for words in ([], ['--help'], ['--version'], *([each, '--help'] for each in COMMANDS)):\n"
        "    sys.argv = ['benchmark', *words]\n"
        "    try: main()\n"
        "    except SystemExit: pass\n"
        "heavy = {'numpy', 'tensorflow', 'keras', 'mlflow', 'pandas', 'sklearn', 'rich'}\n"
        "print('heavy:', sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert "heavy: []" in done.stderr
    assert "--arch" in done.stdout


class DriverError(Exception):
    """An error of a database's family, without importing it."""


DriverError.__module__ = "sqlalchemy.exc"


@pytest.mark.parametrize("kind", [DriverError, type("Own", (DriverError,), {})])
def test_what_a_store_raises_anywhere_is_one_line(
    kind: type[Exception], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> int:
        raise kind("no way\nto postgresql://ann:geheim@db/x")

    monkeypatch.setitem(COMMANDS, "spaces", replace(COMMANDS["spaces"], do=fail))
    assert run_command(["spaces"]) == 2
    said = f"benchmark: the store failed: {kind.__name__}: no way to postgresql://ann:***@db/x\n"
    assert capsys.readouterr().err == said


def test_what_is_our_own_mistake_shows_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> int:
        raise KeyError("ours")

    monkeypatch.setitem(COMMANDS, "spaces", replace(COMMANDS["spaces"], do=fail))
    with pytest.raises(KeyError, match="ours"):
        run_command(["spaces"])
