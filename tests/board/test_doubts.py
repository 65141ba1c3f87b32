from benchmark.board import Row
from tests.board.made import Made, board_of, calling, erring, spec, spread
from tests.evaluation.made import truth

SIZES = (30, 30, 8)


def flags(*made: Made) -> tuple[str, ...]:
    found: Row = board_of(*made).ranked[0]
    return found.flags


def test_a_healthy_row_has_no_flags() -> None:
    assert flags(erring("a", spread(12))) == ()
    assert flags(erring("a", range(0, 68, 9), sizes=SIZES)) == ()


def test_a_class_of_five_units_that_is_never_named_is_flagged() -> None:
    called = [label % 2 for label in truth(*SIZES)]
    assert flags(calling("a", called, sizes=SIZES)) == ("never names c (8 units)",)


def test_a_class_of_four_units_may_go_unnamed() -> None:
    sizes = (30, 30, 4)
    assert flags(calling("a", [label % 2 for label in truth(*sizes)], sizes=sizes)) == ()


def test_a_class_that_one_seed_names_is_not_flagged() -> None:
    called = [label % 2 for label in truth(*SIZES)]
    seeds = [calling("a", called, sizes=SIZES, of=spec("a", seed=0))]
    seeds.append(erring("a", [], sizes=SIZES, of=spec("a", seed=1)))
    assert not [each for each in flags(*seeds) if each.startswith("never names")]


def test_an_auroc_that_may_be_chance_is_flagged() -> None:
    found = flags(calling("coin", [number % 2 for number in range(72)]))
    assert found[0] == "its AUROC may be chance: [0.38, 0.62] holds 0.5"
    assert found[1].startswith("exchanged labels reach its figure with p = ")


def test_an_auroc_that_no_interval_can_be_given_for_is_not_flagged() -> None:
    found = flags(calling("coin", [number % 2 for number in range(38)], sizes=(36, 2)))
    assert not [each for each in found if "AUROC" in each]


def test_what_noise_reaches_is_flagged_on_its_row_alone() -> None:
    board = board_of(erring("a", spread(4)), erring("b", spread(36, start=2)))
    assert board.ranked[0].flags == ()
    assert board.ranked[1].flags[-1].startswith("exchanged labels reach its figure with p = ")
