"""The images on which formats are compared."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmark.data import ReadOptions, read_index
from benchmark.errors import DataError, UsageError
from benchmark.jobs import exporting_images
from benchmark.jobs.exporting_images import compared_images
from benchmark.jobs.plan_job import cache_or_scratch
from benchmark.records import Index, Picture
from benchmark.serving import Card

from .conftest import COUNTS

pytestmark = pytest.mark.slow  # a data set is read


def model(data: str = "my-scans") -> Any:
    """Return a model of images of 16 px, whose run nobody knows."""
    card = Card(
        classes=("bright", "dark"),
        picture=Picture(side_px=16),
        data=data,
        synthetic=data == "phantom",
        spec_digest="5" * 64,
        sha256="6" * 64,
    )
    return SimpleNamespace(uri="models:/m/1", card=card, kept=None, store=None)


class Runs:
    """A store that knows a run, which was checked on some images of a data set."""

    def __init__(self, hashes: Sequence[str], asked: Mapping[str, str]) -> None:
        self._hashes, self._asked = tuple(hashes), asked

    def record(self, _: str) -> Any:
        """Return the run."""
        return SimpleNamespace(spec=SimpleNamespace(data_digest="7" * 64))

    def parent_of(self, _: Any) -> str:
        """Return its benchmark."""
        return "parent"

    def benchmarks(self) -> Sequence[Any]:
        """Return the benchmark, with its options."""
        return [SimpleNamespace(run_id="parent", params=self._asked)]

    def check(self, _: Any) -> Any:
        """Return the images that it was checked on."""
        return SimpleNamespace(hashes=self._hashes)


@pytest.fixture
def index(scans: Path) -> Index:
    with cache_or_scratch("none") as cache:
        return read_index(str(scans), ReadOptions(), cache)


def known(monkeypatch: pytest.MonkeyPatch, runs: Runs) -> Any:
    monkeypatch.setattr(exporting_images, "known_of", lambda _: runs)
    found = model()
    found.kept = SimpleNamespace(run_id="run")
    return found


def test_images_of_a_folder_are_taken_evenly(scans: Path) -> None:
    found = compared_images(model(), str(scans), None, "none")
    assert found.pixels.shape == (32, 16, 16, 3)
    assert found.pixels.dtype == np.uint8
    assert found.said == "32 images of small scans"
    means = found.pixels.mean(axis=(1, 2, 3)) > 100
    assert means.any()
    assert not means.all()


def test_a_run_s_own_images_are_taken_by_their_content(
    scans: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = Runs(index.hashes[3:7], {"data": str(scans)})
    found = compared_images(known(monkeypatch, runs), None, None, "none")
    expected = [
        np.asarray(Image.open(scans / path).resize((16, 16), Image.Resampling.BILINEAR))
        for path in index.paths[3:7]
    ]
    np.testing.assert_array_equal(found.pixels[..., 0], np.stack(expected))
    assert found.said == "4 images of small-scans that the run was checked on"


def test_images_of_another_data_set_are_taken_evenly(
    scans: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = Runs(["8" * 64], {"data": "elsewhere"})
    found = compared_images(known(monkeypatch, runs), None, str(scans), "none")
    assert len(found.pixels) == min(32, sum(COUNTS.values()))
    assert found.said.endswith("spread over it")


def test_a_model_whose_run_is_not_here_needs_images() -> None:
    with pytest.raises(UsageError, match="name some with --images"):
        compared_images(model(), None, None, "none")


def test_the_phantom_can_be_drawn_anywhere() -> None:
    found = compared_images(model("phantom"), None, None, "none")
    assert found.said == "32 images of phantom spread over it"


@pytest.mark.parametrize(
    ("name", "said"),
    [("empty", "holds no images"), ("text.png", "cannot be compared|compared on")],
)
def test_what_is_no_image_is_refused_by_name(name: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(DataError, match=said):
        compared_images(model(), str(tmp_path / name), None, "none")
