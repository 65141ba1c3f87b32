import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from benchmark.cli import RUN_OPTIONS, run_command
from benchmark.cli.options import Option, seeds, yes_or_no
from benchmark.cli.parser import COMMANDS, options_of
from benchmark.errors import UsageError
from benchmark.plan import Request

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
        (["run", "--epochs", "0"], "--epochs must be a whole number of at least 1, not '0'"),
        (["run", "--epochs", "abc"], "--epochs must be a whole number of at least 1, not 'abc'"),
        (["run", "--jobs", "1.5"], "--jobs must be a whole number"),
        (["run", "--timeout", "-1"], "--timeout must be a number of at least 0, not '-1'"),
        (["run", "--timeout", "nan"], "--timeout must be a number"),
        (["run", "--side", "8"], "--side must be a whole number of at least 16"),
        (["run", "--seed", "1,1"], "--seed must be whole numbers without repetition"),
        (["run", "--seed", "-1"], "--seed must be a whole number of at least 0"),
        (["run", "--resume", "maybe"], "--resume must be yes or no, not 'maybe'"),
        (["run", "--fit", "squash"], "--fit must be one of stretch, pad, crop, not 'squash'"),
        (["run", "--experiment", "a/b"], "--experiment must be a name of letters"),
        (["run", "--register", ""], "--register must be a name of letters"),
        (["cache", "burn"], "invalid choice: 'burn'"),
        (["predict"], "predict needs an image or a folder"),
    ],
)
def test_a_wrong_word_gets_one_line_and_exit_code_2(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert message in said(words, capsys)


def test_a_request_has_the_options_of_the_main_job() -> None:
    assert sorted(item.name for item in fields(Request)) == sorted(
        option.name for option in RUN_OPTIONS
    )


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
    for option in options_of(command):
        assert f"  {option.flag} " in shown
        assert option.about.split()[0] in shown


def test_several_seeds_are_read_in_their_order() -> None:
    assert seeds("2,0, 1") == (2, 0, 1)


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


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['benchmark', 'run', '--help']\n"
        "from benchmark.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'tensorflow', 'keras', 'mlflow', 'pandas', 'sklearn', 'rich'}\n"
        "print('heavy:', sorted(heavy & set(sys.modules)), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert "heavy: []" in done.stderr
    assert "--arch" in done.stdout
