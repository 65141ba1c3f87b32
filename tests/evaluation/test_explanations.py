"""Heat stands in the overlay where it was found in the picture."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.data import decode_array
from benchmark.evaluation import overlay, shown_size, write_overlay
from benchmark.records import Picture

pytestmark = pytest.mark.slow  # matplotlib takes a second to import


@pytest.mark.parametrize("size", [(40, 80), (80, 40), (60, 60), (81, 32)])
@pytest.mark.parametrize("fit", ["stretch", "pad", "crop"])
def test_heat_comes_back_to_what_the_network_saw_it_on(fit: str, size: tuple[int, int]) -> None:
    height, width = size
    grey = np.zeros(size, np.uint8)
    bright = (slice(height // 2 - 8, height // 2 + 2), slice(width // 2 - 4, width // 2 + 12))
    grey[bright] = 255
    heat = decode_array(grey, Picture(side_px=64, fit=fit, channels=1))[..., 0] / 255
    drawn = overlay(Image.fromarray(np.zeros((*size, 3), np.uint8)), heat, fit)
    warm = np.asarray(drawn).sum(2) > 90  # what half the heat gives
    assert drawn.size == (width, height)
    assert warm[bright].mean() > 0.8
    assert (warm.sum() - warm[bright].sum()) / warm[bright].size < 0.2


def test_what_was_cropped_away_has_no_heat_and_shows_the_picture() -> None:
    picture = np.full((40, 80, 3), 100, np.uint8)
    drawn = np.asarray(overlay(Image.fromarray(picture), np.ones((16, 16)), "crop"))
    is_as_it_was = (drawn == 100).all(2)
    assert is_as_it_was[:, :20].all()
    assert is_as_it_was[:, 60:].all()
    assert not is_as_it_was[:, 20:60].any()


def test_a_picture_without_heat_is_shown_as_it_is() -> None:
    grey = np.random.default_rng(1).integers(0, 256, (30, 20), dtype=np.uint8)
    drawn = np.asarray(overlay(shown_size(grey), np.zeros((8, 8)), "stretch"))
    assert np.array_equal(drawn, np.repeat(grey[..., None], 3, axis=2))


def test_a_large_picture_is_reduced_in_its_own_shape() -> None:
    assert shown_size(np.zeros((4000, 2000), np.uint8)).size == (512, 1024)
    assert shown_size(np.zeros((40, 20, 3), np.uint8)).size == (20, 40)


def test_an_overlay_says_what_it_shows_and_bears_its_mark(tmp_path: Path) -> None:
    grey = Image.new("RGB", (90, 60), (90, 90, 90))
    write_overlay(grey.copy(), tmp_path / "plain.png", "Grad-CAM of ä.png")
    write_overlay(grey, tmp_path / "marked.png", "of b.png", mark="SYNTHETIC")
    with Image.open(tmp_path / "plain.png") as plain, Image.open(tmp_path / "marked.png") as marked:
        assert plain.info["Description"] == "Grad-CAM of ä.png"
        assert np.ptp(np.asarray(plain)) == 0
        assert np.ptp(np.asarray(marked)[:30]) > 200
        assert np.ptp(np.asarray(marked)[30:]) == 0
