"""Views: the same for the same seed, image and view; only what a policy says is changed."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.data.augmentation import OPERATIONS, POLICIES, Policy, augment, read_policy
from benchmark.errors import UsageError
from benchmark.records import Params

SIDE = 32
HASHES = [f"hash-{number}" for number in range(6)]


def pictures(channels: int = 3) -> npt.NDArray[np.uint8]:
    draw = np.random.default_rng(0)
    grey = draw.integers(30, 220, (len(HASHES), SIDE, SIDE, 1), dtype=np.uint8)
    return np.repeat(grey, channels, axis=-1)


def only(operation: str, strength: float) -> Policy:
    return Policy(name="one", strengths=Params({operation: strength}))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", ["ct", "xray"])
def test_views_have_the_shape_and_type_of_the_images(name: str, channels: int) -> None:
    images = pictures(channels)
    views = augment(images, POLICIES[name], 0, HASHES, 0)
    assert views.shape == images.shape
    assert views.dtype == np.uint8
    assert (views != images).any(axis=(1, 2, 3)).all()


def test_none_changes_nothing_and_gives_another_array() -> None:
    images = pictures()
    views = augment(images, POLICIES["none"], 0, HASHES, 0)
    assert np.array_equal(views, images)
    assert not np.shares_memory(views, images)


def test_images_themselves_stay_as_they_are() -> None:
    images = pictures()
    augment(images, POLICIES["ct"], 0, HASHES, 0)
    assert np.array_equal(images, pictures())


def test_the_same_seed_image_and_view_give_the_same_pixels() -> None:
    one, other = (augment(pictures(), POLICIES["ct"], 7, HASHES, 2) for _ in range(2))
    assert np.array_equal(one, other)


@pytest.mark.parametrize(("seed", "view"), [(8, 2), (7, 3)])
def test_another_seed_or_view_gives_other_pixels(seed: int, view: int) -> None:
    views = augment(pictures(), POLICIES["ct"], 7, HASHES, 2)
    others = augment(pictures(), POLICIES["ct"], seed, HASHES, view)
    assert (views != others).any(axis=(1, 2, 3)).all()


def test_a_view_does_not_depend_on_the_batch_it_stands_in() -> None:
    images = pictures()
    whole = augment(images, POLICIES["ct"], 0, HASHES, 0)
    turned = augment(images[::-1], POLICIES["ct"], 0, HASHES[::-1], 0)
    alone = augment(images[2:3], POLICIES["ct"], 0, HASHES[2:3], 0)
    assert np.array_equal(turned[::-1], whole)
    assert np.array_equal(alone[0], whole[2])


def test_equal_channels_stay_equal() -> None:
    views = augment(pictures(), POLICIES["ct"], 0, HASHES, 0)
    assert np.array_equal(views[..., 0], views[..., 1])
    assert np.array_equal(views[..., 0], augment(pictures(1), POLICIES["ct"], 0, HASHES, 0)[..., 0])


@pytest.mark.parametrize(("operation", "axis"), [("horizontal_flip", 2), ("vertical_flip", 1)])
def test_a_sure_flip_mirrors_exactly(operation: str, axis: int) -> None:
    views = augment(pictures(), only(operation, 1.0), 0, HASHES, 0)
    assert np.array_equal(views, np.flip(pictures(), axis))


def test_a_likely_flip_mirrors_some_views_and_leaves_the_others() -> None:
    images = pictures()
    views = [augment(images, only("horizontal_flip", 0.5), 0, HASHES, view) for view in range(10)]
    kept = np.mean([(view == images).all(axis=(1, 2, 3)) for view in views])
    assert 0.25 < kept < 0.75


def test_brightness_moves_all_grey_levels_alike() -> None:
    moved = augment(pictures(), only("brightness", 0.1), 0, HASHES, 0).astype(int) - pictures()
    assert all(len(np.unique(each)) <= 2 for each in moved)  # half levels round either way
    assert np.abs(moved).max() <= 26


def test_contrast_turns_about_mid_grey() -> None:
    images = np.stack([np.full((SIDE, SIDE, 1), level, dtype=np.uint8) for level in (27, 127, 227)])
    views = augment(images, only("contrast", 0.5), 0, ["same"] * 3, 0)[:, 0, 0, 0].astype(int)
    assert abs(views[1] - 127) <= 1
    assert abs((views[0] - 127) + (views[2] - 127)) <= 2
    assert views[0] != 27


def test_noise_keeps_the_mean_and_its_deviation_is_bounded() -> None:
    images = np.full((40, SIDE, SIDE, 1), 128, dtype=np.uint8)
    hashes = [str(number) for number in range(40)]
    grain = augment(images, only("noise", 8.0), 0, hashes, 0).astype(float) - 128
    assert abs(grain.mean()) < 0.2
    assert grain.std(axis=(1, 2, 3)).max() < 8.6


def test_shift_moves_the_picture_by_no_more_than_it_says() -> None:
    images = np.zeros((20, SIDE, SIDE, 1), dtype=np.uint8)
    images[:, 15:17, 15:17] = 255
    views = augment(images, only("shift", 0.25), 0, [str(n) for n in range(20)], 0)[..., 0]
    places = np.arange(SIDE) + 0.5
    weight = views.sum(axis=(1, 2), dtype=float)
    columns = (views.sum(axis=1, dtype=float) * places).sum(axis=1) / weight
    assert np.abs(columns - SIDE / 2).max() <= 0.25 * SIDE + 0.6
    assert np.abs(columns - SIDE / 2).max() > 0.1 * SIDE


def test_what_comes_in_from_outside_has_the_grey_of_the_border() -> None:
    images = np.full((4, SIDE, SIDE, 3), 90, dtype=np.uint8)
    policy = Policy(name="far", strengths=Params(rotation=45.0, shift=0.4, zoom=0.4))
    assert (augment(images, policy, 0, HASHES[:4], 0) == 90).all()


@given(
    st.fixed_dictionaries(
        {},
        optional={
            name: st.floats(each.low or 0, each.high or 1, allow_nan=False)
            for name, each in OPERATIONS.items()
        },
    )
)
def test_every_policy_in_range_gives_views(strengths: dict[str, float]) -> None:
    policy = Policy(name="any", strengths=Params(strengths))
    assert augment(pictures()[:2], policy, 0, HASHES[:2], 0).shape == (2, SIDE, SIDE, 3)


@pytest.mark.parametrize("name", list(POLICIES))
def test_a_policy_is_read_back_from_its_text(name: str) -> None:
    policy = POLICIES[name]
    assert read_policy(policy.text).strengths == policy.strengths


def test_xrays_are_never_turned_upside_down_and_the_reason_is_given() -> None:
    assert "vertical_flip" not in POLICIES["xray"].in_use
    assert "Not used" in POLICIES["xray"].reasons["vertical_flip"]


@pytest.mark.parametrize("name", list(POLICIES))
def test_every_operation_in_use_has_its_reason(name: str) -> None:
    assert set(POLICIES[name].in_use) <= set(POLICIES[name].reasons)


def test_the_preview_of_one_operation_moves_as_all_together_do() -> None:
    policy = read_policy("rotation=20,brightness=0.1")
    lit = augment(pictures(), policy.only("brightness"), 0, HASHES, 0).astype(int)
    step = (lit - pictures())[:, 0, 0, 0]
    turned = augment(pictures(), policy.only("rotation"), 0, HASHES, 0).astype(int)
    both = augment(pictures(), policy, 0, HASHES, 0).astype(int)
    assert np.abs(both - turned - step[:, None, None, None]).max() <= 1


def test_ones_own_policy_is_read_from_yaml(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("name: gentle\nrotation: 5\nnoise: 2.5\n")
    policy = read_policy(str(tmp_path / "mine.yaml"))
    assert (policy.name, policy.text) == ("gentle", "noise=2.5,rotation=5")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rotate: 5\n", "no operation 'rotate'; there are: rotation"),
        ("rotation: '5'\n", "rotation must be of type float, such as 0.0, not '5'"),
        ("rotation: true\n", "rotation must be of type float"),
        ("rotation: 200\n", "rotation must be at most 180, not 200"),
        ("noise: -1\n", "noise must be at least 0"),
        ("noise: .nan\n", "line 1: a number must be finite"),
        ("- rotation\n", "must hold keys such as"),
        ("name: 5\n", "name must be a text"),
        ("a: [\n", "is not YAML"),
    ],
)
def test_a_wrong_policy_says_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(UsageError, match=message.replace("(", r"\(")) as caught:
        read_policy(str(tmp_path / "mine.yaml"))
    assert "\n" not in str(caught.value)


def test_a_missing_policy_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read as an augmentation policy"):
        read_policy(str(tmp_path / "none.yaml"))


def test_an_unknown_policy_is_corrected() -> None:
    with pytest.raises(UsageError, match="Did you mean xray"):
        read_policy("x-ray")


def test_a_wrong_word_in_a_policys_text_is_named() -> None:
    with pytest.raises(UsageError, match="rotation must be of type float"):
        read_policy("rotation=much")
