"""Folds: whole groups, each row once a repeat, classes in proportion."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.errors import UsageError
from benchmark.search import parse_select
from benchmark.training.folds import fold_count, folds, set_aside


@given(seed=st.integers(0, 1000), count=st.integers(2, 5), repeats=st.integers(1, 3))
@settings(max_examples=10, deadline=None)
def test_folds_are_whole_groups_and_cover_every_row_once(
    seed: int, count: int, repeats: int
) -> None:
    rng = np.random.default_rng(seed)
    groups = [None, *rng.integers(0, 40, 119).tolist()]
    keys = np.array([-1, *groups[1:]])
    labels = (keys % 2).astype(np.int64)
    made = folds(labels, groups, count, repeats, seed)
    assert len(made) == count * repeats
    for repeat in range(repeats):
        rows = np.concatenate([fold.val for fold in made if fold.repeat == repeat])
        assert sorted(rows.tolist()) == list(range(120))
    for fold in made:
        assert not set(keys[fold.train]) & set(keys[fold.val])


def test_classes_keep_their_proportion() -> None:
    labels = np.array([0] * 80 + [1] * 20)
    for fold in folds(labels, [None] * 100, 5, 2, 0):
        assert np.bincount(labels[fold.val]).tolist() == [16, 4]


def test_repeats_and_seeds_differ_and_the_same_seed_does_not() -> None:
    labels = np.array([0, 1] * 30)
    first, second, other = (
        [fold.val.tolist() for fold in folds(labels, [None] * 60, 3, 2, seed)] for seed in (1, 1, 2)
    )
    assert first == second
    assert first != other
    assert first[:3] != first[3:]


def test_a_class_of_few_patients_is_said() -> None:
    with pytest.raises(UsageError, match="class number 1 has 2 separate patients or images"):
        folds(np.array([0] * 9 + [1] * 9), [*range(9), *([90] * 5), *([91] * 4)], 3, 1, 0)


@pytest.mark.parametrize(("words", "found"), [("val", None), ("cv:5x2", (5, 2)), ("cv:3", (3, 1))])
def test_the_words_of_select(words: str, found: tuple[int, int] | None) -> None:
    assert parse_select(words) == found


@pytest.mark.parametrize("words", ["cv", "cv:1x2", "cv:5x0", "5x2", ""])
def test_other_words_are_refused(words: str) -> None:
    with pytest.raises(UsageError, match="--select must be auto, val, or cv:FOLDSxREPEATS"):
        parse_select(words)


@pytest.mark.parametrize(("words", "count"), [("val", 0), ("cv:2", 2), ("cv:20", 20)])
def test_the_words_of_rank_on(words: str, count: int) -> None:
    assert fold_count(words) == count


@pytest.mark.parametrize("words", ["cv", "cv:1", "cv:21", "cv:5x2", "auto", ""])
def test_other_words_of_rank_on_are_refused(words: str) -> None:
    with pytest.raises(UsageError, match="must be auto, val or cv:K with K from 2 to 20"):
        fold_count(words)


@given(seed=st.integers(0, 1000), share=st.floats(0.01, 0.6))
@settings(max_examples=20, deadline=None)
def test_what_is_set_aside_shares_no_group_with_what_is_learnt_from(
    seed: int, share: float
) -> None:
    groups = np.random.default_rng(seed).integers(0, 40, 120)
    labels = (groups % 3).astype(np.int64)
    aside = set_aside(labels, groups.tolist(), share, seed)
    assert not set(groups[aside.train]) & set(groups[aside.val])
    assert sorted([*aside.train, *aside.val]) == list(range(120))
    assert len(aside.val)
    assert set(labels[aside.train]) == {0, 1, 2}


def test_about_the_share_is_set_aside() -> None:
    labels = np.arange(200) % 2
    aside = set_aside(labels, range(200), 0.2, 0)
    assert len(aside.val) == 40
