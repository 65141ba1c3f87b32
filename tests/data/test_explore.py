"""The page and its figures on a small data set."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.cache import Cache
from benchmark.data import Decoded, ReadOptions, decode, read_index
from benchmark.data.audit import audit
from benchmark.data.augmentation import POLICIES, augment
from benchmark.data.explore import drawings, explore
from benchmark.data.explore.drawings import gather
from benchmark.errors import StoreError
from benchmark.records import Picture, Silent
from benchmark.seeds import derive

FIGURES = {"samples", "counts", "sizes", "intensities", "means", "augmentation"}


@pytest.fixture(scope="module")
def decoded(tmp_path_factory: pytest.TempPathFactory) -> Decoded:
    folder = tmp_path_factory.mktemp("explore") / "<set>"
    draw = np.random.default_rng(0)
    for part, count in (("train", 5), ("val", 2), ("test", 3)):
        for name in ("ill & old", "well"):
            (folder / part / name).mkdir(parents=True)
            for place in range(count):
                grain = draw.integers(0, 256, (20 + place, 24), dtype=np.uint8)
                Image.fromarray(grain).save(folder / part / name / f"{place}.png")
    (folder / "train" / "well" / "copy.png").write_bytes(
        (folder / "train" / "well" / "0.png").read_bytes()
    )
    cache = Cache(folder.parent / "cache")
    index = read_index(str(folder), ReadOptions(), cache)
    return decode(index, Picture(side_px=24), cache, Silent())


@pytest.fixture(scope="module")
def page(decoded: Decoded, tmp_path_factory: pytest.TempPathFactory) -> Path:
    into = tmp_path_factory.mktemp("page")
    found = audit(decoded.index, decoded.facts, decoded.pixels)
    return explore(decoded, POLICIES["ct"], into / "new", audit=found)


@pytest.mark.slow
def test_the_page_loads_nothing_and_runs_nothing(page: Path) -> None:
    text = page.read_text()
    assert "<script" not in text
    assert "http" not in text
    assert set(re.findall(r'src="([^,]*),', text)) == {"data:image/png;base64"}


@pytest.mark.slow
def test_every_figure_stands_on_the_page_and_beside_it(page: Path) -> None:
    text = page.read_text()
    assert {path.stem for path in page.parent.glob("*.png")} == FIGURES
    assert set(re.findall(r'<section id="(\w+)">', text)) == FIGURES


@pytest.mark.slow
def test_names_from_the_data_are_escaped(page: Path) -> None:
    text = page.read_text()
    assert "ill &amp; old" in text
    assert "<set>" not in text


@pytest.mark.slow
def test_the_page_shows_counts_findings_and_reasons(page: Path) -> None:
    text = page.read_text()
    assert '<td class="number">6</td><td class="number">2</td><td class="number">3</td>' in text
    assert "2 files of train hold only 1 distinct images" in text
    assert "Window levels differ between readers." in text
    words = " ".join(re.sub("</?code>", "", text).split())
    assert "views whose features are kept (--views) have a seed of their own" in words


@pytest.mark.slow
def test_real_images_are_called_patients_and_drawn_ones_synthetic(
    decoded: Decoded, page: Path, tmp_path: Path
) -> None:
    drawn = replace(decoded, index=replace(decoded.index, synthetic=True))
    assert "images of patients" in page.read_text()
    assert "SYNTHETIC: a program drew" in explore(drawn, POLICIES["none"], tmp_path).read_text()


def test_samples_are_distinct_images(decoded: Decoded) -> None:
    seen = gather(decoded, None, 0)
    well = decoded.index.classes.index("well")
    hashes = [decoded.index.hashes[row] for row in seen.sample(well, 100)]
    assert len(hashes) == len(set(hashes)) == 10


def test_the_preview_shows_training_images_as_training_sees_them(decoded: Decoded) -> None:
    seen, policy = gather(decoded, None, 5), POLICIES["xray"]
    figure = drawings.augmentations(seen, policy)
    last = figure.axes[-8:]
    (row,) = seen.sample(0, 1, "train")
    image = seen.images(np.array([row]))
    view = augment(image, policy, derive(5, "augmentation"), [decoded.index.hashes[row]], 0)
    assert seen.part_of[row] == "train"
    assert np.array_equal(np.asarray(last[0].images[0].get_array()), image[0])
    assert np.array_equal(np.asarray(last[1].images[0].get_array()), view[0])


def test_a_set_without_parts_is_shown_whole(decoded: Decoded) -> None:
    index = replace(decoded.index, parts=(None,) * len(decoded.index))
    seen = gather(replace(decoded, index=index), None, 0)
    assert seen.parts == ("all",)
    assert len(seen.rows(0, "all")) == 10


def test_a_folder_that_cannot_be_written_is_one_line(decoded: Decoded, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot write the figures to"):
        explore(decoded, POLICIES["none"], tmp_path / "file" / "deep")
