"""Where a report goes, and what of it leaves this machine."""

import io
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from benchmark.errors import StoreError, UsageError
from benchmark.jobs.explaining import Explanations
from benchmark.jobs.reporting import REPORT, Showing, leave_report, pictures_of
from benchmark.records import Picture, Record
from benchmark.report import Dossier
from benchmark.zoo import Explained
from tests.report.made import dossier, few


@dataclass
class Store:
    """Stands where a tracker is wanted."""

    is_elsewhere: bool


@pytest.mark.parametrize(
    ("asked", "synthetic", "here", "elsewhere"),
    [("no", False, True, False), ("yes", False, True, False), ("log", False, True, True),
     ("no", True, True, True)],
)  # fmt: skip
def test_images_leave_this_machine_only_where_that_is_asked_for(
    asked: str, *, synthetic: bool, here: bool, elsewhere: bool
) -> None:
    showing = Showing.read(asked)
    assert showing.shown is (asked != "no")
    for away, may in ((False, here), (True, elsewhere)):
        store = Store(is_elsewhere=away)
        assert showing.may_be_logged(store, synthetic=synthetic) is may  # type: ignore[arg-type]


@pytest.fixture
def pictured() -> Dossier:
    return replace(dossier(*few()), picture=lambda _: b"png")


def test_a_page_with_pictures_is_logged_without_them(pictured: Dossier, tmp_path: Path) -> None:
    logged = leave_report(pictured, tmp_path, may_log=False)
    assert "<img" in (tmp_path / REPORT).read_text()
    assert "<img" not in logged[REPORT]


def test_a_page_that_may_be_logged_is_logged_as_it_is(pictured: Dossier, tmp_path: Path) -> None:
    assert leave_report(pictured, tmp_path, may_log=True) == {
        REPORT: (tmp_path / REPORT).read_text()
    }


def test_pictures_are_small_and_of_images_that_are_there() -> None:
    array = np.zeros((2, 300, 300, 3), dtype=np.uint8)
    pixels = SimpleNamespace(array=array, rows=lambda hashes: [("a", "b").index(hashes[0])])
    picture = pictures_of(SimpleNamespace(hashes=("a", "b")), pixels)  # type: ignore[arg-type]
    small = picture("b")
    assert small is not None
    assert small.startswith(b"\x89PNG")
    assert len(small) < 1000
    assert picture("c") is None


@dataclass
class Acting:
    """Stands where a network's maps come from: all heat at the left."""

    asked: list[list[int]]

    def heat(self, seen: npt.NDArray[np.uint8], classes: list[int]) -> npt.NDArray[np.float32]:
        self.asked.append(classes)
        heat = np.zeros(seen.shape[:3], np.float32)
        heat[:, :, :100] = 1
        return heat


@pytest.fixture
def explanations() -> Explanations:
    array = np.full((2, 300, 300, 3), 60, dtype=np.uint8)
    pixels = SimpleNamespace(
        array=array,
        hashes=("a", "b"),
        rows=lambda hashes: [("a", "b").index(each) for each in hashes],
    )
    tracker = SimpleNamespace(network_path=lambda _: Path("model.keras"))
    return Explanations(
        tracker=cast("Any", tracker), pixels=cast("Any", pixels), picture=Picture(side_px=300)
    )


def run_at(side_px: int) -> Record:
    picture = Picture(side_px=side_px)
    return cast("Record", SimpleNamespace(final=SimpleNamespace(picture=picture)))


def test_maps_are_of_the_images_that_are_there_and_of_the_class_they_were_given(
    explanations: Explanations, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[int]] = []
    monkeypatch.setattr(Explained, "open", lambda _: Acting(asked))
    maps, said = explanations(run_at(300), {"b": 2, "gone": 1, "a": 0})
    assert asked == [[2, 0]]
    assert "Grad-CAM" in said
    assert set(maps) == {"a", "b"}
    drawn = np.asarray(Image.open(io.BytesIO(maps["a"])), dtype=int)
    assert drawn.shape == (150, 150, 3)
    assert drawn[:, :40].mean() > drawn[:, 60:].mean() + 20
    assert explanations(run_at(64), {"a": 0}) == ({}, "")


@pytest.mark.parametrize(
    ("fault", "words"),
    [(UsageError("no map"), "no map of a picture"), (StoreError("x"), "is gone")],
)
def test_a_network_without_maps_says_so(
    fault: Exception, words: str, explanations: Explanations, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> None:
        raise fault

    monkeypatch.setattr(Explained, "open", refuse)
    maps, said = explanations(run_at(300), {"a": 0})
    assert not maps
    assert words in said
