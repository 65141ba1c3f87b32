"""Where a report goes, and what of it leaves this machine."""

from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmark.jobs.reporting import REPORT, Showing, leave_report, pictures_of
from benchmark.report import Dossier
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
