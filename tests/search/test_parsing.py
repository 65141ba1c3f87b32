"""What a search space's file may say, and what a person is told when it may not."""

from pathlib import Path

import pytest

from benchmark.errors import UsageError
from benchmark.records import Tunable
from benchmark.search import Kind, parse_space, read_space, space_names

GOOD = """
about: two
parameters:
  rate: {type: float, low: 1.0e-4, high: 0.1, log: true, source: a paper}
  layers: {type: int, low: 0, high: 4, step: 2}
  width: {type: int, low: 8, high: 64, log: true, when: {layers: [2, 4]}}
  drop: {type: default}
"""


def write(parameters: str) -> str:
    return "about: one\nparameters:\n" + "".join(f"  {line}\n" for line in parameters.splitlines())


def test_a_good_file_gives_its_parameters_in_order() -> None:
    space = parse_space(GOOD, name="good", file="good.yaml")
    assert [each.name for each in space.parameters] == ["rate", "layers", "width", "drop"]
    assert space["rate"].bounds == (1e-4, 0.1)
    assert space["layers"].grid() == (0, 2, 4)
    assert space["width"].when[0].values == (2, 4)
    assert space["drop"].kind is Kind.DEFAULT


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            "rate: {type: float, low: 1e-4, high: 0.1}",
            r"^x.yaml: rate.low is the text '1e-4'; YAML needs 1.0e-4\.$",
        ),
        (
            "rate: {type: float, low: 0.0, high: 1e5}",
            r"rate.high is the text '1e5'; YAML needs 1.0e\+5\.",
        ),
        (
            "rate: {type: float, low: '0.5', high: 1.0}",
            r"rate.low is the text '0.5'; write 0.5 without quotes\.",
        ),
        ("n: {type: int, low: '3', high: 9}", r"n.low is the text '3'; write 3\."),
        ("n: {type: int, low: 1.5, high: 9}", r"n.low is 1.5; write a whole number, or type"),
        ("n: {type: int, low: few, high: 9}", r"n.low is the text 'few'; write a number\."),
        ("n: {type: int, low: 9, high: 3}", r"n.low is 9, above n.high, 3; swap them\."),
        ("n: {type: int, high: 3}", r"n.low is missing; write a whole number\."),
        ("n: {type: int, low: true, high: 3}", r"n.low is True; write a whole number\."),
        ("n: {type: float, low: .nan, high: 3}", "^x.yaml: line 3: a number must be finite"),
        ("n: {type: int, low: 0, high: inf}", r"n.high is the text 'inf'; write a finite number\."),
        ("n: {type: int, low: 0, high: 1e400}", r"is the text '1e400'; write a finite number\."),
        ("n: {type: float, low: 0, high: 0.5, step: 1.0e-320}", r"at most 1,000,000 steps\."),
        ("n: {type: float, low: -1.7e+308, high: 1.7e+308}", "are too far apart for a range"),
        ("n: {type: float, low: 0, high: 3, log: true}", r"n.low must be above 0 for log: true"),
        ("n: {type: float, low: 1, high: 3, log: 1}", r"n.log must be true or false, not 1\."),
        ("n: {type: int, low: 1, high: 3, log: true, step: 1}", r"n has both log and step"),
        ("n: {type: int, low: 0, high: 5, step: 2}", r"n.high must be n.low and whole steps of 2"),
        ("n: {type: int, low: 0, high: 5, step: 0}", r"n.step must be above 0 and at most 5"),
        ("n: {type: flaot, low: 0, high: 5}", r"n.type is 'flaot'; write one of float, int"),
        ("n: {low: 0, high: 5}", r"n.type is missing; write one of"),
        ("n: {type: int, lo: 0, high: 5}", r"n.lo is not a key here. Did you mean low\?"),
        ("n: {type: bool, low: 0}", r"n.low is not a key here"),
        ("n: 3", r"n must be a mapping such as \{type: bool\}, not 3\."),
        ("n: {type: choice}", r"n.choices must be a list of values, not None\."),
        ("n: {type: choice, choices: [1, 1]}", r"n.choices must differ from one another"),
        ("n: {type: choice, choices: [on, some]}", r"n.choices must all be of one type, not \[T"),
        ("n: {type: choice, choices: [[1]]}", r"n.choices holds \[1\]; write a text, a number"),
        ("n: {type: fixed}", r"n.value is missing; write the value it is fixed at\."),
        ("n: {type: bool, when: {m: 1}}", r"n.when names m, which is not declared above it"),
        ("n: {type: bool, when: 3}", r"n.when must be a mapping"),
        ("m: {type: bool}\nn: {type: bool, when: {m: 3}}", r"n.when.m is 3, which m never is\."),
        (
            "m: {type: float, low: 0, high: 1}\nn: {type: bool, when: {m: 1}}",
            r"n.when names m, whose type float has no listing",
        ),
        ("n: {type: bool}\nn: {type: bool}", r"x.yaml: line 4: n stands twice"),
        ("n: {type: bool, source: 3}", r"n.source must be a text, not 3\."),
        ("n: {type: bool", r"x.yaml: this is not YAML in line \d+: "),
    ],
)
def test_a_wrong_entry_is_named_with_file_and_key(parameters: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_space(write(parameters), name="x", file="x.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a search space is a mapping with the keys about and parameters"),
        ("about: 3\nparameters: {n: {type: bool}}", "about must be a text, not 3"),
        ("parameters: {}", "parameters must map each parameter's name to its range"),
        ("paramters: {}", "paramters is not a key here. Did you mean parameters?"),
        ("!!python/object:os.system {}", r"line 1: tags \(!name\) are not read here"),
    ],
)
def test_a_wrong_file_is_named(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message.replace("?", r"\?")):
        parse_space(text, name="x", file="x.yaml")


def test_a_misspelt_space_is_met_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match=r"no search space named 'haed'. Did you mean head\?"):
        read_space("haed")


def test_a_path_that_leads_nowhere_is_said() -> None:
    with pytest.raises(UsageError, match=r"no search space stands at nowhere/x\.yaml"):
        read_space("nowhere/x.yaml")


def test_a_space_of_ones_own_is_a_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD)
    assert read_space(str(path)).name == "mine"


def test_mixed_numbers_become_real_ones() -> None:
    space = parse_space(write("n: {type: choice, choices: [1, 2.5]}"), name="x", file="x.yaml")
    assert space["n"].choices == (1.0, 2.5)


def test_comments_and_sources_do_not_change_the_digest() -> None:
    one = parse_space(GOOD, name="one", file="one.yaml")
    two = parse_space(
        GOOD.replace("a paper", "another paper") + "# more\n", name="two", file="two.yaml"
    )
    assert one.digest == two.digest


@pytest.mark.parametrize(
    ("before", "after"),
    [("0.1", "0.2"), ("log: true, s", "log: false, s"), ("[2, 4]", "[2]"), ("step: 2", "step: 1")],
)
def test_any_range_changes_the_digest(before: str, after: str) -> None:
    one = parse_space(GOOD, name="x", file="x.yaml")
    two = parse_space(GOOD.replace(before, after), name="x", file="x.yaml")
    assert one.digest != two.digest


TUNABLES = (
    Tunable(name="rate", default=0.1, about="", low=1e-3, high=1.0),
    Tunable(name="layers", default=0, about="", low=0, high=4),
    Tunable(name="width", default=8, about="", low=1, high=512),
    Tunable(name="drop", default=0.5, about="", low=0.0, high=0.8),
    Tunable(name="pool", default="avg", about="", choices=("avg", "max")),
)


def test_a_range_beyond_the_architectures_is_said_with_both() -> None:
    space = parse_space(GOOD, name="good", file="good.yaml")
    with pytest.raises(
        UsageError,
        match=r"^good.yaml: rate may not be searched at 0.0001: rate must be at least 0.001",
    ):
        space.check(TUNABLES)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("widht: {type: bool}", r"widht is no parameter of cnn. Did you mean width\?"),
        ("pool: {type: choice, choices: [avg, min]}", "pool may not be searched at 'min'"),
        ("layers: {type: float, low: 0, high: 1}", "layers must be of type int"),
        ("drop: {type: bool}", "drop must be of type float"),
        ("other: {type: default}", "other is no parameter of cnn. It has: rate"),
    ],
)
def test_what_an_architecture_does_not_have_is_said(parameters: str, message: str) -> None:
    space = parse_space(write(parameters), name="x", file="x.yaml")
    with pytest.raises(UsageError, match=message):
        space.check(TUNABLES, "cnn")


@pytest.mark.parametrize("name", space_names())
def test_every_built_in_range_has_a_source(name: str) -> None:
    assert all(each.source for each in read_space(name).parameters)


def test_the_built_in_spaces_are_those_of_the_documentation() -> None:
    assert set(space_names()) >= {"head", "cnn", "mlp", "finetune", "augmentation", "smoke"}
