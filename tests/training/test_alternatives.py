"""Parameters of a convex head: what there is, what may be chosen among, and who refuses it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.errors import UsageError
from benchmark.records import Params, Regime
from benchmark.search.space import Kind, Parameter, Space
from benchmark.training import check, head_having
from benchmark.training.heads import evidence_of
from benchmark.training.tunables import among, combinations, policies
from benchmark.zoo import ARCHITECTURES, shares_in

from .conftest import make_material


def frozen(**values: Any) -> Params:
    return check(values, ARCHITECTURES["mobilenetv2"], Regime.FROZEN)


def test_the_head_is_convex_and_what_it_reads_is_chosen_unless_layers_are_asked_for() -> None:
    usual, layers = frozen(), frozen(head="layers")
    assert [usual[each] for each in ("head", "feature_depth", "pooling", "penalty")] == [
        "logistic",
        "end/multi",
        "avg+max",
        "path",
    ]
    assert [layers[each] for each in ("head", "feature_depth", "pooling", "learning_rate")] == [
        "layers",
        "multi",
        "avg",
        0.003,
    ]
    assert "learning_rate" not in usual
    assert "penalty" not in layers


def test_a_penalty_that_is_given_is_not_chosen() -> None:
    assert frozen(l2=0.5)["penalty"] == "given"
    assert frozen(l2=0.5, penalty="given") == frozen(l2=0.5)
    with pytest.raises(UsageError, match=r"penalty=path chooses l2 itself, .* l2=0.5: leave"):
        frozen(l2=0.5, penalty="path")


@pytest.mark.parametrize("name", ["learning_rate", "optimizer", "dropout", "head_layers", "batch"])
def test_what_no_convex_head_reads_is_refused(name: str) -> None:
    value = frozen(head="layers")[name]
    with pytest.raises(
        UsageError,
        match=f"no parameter '{name}' with head=logistic, where nothing would read it "
        r"\(head=layers does\)",
    ):
        frozen(**{name: value})


def test_the_second_stage_of_fine_tuning_has_an_optimizer_and_one_rate() -> None:
    own = check({"optimizer": "sgd"}, ARCHITECTURES["mobilenetv2"], Regime.FINETUNE)
    assert (own["optimizer"], own["finetune_learning_rate"]) == ("sgd", 1e-5)
    assert "learning_rate" not in own
    with pytest.raises(UsageError, match=r"scales must be one of 0\.5, 0\.667, .* 1, not '0\.5"):
        check({"scales": "0.5+1"}, ARCHITECTURES["mobilenetv2"], Regime.FINETUNE)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"pooling": "avg/all"}, "pooling must be one of avg, max, avg\\+max, not 'avg/all'"),
        ({"scales": "0.5/1/0.5"}, "scales names an alternative twice: '0.5/1/0.5'"),
        ({"head": "logistic/layers"}, "head must be one of logistic, layers"),
        (
            {"head": "layers", "feature_depth": "end/multi", "class_weight": "none/balanced"},
            "only .* chooses .* class_weight=none/balanced, feature_depth=end/multi names several",
        ),
    ],
)
def test_alternatives_are_each_checked_and_need_somebody_who_chooses(
    values: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        frozen(**values)


def test_scratch_networks_choose_among_nothing() -> None:
    with pytest.raises(UsageError, match="class_weight=none/balanced names several"):
        check({"class_weight": "none/balanced"}, ARCHITECTURES["cnn"], Regime.SCRATCH)


def test_every_combination_is_tried_the_first_values_first() -> None:
    asked = frozen(scales="0.5/1", pooling="avg/max", augmentation="none/ct")
    made = combinations(asked.having(feature_depth="end"))
    names = ("scales", "pooling", "augmentation")
    assert [tuple(each[name] for name in names) for each in made][:3] == [
        ("0.5", "avg", "none"),
        ("0.5", "avg", "ct"),
        ("0.5", "max", "none"),
    ]
    assert len(made) == 8
    assert asked["views"] == 4  # for those with augmentation
    assert shares_in(asked) == (0.5, 1.0)
    assert policies(asked) == ("ct",)


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ("Mass/Nodule=2,normal=0.5", ["Mass/Nodule=2,normal=0.5"]),
        ("normal=.5,a/b/c = 1e-2/none", ["normal=.5,a/b/c = 1e-2", "none"]),
        (
            "none/balanced/Mass/Nodule=2/Mass/Nodule=3",
            ["none", "balanced", "Mass/Nodule=2", "Mass/Nodule=3"],
        ),
        ("none/Mass/Nodule", ["none", "Mass/Nodule"]),
        ("Mass/Nodule=two/none", ["Mass/Nodule=two/none"]),
    ],
)
def test_a_slash_in_the_name_of_a_class_separates_nothing(words: str, values: list[str]) -> None:
    assert list(among(frozen(class_weight=words), "class_weight")) == values


def test_a_slash_separates_policies_and_none_in_a_path() -> None:
    several = frozen(augmentation="ct/rotation=10,zoom=0.1")
    assert among(several, "augmentation") == ("ct", "rotation=10,zoom=0.1")
    assert among({"augmentation": "own/ct.yaml"}, "augmentation") == ("own/ct.yaml",)


def test_a_slash_separates_nothing_where_no_run_would_choose() -> None:
    (shape,) = [Parameter(name="shape", kind=Kind.CHOICE, choices=("3x3",))]
    found = Space(name="own", about="", parameters=(shape,)).including({"shape": "3x3/5x5"})
    assert found["shape"].choices == ("3x3", "3x3/5x5")


def test_a_space_that_moves_what_only_layers_read_makes_the_head_layers() -> None:
    architecture = ARCHITECTURES["mobilenetv2"]
    assert head_having(["l2", "pooling"], architecture, Regime.FROZEN) == "logistic"
    assert head_having(["l2", "dropout"], architecture, Regime.FROZEN) == "layers"
    assert head_having(["cut", "optimizer"], architecture, Regime.FINETUNE) == "logistic"


def test_labels_that_are_taught_are_chosen_on_without_true_ones(tmp_path: Path) -> None:
    material = make_material(tmp_path)
    assert len(evidence_of(material, with_val=False).rows) == 24
    assert len(evidence_of(material, with_val=True).rows) == 32
    exchanged = replace(material, taught=1 - material.labels)
    found = evidence_of(exchanged, with_val=True)
    assert len(found.rows) == 24
    np.testing.assert_array_equal(found.labels, 1 - material.labels[:24])
