"""What a person may say of weights, and what is refused before any work."""

from pathlib import Path

import pytest

from benchmark.errors import UsageError
from benchmark.zoo import (
    ARCHITECTURES,
    Preprocessing,
    WeightsChoice,
    WeightsFrom,
    WeightsPlace,
    read_weights_from,
)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to stand in, with weight files and a folder of them."""
    monkeypatch.chdir(tmp_path)
    for name in ("rad.h5", "a,b=c.h5", "rad:tf"):
        (tmp_path / name).touch()
    (tmp_path / "folder").mkdir()
    return tmp_path


def at(where: WeightsFrom | str, preprocessing: Preprocessing | None = None) -> WeightsPlace:
    place = where if isinstance(where, WeightsFrom) else Path(where)
    return WeightsPlace(where=place, preprocessing=preprocessing)


AUTO, NONE = at(WeightsFrom.AUTO), at(WeightsFrom.NONE)


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("text", "rest", "named"),
    [
        ("auto", AUTO, {}),
        ("imagenet", at(WeightsFrom.IMAGENET), {}),
        ("none", NONE, {}),
        ("folder", at("folder"), {}),
        ("rad.h5", at("rad.h5"), {}),
        ("a,b=c.h5", at("a,b=c.h5"), {}),
        ("rad:tf", at("rad:tf"), {}),
        ("rad.h5:tf", at("rad.h5", Preprocessing.TF), {}),
        ("folder:caffe", at("folder", Preprocessing.CAFFE), {}),
        ("densenet121=rad.h5", AUTO, {"densenet121": at("rad.h5")}),
        ("none, densenet121 = rad.h5 ", NONE, {"densenet121": at("rad.h5")}),
        (
            "densenet121=rad.h5:radimagenet,folder,resnet50=none",
            at("folder"),
            {"densenet121": at("rad.h5", Preprocessing.RADIMAGENET), "resnet50": NONE},
        ),
        ("keras:ResNet101=folder", AUTO, {"keras:ResNet101": at("folder")}),
    ],
)
def test_weights_are_read_as_they_are_meant(
    text: str, rest: WeightsPlace, named: dict[str, WeightsPlace]
) -> None:
    assert read_weights_from(text) == WeightsChoice(rest=rest, named=tuple(named.items()))


def test_a_list_may_be_longer_than_a_file_s_name() -> None:
    names = [name for name in ARCHITECTURES if ARCHITECTURES[name].weight_file]
    names += [f"keras:ResNet{depth}" for depth in ("101", "152", "101V2", "152V2", "50V2")]
    text = ",".join(f"{name}=imagenet" for name in names)
    assert len(text) > 255
    assert [name for name, _ in read_weights_from(text).named] == names


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("imagnet", "must be auto, imagenet, none or a folder .* not 'imagnet'"),
        ("", "must be auto, imagenet, none or a folder .* not ''"),
        ("auto,", "must name one place for the rest, not twice: 'auto,'"),
        ("densenet121=gone.h5", "must be .* for densenet121, not 'gone.h5'"),
        ("densenet121=", "must be .* for densenet121, not ''"),
        ("densenet121=rad.h5:bgr", "must be .*radimagenet.* not 'rad.h5:bgr'"),
        ("imagenet:tf", "must be .* not 'imagenet:tf'"),
        ("densenet121=rad.h5,densenet121=folder", "must name 'densenet121' once, not twice"),
        ("none,folder", "must name one place for the rest, not twice"),
        ("densnet121=rad.h5", "no architecture named 'densnet121'. Did you mean densenet121"),
        ("cnn=rad.h5", "cnn has no pretrained weights to begin with; leave it out"),
        ("ensemble=rad.h5", "ensemble has no pretrained weights"),
    ],
)
def test_weights_that_mean_nothing_are_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_weights_from(text)


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("text", "asked", "message"),
    [
        ("densenet121=rad.h5", "resnet50", "--weights densenet121: not among the architectures"),
        ("rad.h5", "densenet121,resnet50", "it could be of densenet121, resnet50; write NAME=FILE"),
        ("rad.h5", "cnn,ensemble", "a file holds one network's weights, and none asked for takes"),
        ("rad.h5,densenet121=none", "densenet121,cnn", "and none asked for takes any"),
    ],
)
def test_a_place_that_nobody_or_too_many_would_read_is_refused(
    text: str, asked: str, message: str
) -> None:
    asked_for = [ARCHITECTURES[name] for name in asked.split(",")]
    with pytest.raises(UsageError, match=message):
        read_weights_from(text).check(asked_for)


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("rad.h5", "cnn,densenet121,ensemble"),
        ("rad.h5,resnet50=none", "densenet121,resnet50"),
        ("folder", "cnn"),
        ("densenet121=rad.h5", "all"),
    ],
)
def test_a_place_that_is_read_is_taken(text: str, asked: str) -> None:
    read_weights_from(text).check(ARCHITECTURES[name] for name in ARCHITECTURES.select(asked))
