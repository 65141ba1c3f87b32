"""The catalog's metadata, without any network."""

import re
import subprocess
import sys

import pytest

from benchmark.errors import UsageError
from benchmark.records import Regime
from benchmark.zoo import ARCHITECTURES, Preprocessing, complete
from benchmark.zoo.keras_table import CLASSES

ALL = [*ARCHITECTURES, *CLASSES]
BACKBONES = [name for name in ALL if ARCHITECTURES[name].keras_class]


def test_importing_the_zoo_imports_no_keras() -> None:
    heavy = "{'keras', 'tensorflow', 'jax', 'h5py', 'pandas'} & set(sys.modules)"
    code = f"import sys, benchmark.zoo; print({heavy})"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"


@pytest.mark.parametrize("name", ALL)
def test_each_architecture_is_built_in_one_way(name: str) -> None:
    architecture = ARCHITECTURES[name]
    ways = (architecture.build, architecture.keras_class, architecture.members)
    assert sum(map(bool, ways)) == 1
    assert bool(architecture.members) == (architecture.regimes == (Regime.COMPOSITE,))


def test_the_catalog_goes_from_the_floor_to_the_composites() -> None:
    assert list(ARCHITECTURES)[:4] == ["prior", "cnn", "mlp", "mobilenetv2"]
    composites = ["ensemble", "weighted-ensemble", "stacked", "chained", "finetuned"]
    assert list(ARCHITECTURES)[-5:] == composites


@pytest.mark.parametrize("name", ALL)
def test_each_architecture_names_its_reference(name: str) -> None:
    architecture = ARCHITECTURES[name]
    assert architecture.name == name
    assert re.search(r"(19|20)\d\d$", architecture.reference)
    assert re.fullmatch(r"10\.\d{4,9}/\S+", architecture.doi)


@pytest.mark.parametrize("name", ALL)
def test_each_architecture_s_own_defaults_and_tiny_parameters_are_valid(name: str) -> None:
    architecture = ARCHITECTURES[name]
    assert list(complete(architecture.tunables, {})) == sorted(
        each.name for each in architecture.tunables
    )
    tiny = complete(architecture.tunables, architecture.tiny)
    assert set(architecture.tiny) <= set(tiny)


@pytest.mark.parametrize("name", BACKBONES)
def test_each_backbone_says_all_that_a_plan_needs(name: str) -> None:
    architecture = ARCHITECTURES[name]
    assert architecture.regimes == (Regime.FROZEN, Regime.FINETUNE)
    assert architecture.preprocessing is not Preprocessing.NONE
    assert 32 <= architecture.smallest_side_px <= architecture.native_side_px
    assert architecture.parameters > 9e5
    assert architecture.gflops > 0.1
    assert [cut.name for cut in architecture.cuts] == [
        "last-block",
        "last-two-blocks",
        "last-stage",
    ]
    assert architecture.weight_file is not None
    assert architecture.weight_file.url.startswith("https://storage.googleapis.com/")
    assert len(architecture.weight_file.published_hash) in {0, 32, 64}


@pytest.mark.parametrize("name", [n for n in ARCHITECTURES if n in BACKBONES])
def test_each_backbone_of_the_catalog_has_three_taps(name: str) -> None:
    assert len(set(ARCHITECTURES[name].taps)) == 3


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("densnet121", "densenet121"),
        ("MobileNetV2", "mobilenetv2"),
        ("keras:ResNet1O1", "keras:ResNet101"),
        ("keras:efficientnetb0", "keras:EfficientNetB0"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(wrong: str, meant: str) -> None:
    with pytest.raises(UsageError, match=rf"Did you mean .*{meant}"):
        ARCHITECTURES[wrong]


def test_a_hopeless_keras_name_is_answered_with_all_of_them() -> None:
    with pytest.raises(UsageError, match=r"There are: .*VGG19"):
        ARCHITECTURES["keras:zzzzzzzz"]


def test_the_catalog_selects_by_glob_and_takes_keras_names() -> None:
    assert ARCHITECTURES.select("vgg*,keras:ResNet101,-vgg16") == ("vgg19", "keras:ResNet101")


def test_a_tunable_of_the_wrong_type_is_refused() -> None:
    with pytest.raises(UsageError, match="conv_blocks must be of type int"):
        complete(ARCHITECTURES["cnn"].tunables, {"conv_blocks": "many"})
