"""Every built-in space fits the architectures it is written for."""

from collections.abc import Iterable

import pytest

from benchmark.errors import UsageError
from benchmark.plan import check_space
from benchmark.records import Regime
from benchmark.search import parse_space, read_space
from benchmark.training.tunables import tunables
from benchmark.zoo import ARCHITECTURES


def trained(*regimes: Regime) -> Iterable[tuple[str, Regime]]:
    return (
        (name, regime)
        for name in ARCHITECTURES
        for regime in regimes
        if regime in ARCHITECTURES[name].regimes
    )


CASES = [
    *(("head", name, regime) for name, regime in trained(Regime.FROZEN)),
    *(("linear", name, regime) for name, regime in trained(Regime.FROZEN)),
    *(("augmentation", name, regime) for name, regime in trained(Regime.FROZEN)),
    *(("finetune", name, regime) for name, regime in trained(Regime.FINETUNE)),
    *(
        ("smoke", name, regime)
        for name, regime in trained(Regime.FROZEN, Regime.FINETUNE, Regime.SCRATCH)
    ),
    *(("scratch", name, regime) for name, regime in trained(Regime.SCRATCH)),
    *((ARCHITECTURES[name].space, name, regime) for name, regime in trained(Regime.SCRATCH)),
]


@pytest.mark.parametrize(("space", "name", "regime"), CASES)
def test_a_space_fits_its_architectures(space: str, name: str, regime: Regime) -> None:
    check_space(read_space(space), ARCHITECTURES[name], regime)


@pytest.mark.parametrize("space", ["head", "linear", "augmentation", "finetune"])
def test_there_is_an_architecture_for_every_pretrained_space(space: str) -> None:
    assert len([case for case in CASES if case[0] == space]) >= 9


def test_a_space_of_sides_is_refused_and_scales_are_named() -> None:
    line = "side: {type: choice, choices: [224, 448], source: chosen}"
    space = parse_space(f"about: sides\nparameters:\n  {line}\n", name="own", file="own.yaml")
    with pytest.raises(UsageError, match=r"own.yaml: side is no parameter of mobilenetv2.*scales"):
        space.check(tunables(ARCHITECTURES["mobilenetv2"], Regime.FROZEN), "mobilenetv2")
