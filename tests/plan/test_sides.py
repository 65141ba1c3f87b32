"""Which side images are decoded at, and which shares of it each network reads."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.cache import Cache
from benchmark.plan import sides
from benchmark.plan.parameters import read_params
from benchmark.plan.prepare import read_images
from benchmark.plan.sides import choose_picture, fill_side, sides_notes, with_scales
from benchmark.plan.specs import draft_plan
from benchmark.records import Index, Params, Part, Picture, Regime
from benchmark.request import Request
from benchmark.zoo import ARCHITECTURES
from tests.jobs.conftest import draw
from tests.worker.acting import spec_of

LARGE = Picture(side_px=448)


class Blank:
    """Gives pictures of one size without reading any file."""

    def __init__(self, height: int, width: int) -> None:
        self._pixels = np.zeros((height, width), dtype=np.uint8)

    def read(self, path: str) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
        assert path
        return self._pixels


def index_of(count: int, height: int = 300, width: int = 400, name: str = "scans") -> Index:
    return Index(
        name=name,
        modality="ct",
        synthetic=False,
        classes=("a", "b"),
        paths=tuple(map(str, range(count))),
        labels=np.arange(count) % 2,
        parts=(Part.TRAIN,) * count,
        patients=(None,) * count,
        hashes=tuple(f"{row:064x}" for row in range(count)),
        reader=Blank(height, width),
    )


def request(**more: str) -> Request:
    return Request.read({"weights": "none", **more})


def scales(
    arch: str,
    count: int,
    regime: Regime = Regime.FROZEN,
    picture: Picture = LARGE,
    **more: str,
) -> str:
    asked = request(**{"side": "fill", "arch": arch, **more})
    params = read_params(asked, ARCHITECTURES[arch], regime)
    spec = replace(spec_of(arch), regime=regime, picture=picture, params=params)
    return with_scales(asked, spec, index_of(count)).params.text("scales")


@pytest.mark.parametrize(
    ("pixels", "px"),
    [(90 * 90, 224), (237 * 237, 224), (238 * 238, 336), (316 * 316, 336), (317 * 317, 448)],
)
def test_a_square_has_at_most_twice_the_pixels_of_an_image(pixels: int, px: int) -> None:
    found = fill_side(224, pixels, 1000, 120)
    assert found.px == px
    assert f"{px} px" in found.note


def test_what_even_the_quickest_backbone_has_no_time_for_is_not_read() -> None:
    assert fill_side(224, 10**6, 4000, 120).px == 448
    found = fill_side(224, 10**6, 8000, 120)
    assert found.px == 336
    assert "at 448 px, which they fill, even mobilenetv2 would take 4 minutes more" in found.note
    assert fill_side(224, 10**6, 8000, 600).px == 448
    assert fill_side(224, 10**6, 40_000, 120).px == 224


@pytest.mark.parametrize(
    ("side", "name", "px"),
    [("fill", "scans", 448), ("own", "scans", 224), ("own", "phantom", 96), ("300", "scans", 300)],
)
def test_a_side_is_what_was_asked_for(side: str, name: str, px: int) -> None:
    picture, notes = choose_picture(request(side=side), index_of(30, name=name))
    assert picture.side_px == px
    assert len(notes) == (side == "fill")


def test_the_side_that_images_fill_depends_on_them_and_not_on_the_networks() -> None:
    found = {
        choose_picture(request(arch=arch, seed=seed), index_of(30, 250, 260))[0]
        for arch, seed in (("prior", "0"), ("vgg19", "1"), ("all", "0"))
    }
    assert found == {Picture(side_px=336)}


def test_a_quick_backbone_chooses_among_all_sides_and_all_of_them_together() -> None:
    assert scales("mobilenetv2", 1000) == "0.5/0.75/1/0.5+0.75+1"


def test_a_slower_one_chooses_among_its_own_side_and_the_next() -> None:
    assert scales("densenet121", 1000) == "0.5/0.75/0.5+0.75"


def test_a_slow_one_reads_its_own_side_unless_there_is_more_time() -> None:
    assert scales("vgg19", 1000) == "0.5"
    assert scales("vgg19", 1000, preset="best", search="none") == "0.5/0.75/0.5+0.75"
    assert scales("vgg19", 100) == "0.5/0.75/1/0.5+0.75+1"


@pytest.mark.parametrize("regime", [Regime.SCRATCH, Regime.FINETUNE])
def test_what_is_trained_whole_reads_its_own_side(regime: Regime) -> None:
    assert scales("mobilenetv2", 100, regime) == "0.5"


def test_dense_layers_choose_nothing() -> None:
    assert scales("mobilenetv2", 100, params="head=layers") == "0.5"


def test_what_a_person_says_of_sides_is_left_as_it_is() -> None:
    assert scales("mobilenetv2", 100, params="scales=0.75") == "0.75"
    assert scales("mobilenetv2", 100, side="448") == "1"


def test_augmented_views_take_time_too() -> None:
    assert scales("densenet121", 100, augmentation="ct") == "0.5/0.75/1/0.5+0.75+1"
    assert scales("densenet121", 200, augmentation="ct") == "0.5/0.75/0.5+0.75"
    assert scales("densenet121", 200) == "0.5/0.75/1/0.5+0.75+1"


def test_one_and_a_half_times_its_own_side_is_read_as_that() -> None:
    found = scales("mobilenetv2", 100, picture=Picture(side_px=336))
    assert found == "0.667/1/0.667+1"
    assert round(336 * 0.667) == 224


def test_a_network_that_cannot_be_so_small_reads_the_next_larger_side(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sides, "USUAL_SIDE_PX", 64)  # InceptionV3 needs 75
    large = Picture(side_px=128)
    assert scales("inceptionv3", 100, Regime.FINETUNE, large) == "0.75"
    assert scales("inceptionv3", 100, picture=large) == "0.75/1/0.75+1"


def test_who_reads_what_is_said_and_what_larger_sides_would_have_taken() -> None:
    specs = [
        replace(
            spec_of(arch),
            regime=regime,
            picture=LARGE,
            params=Params(head="logistic", scales=words),
        )
        for arch, regime, words in (
            ("mobilenetv2", Regime.FROZEN, "0.5/0.75/1/0.5+0.75+1"),
            ("vgg16", Regime.FROZEN, "0.5"),
            ("cnn", Regime.SCRATCH, "0.5"),
        )
    ]
    specs.append(replace(spec_of("prior"), regime=Regime.PRIOR, picture=LARGE))
    (note,) = sides_notes(request(side="fill"), specs, index_of(1000))
    assert note == (
        "images are seen at 224, 336 and 448 px by mobilenetv2; 224 px by vgg16, cnn. "
        "Larger sides would take vgg16 14 minutes more."
    )
    assert not sides_notes(request(side="448"), specs, index_of(1000))


def test_a_draft_holds_what_each_network_reads() -> None:
    asked = request(side="fill", arch="prior,mlp,mobilenetv2")
    index = index_of(1000)
    picture, _ = choose_picture(asked, index)
    draft = draft_plan(asked, index, picture)
    assert {job.spec.picture for job in draft.jobs} == {LARGE}
    assert {job.spec.arch: job.spec.sides_px for job in draft.jobs} == {
        "prior": (),
        "mlp": (224,),
        "mobilenetv2": (224, 336, 448),
    }
    assert "images are seen at 224 px by mlp; 224, 336 and 448 px by mobilenetv2." in draft.notes


def test_the_audit_looks_at_what_a_benchmark_would_read(tmp_path: Path) -> None:
    data = draw(tmp_path / "scans", {"train": 12, "val": 6, "test": 6})
    index, picture = read_images(Request.read({"data": str(data)}), Cache(tmp_path / "cache"))
    assert picture.side_px == 224
    assert index.notes[-1] == "images are read at 224 px: they fill no more."
