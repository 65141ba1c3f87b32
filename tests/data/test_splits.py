"""Splits: nothing lost, nobody on two sides, every class in its share."""

import os
from collections import Counter
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.data.splits import (
    NearPair,
    OnLeak,
    SplitOptions,
    group_keys,
    make_splits,
    write_split,
)
from benchmark.errors import DataError, UsageError
from benchmark.records import Index, Part, Split

TRAIN, VAL, TEST = Part.TRAIN, Part.VAL, Part.TEST
SCHEMES = ("70/15/15", "60/20/20", "34/33/33", "kfold:3", "kfold:5")


class NoReader:
    """Splitting reads no image."""

    def read(self, path: str) -> bytes | npt.NDArray[np.uint8]:
        raise AssertionError(path)


@dataclass
class Pixels:
    """Says which contents show the same pixels; others show their own."""

    same: dict[str, str] = field(default_factory=dict)

    def pixel_hash_of(self, content_hash: str) -> str:
        return self.same.get(content_hash, content_hash)


def an_index(
    labels: list[int],
    *,
    parts: list[Part | None] | None = None,
    patients: list[str | None] | None = None,
    hashes: list[str] | None = None,
    paths: list[str] | None = None,
) -> Index:
    n = len(labels)
    return Index(
        name="made-up",
        modality="ct",
        synthetic=True,
        classes=("a", "b", "c")[: max([1, *labels]) + 1],
        paths=tuple(paths or [f"{row:04}.png" for row in range(n)]),
        labels=np.array(labels, dtype=np.int64),
        parts=tuple(parts or [None] * n),
        patients=tuple(patients or [None] * n),
        hashes=tuple(hashes or [f"content-{row}" for row in range(n)]),
        reader=NoReader(),
    )


def reordered(index: Index, order: list[int]) -> Index:
    return replace(
        index,
        paths=tuple(index.paths[row] for row in order),
        labels=index.labels[order],
        parts=tuple(index.parts[row] for row in order),
        patients=tuple(index.patients[row] for row in order),
        hashes=tuple(index.hashes[row] for row in order),
    )


def options(scheme: str = "auto", **more: object) -> SplitOptions:
    return replace(SplitOptions(scheme=scheme), **more)  # type: ignore[arg-type]


def part_of(split: Split) -> dict[int, Part]:
    return {int(row): part for part in Part for row in split.rows(part)}


def paths(index: Index, split: Split, part: Part) -> list[str]:
    return [index.paths[row] for row in split.rows(part)]


@st.composite
def single_images(draw: st.DrawFn) -> Index:
    """Every image its own: 15 to 60 of them, in two or three classes."""
    counts = draw(st.lists(st.integers(8, 20), min_size=2, max_size=3))
    labels = [label for label, count in enumerate(counts) for _ in range(count)]
    return an_index(draw(st.permutations(labels)))


@st.composite
def patients_and_copies(draw: st.DrawFn) -> Index:
    """Patients of up to four images, some unknown; and images that are copies of others."""
    n = draw(st.integers(40, 70))
    more = n - 36  # the first 36 images are of 36 patients, so that every split is possible
    labels = [*[0, 1, 2] * 12, *draw(st.lists(st.integers(0, 2), min_size=more, max_size=more))]
    numbers = [*range(36), *draw(st.lists(st.integers(0, 45), min_size=more, max_size=more))]
    copied = draw(st.lists(st.integers(0, n - 1), max_size=4))
    hashes = [f"content-{row}" for row in range(n)]
    for row in copied:
        hashes[row] = "content-0"
    return an_index(
        labels,
        patients=[None if number > 40 else f"p{number}" for number in numbers],
        hashes=hashes,
    )


class TestMadeSchemes:
    @settings(max_examples=50)
    @given(index=patients_and_copies(), scheme=st.sampled_from(SCHEMES), seed=st.integers(0, 9))
    def test_no_row_is_lost_or_doubled(self, index: Index, scheme: str, seed: int) -> None:
        for split in make_splits(index, None, options(scheme, seed=seed)):
            together = np.concatenate([split.train, split.val, split.test])
            assert sorted(together.tolist()) == list(range(len(index)))

    @settings(max_examples=50)
    @given(index=patients_and_copies(), scheme=st.sampled_from(SCHEMES), seed=st.integers(0, 9))
    def test_no_patient_is_in_two_parts(self, index: Index, scheme: str, seed: int) -> None:
        for split in make_splits(index, None, options(scheme, seed=seed)):
            places = {(index.patients[row], part) for row, part in part_of(split).items()}
            counts = Counter(patient for patient, _ in places if patient is not None)
            assert set(counts.values()) <= {1}

    @settings(max_examples=50)
    @given(index=patients_and_copies(), scheme=st.sampled_from(SCHEMES), seed=st.integers(0, 9))
    def test_copies_are_in_one_part(self, index: Index, scheme: str, seed: int) -> None:
        for split in make_splits(index, None, options(scheme, seed=seed)):
            places = {(index.hashes[row], part) for row, part in part_of(split).items()}
            assert set(Counter(content for content, _ in places).values()) == {1}
            assert not split.test_is_copy.any()

    @given(index=single_images(), scheme=st.sampled_from(SCHEMES), seed=st.integers(0, 9))
    def test_every_class_is_within_one_image_of_its_share(
        self, index: Index, scheme: str, seed: int
    ) -> None:
        asked = options(scheme, seed=seed)
        folds = asked.folds or 1
        of_folds = (Fraction(folds - 2, folds), Fraction(1, folds), Fraction(1, folds))
        shares = asked.shares or of_folds
        for split in make_splits(index, None, asked):
            for label, total in Counter(index.labels.tolist()).items():
                for part, share in zip((TRAIN, VAL, TEST), shares, strict=True):
                    had = int((index.labels[split.rows(part)] == label).sum())
                    # Two folds of a k-fold split make up for what train lacks, or has over.
                    allowance = 2 if part is TRAIN and asked.folds else 1
                    assert abs(had - share * total) < allowance

    @settings(max_examples=50)
    @given(index=patients_and_copies(), scheme=st.sampled_from(SCHEMES), data=st.data())
    def test_the_order_of_rows_makes_no_difference(
        self, index: Index, scheme: str, data: st.DataObject
    ) -> None:
        order = data.draw(st.permutations(range(len(index))))
        other = reordered(index, order)
        ours = make_splits(index, None, options(scheme))
        theirs = make_splits(other, None, options(scheme))
        assert [split.digest for split in ours] == [split.digest for split in theirs]
        assert [paths(index, split, TRAIN) for split in ours] == [
            paths(other, split, TRAIN) for split in theirs
        ]

    def test_patients_of_four_slices_are_stratified_exactly_where_they_can_be(self) -> None:
        labels = [patient % 2 for patient in range(40) for _ in range(4)]
        people: list[str | None] = [f"p{patient}" for patient in range(40) for _ in range(4)]
        (split,) = make_splits(an_index(labels, patients=people), None, options("60/20/20"))
        counts = {part: Counter(np.array(labels)[split.rows(part)].tolist()) for part in Part}
        assert counts == {TRAIN: {0: 48, 1: 48}, VAL: {0: 16, 1: 16}, TEST: {0: 16, 1: 16}}

    def test_another_seed_gives_another_split(self) -> None:
        index = an_index([0, 1] * 30)
        (first,) = make_splits(index, None, options("70/15/15", seed=1))
        (second,) = make_splits(index, None, options("70/15/15", seed=2))
        assert first.digest != second.digest

    def test_each_image_is_tested_on_in_one_fold_and_validated_on_in_one(self) -> None:
        index = an_index([0, 1, 2] * 20)
        splits = make_splits(index, None, options("kfold:5"))
        assert [split.fold for split in splits] == [0, 1, 2, 3, 4]
        tested = np.concatenate([split.test for split in splits])
        validated = np.concatenate([split.val for split in splits])
        assert sorted(tested.tolist()) == sorted(validated.tolist()) == list(range(60))

    def test_images_with_the_same_pixels_in_other_files_stay_together(self) -> None:
        same = Pixels({f"content-{row}": "one picture" for row in range(10)})
        (split,) = make_splits(an_index([0, 1] * 30), same, options("70/15/15"))
        assert len({part_of(split)[row] for row in range(10)}) == 1

    def test_too_few_images_for_three_parts_are_an_error(self) -> None:
        with pytest.raises(DataError, match="must leave images in val"):
            make_splits(an_index([0, 1]), None, options("70/15/15"))

    def test_a_class_that_a_part_lacks_is_noted(self) -> None:
        (split,) = make_splits(an_index([0] * 20 + [1] * 20 + [2]), None, options("70/15/15"))
        assert "val holds no image of c" in split.notes


class TestOptions:
    @pytest.mark.parametrize("scheme", ["70-15-15", "halves", "kfold", "", "70/30"])
    def test_an_unknown_scheme_is_an_error(self, scheme: str) -> None:
        with pytest.raises(UsageError, match="split must be auto, official"):
            SplitOptions(scheme=scheme)

    @pytest.mark.parametrize("scheme", ["70/15/16", "85/15/0", "0/50/50"])
    def test_percentages_must_sum_to_a_hundred(self, scheme: str) -> None:
        with pytest.raises(UsageError, match="above 0 and sum to 100"):
            SplitOptions(scheme=scheme)

    def test_two_folds_are_too_few(self) -> None:
        with pytest.raises(UsageError, match="at least 3 folds"):
            SplitOptions(scheme="kfold:2")


@pytest.mark.parametrize("scheme", ["70/15/15", "kfold:5", "file"])
def test_a_val_part_too_small_to_choose_by_is_told_of(scheme: str, tmp_path: Path) -> None:
    index = an_index([0, 1] * 30)
    path = tmp_path / "mine.csv"
    write_split(make_splits(index, None, options("60/20/20")), index, path)
    asked = {"file": str(path)}.get(scheme, scheme)
    for split in make_splits(index, None, options(asked)):
        (note,) = split.notes
        assert f"val holds {len(split.val)} images, fewer than the 50 that" in note
    for split in make_splits(index, None, options(asked, smallest_val=9)):
        assert split.notes == ()


@settings(max_examples=30)
@given(
    index=patients_and_copies(),
    pairs=st.lists(st.builds(NearPair, st.integers(0, 39), st.integers(0, 39)), max_size=4),
    scheme=st.sampled_from(["60/20/20", "kfold:3"]),
)
def test_near_copies_stay_on_one_side_where_images_are_dealt_out(
    index: Index, pairs: list[NearPair], scheme: str
) -> None:
    for split in make_splits(index, None, options(scheme), pairs):
        sides = part_of(split)
        assert all(sides[pair.left] is sides[pair.right] for pair in pairs)
    keys = group_keys(index, None, pairs)
    assert all(keys[pair.left] == keys[pair.right] for pair in pairs)


def test_near_copies_stay_on_one_side_where_val_is_made_from_train() -> None:
    index = official(100, 0, 20)
    chain = [NearPair(row, row + 1) for row in range(10)]
    for seed in range(8):
        (split,) = make_splits(index, None, options(seed=seed), chain)
        sides = part_of(split)
        assert len({sides[row] for row in range(11)}) == 1


def official(train: int, val: int, test: int, **more: list[str]) -> Index:
    parts = [TRAIN] * train + [VAL] * val + [TEST] * test
    return an_index([row % 2 for row in range(len(parts))], parts=[*parts], **more)  # type: ignore[arg-type]


class TestOfficial:
    def test_published_parts_are_taken_by_default(self) -> None:
        (split,) = make_splits(official(60, 50, 20), None, options())
        assert split.scheme == "official"
        assert (split.train.tolist(), split.val.tolist()) == (
            list(range(60)),
            list(range(60, 110)),
        )
        assert split.notes == ()

    def test_without_parts_the_default_is_seventy_fifteen_fifteen(self) -> None:
        (split,) = make_splits(an_index([0, 1] * 50), None, options())
        assert (split.scheme, len(split.train)) == ("70/15/15", 70)

    def test_images_that_all_stand_in_train_are_split_by_default(self) -> None:
        everything: list[Part | None] = [TRAIN for _ in range(100)]
        index = an_index([0, 1] * 50, parts=everything)
        assert make_splits(index, None, options())[0].scheme == "70/15/15"

    def test_a_missing_val_part_is_made_from_train(self) -> None:
        people = [f"p{row // 4}" for row in range(120)]
        index = official(100, 0, 20, patients=people)
        (split,) = make_splits(index, None, options())
        assert split.test.tolist() == list(range(100, 120))
        assert len(split.val) == 16
        assert not set(split.val // 4) & set(split.train // 4)
        assert split.notes == (
            "there is no val part: 16 images of train were made one, whole patients together",
        )

    def test_a_val_part_of_sixteen_is_not_selected_on(self) -> None:
        (split,) = make_splits(official(184, 16, 40), None, options())
        assert (len(split.train), len(split.val), len(split.test)) == (164, 36, 40)
        assert "val holds 16 images, fewer than the 50 that selection needs" in split.notes[0]

    def test_a_small_val_part_stays_where_train_has_no_more_to_give(self) -> None:
        (split,) = make_splits(official(20, 16, 10), None, options())
        assert split.val.tolist() == list(range(20, 36))
        assert "train is too small to give more" in split.notes[0]

    def test_a_smaller_bound_keeps_a_small_val_part(self) -> None:
        (split,) = make_splits(official(184, 16, 40), None, options(smallest_val=0))
        assert (len(split.val), split.notes) == (16, ())

    @pytest.mark.parametrize("gone", [TRAIN, TEST])
    def test_a_missing_part_is_an_error_that_says_what_to_do(self, gone: Part) -> None:
        index = official(10, 10, 10)
        rows = [row for row, part in enumerate(index.parts) if part is not gone]
        with pytest.raises(DataError, match=f"needs a {gone} part.*write --split 70/15/15"):
            make_splits(reordered(index, rows), None, options())

    def test_an_image_without_a_part_is_an_error(self) -> None:
        index = replace(official(2, 1, 1), parts=(TRAIN, None, VAL, TEST))
        with pytest.raises(DataError, match=r"1 have none \(the first: '0001.png'\)"):
            make_splits(index, None, options())

    def test_no_parts_at_all_are_an_error_where_they_are_asked_for(self) -> None:
        with pytest.raises(DataError, match="made-up has none"):
            make_splits(an_index([0, 1] * 9), None, options("official"))


class TestLeaks:
    """60 of train, 50 of val, 20 of test; one picture in train, val and test."""

    same = Pixels({"content-0": "p", "content-60": "p", "content-110": "p", "content-1": "q"})
    index = official(60, 50, 20)
    near = (NearPair(2, 111, "mirrored"), NearPair(3, 61))

    def test_copies_are_dropped_but_from_test(self) -> None:
        (split,) = make_splits(self.index, self.same, options())
        assert 0 not in split.train
        assert 60 not in split.val
        assert 110 in split.test
        assert (len(split.train), len(split.val), len(split.test)) == (59, 49, 20)

    def test_dropping_is_said(self) -> None:
        (split,) = make_splits(self.index, self.same, options())
        (said,) = split.notes
        assert said.startswith(
            "1 of train are exact copies of images in test and 1 of val are exact copies"
        )

    def test_after_dropping_no_image_of_test_or_val_is_a_copy(self) -> None:
        (split,) = make_splits(self.index, self.same, options(), self.near)
        assert not split.test_is_copy.any()
        assert not split.is_copy(VAL).any()

    def test_copies_left_in_a_part_in_use_are_marked(self) -> None:
        asked = options(on_leak=OnLeak.REPORT)
        (split,) = make_splits(self.index, self.same, asked, self.near)
        assert split.test[split.test_is_copy].tolist() == [110, 111]
        assert split.val[split.is_copy(VAL)].tolist() == [60, 61]

    def test_near_copies_are_dropped_like_exact_ones(self) -> None:
        (split,) = make_splits(self.index, None, options(), self.near)
        assert {2, 3}.isdisjoint(split.train.tolist())
        assert (len(split.train), len(split.val), len(split.test)) == (58, 50, 20)
        (said,) = split.notes
        assert said.startswith(
            "1 of train are near copies of images in val and 1 of train are near copies of images "
            "in test (1 mirrored); dropped there"
        )

    def test_an_exact_copy_of_a_near_copy_is_dropped_too(self) -> None:
        same = Pixels({"content-5": "r", "content-6": "r"})
        (split,) = make_splits(self.index, same, options(), [NearPair(5, 111)])
        assert {5, 6}.isdisjoint(split.train.tolist())

    def test_failing_names_the_first_near_copy(self) -> None:
        with pytest.raises(DataError, match=r"near copies.*'0002.png'.*--on-leak drop"):
            make_splits(self.index, None, options(on_leak=OnLeak.FAIL), self.near)

    def test_near_copies_across_the_parts_of_a_file_are_dropped(self, tmp_path: Path) -> None:
        asked = options(on_leak=OnLeak.REPORT)
        write_split(make_splits(self.index, None, asked), self.index, tmp_path / "split.csv")
        asked = options(str(tmp_path / "split.csv"))
        (split,) = make_splits(self.index, None, asked, self.near)
        assert {2, 3}.isdisjoint(split.train.tolist())

    def test_reporting_leaves_every_image(self) -> None:
        (split,) = make_splits(self.index, self.same, options(on_leak=OnLeak.REPORT))
        assert (len(split.train), len(split.val), len(split.test)) == (60, 50, 20)
        assert "left as published" in split.notes[0]

    def test_failing_names_the_first_image_and_the_way_out(self) -> None:
        with pytest.raises(DataError, match=r"two parts.*'0000.png'.*--on-leak drop"):
            make_splits(self.index, self.same, options(on_leak=OnLeak.FAIL))

    def test_copies_within_a_part_are_no_leak(self) -> None:
        same = Pixels({"content-0": "p", "content-1": "p"})
        (split,) = make_splits(self.index, same, options(on_leak=OnLeak.FAIL))
        assert len(split.train) == 60

    def test_train_and_val_split_anew_share_no_copy(self) -> None:
        same = Pixels({f"content-{row}": "p" for row in (0, 1, 2, 190)})
        (split,) = make_splits(official(184, 16, 40), same, options())
        assert len({part_of(split)[row] for row in (0, 1, 2, 190)}) == 1

    @given(copies=st.lists(st.tuples(st.integers(0, 129), st.integers(0, 129)), max_size=12))
    def test_after_dropping_no_picture_is_in_two_parts(self, copies: list[tuple[int, int]]) -> None:
        same = Pixels({f"content-{one}": f"content-{other}" for one, other in copies})
        (split,) = make_splits(self.index, same, options())
        places = {
            (same.pixel_hash_of(self.index.hashes[row]), part)
            for row, part in part_of(split).items()
        }
        assert set(Counter(picture for picture, _ in places).values()) == {1}
        assert len(split.test) == 20


class TestFiles:
    @settings(max_examples=30)
    @given(index=patients_and_copies(), scheme=st.sampled_from(SCHEMES))
    def test_a_written_split_is_read_back_the_same(
        self, index: Index, scheme: str, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        path = tmp_path_factory.mktemp("split") / "split.csv"
        splits = make_splits(index, None, options(scheme))
        write_split(splits, index, path)
        again = make_splits(index, None, options(str(path)))
        assert [split.digest for split in again] == [split.digest for split in splits]
        assert [split.fold for split in again] == [split.fold for split in splits]

    def test_dropped_images_and_copies_survive_the_file(self, tmp_path: Path) -> None:
        index, same = TestLeaks.index, TestLeaks.same
        (split,) = make_splits(index, same, options())
        write_split([split], index, tmp_path / "split.csv")
        (again,) = make_splits(index, same, options(str(tmp_path / "split.csv")))
        assert again.digest == split.digest
        assert again.test_is_copy.tolist() == split.test_is_copy.tolist()

    def test_odd_paths_survive_the_file(self, tmp_path: Path) -> None:
        odd = ['a,"b".png', "new\nline.png", "re\rturn.png", "ünï\u2028code.png", " space .png"]
        index = an_index([0, 1] * 10, paths=[*odd, *(f"{row}.png" for row in range(15))])
        splits = make_splits(index, None, options("60/20/20"))
        write_split(splits, index, tmp_path / "split.csv")
        again = make_splits(index, None, options(str(tmp_path / "split.csv")))
        assert again[0].digest == splits[0].digest

    def test_path_and_part_are_enough(self, tmp_path: Path) -> None:
        lines = ["part,path", "train,0000.png", "train,0001.png", "val,0002.png", "test,0003.png"]
        (tmp_path / "mine.csv").write_text("\n".join(lines), encoding="utf-8-sig")
        index = an_index([0, 1, 0, 1])
        (split,) = make_splits(index, None, options(str(tmp_path / "mine.csv")))
        assert (split.train.tolist(), split.val.tolist(), split.test.tolist()) == ([0, 1], [2], [3])

    @pytest.mark.parametrize("on_leak", [OnLeak.DROP, OnLeak.REPORT])
    def test_a_patient_in_two_parts_of_a_file_is_told_of(
        self, tmp_path: Path, on_leak: OnLeak
    ) -> None:
        index, path = self.shared(tmp_path)
        (split,) = make_splits(index, None, options(path, on_leak=on_leak, smallest_val=0))
        assert split.notes[0] == (
            f"{path} puts images of one patient into two parts, for 2 patient(s): 1 in train and "
            "val, 2 in train and test, 1 in val and test; left as they are, so the scores are too "
            "good"
        )
        assert len(split.train) + len(split.val) + len(split.test) == 9

    def test_a_patient_in_two_parts_of_a_file_is_refused_where_leaks_are(
        self, tmp_path: Path
    ) -> None:
        index, path = self.shared(tmp_path)
        with pytest.raises(DataError, match=r"for 2 patient\(s\): .*keep each patient in one part"):
            make_splits(index, None, options(path, on_leak=OnLeak.FAIL))

    def test_a_patient_in_one_part_of_a_file_is_no_leak(self, tmp_path: Path) -> None:
        index = an_index([0, 1] * 20, patients=[f"p{row // 2}" for row in range(40)])
        splits = make_splits(index, None, options("60/20/20"))
        write_split(splits, index, tmp_path / "split.csv")
        path = str(tmp_path / "split.csv")
        (again,) = make_splits(index, None, options(path, on_leak=OnLeak.FAIL, smallest_val=0))
        assert again.notes == ()

    @staticmethod
    def shared(folder: Path) -> tuple[Index, str]:
        """Return an index and a file in which p stands in three parts, q in two, and r in one."""
        parts = ["train", "val", "test", "train", "test", "train", "train", "train", "dropped"]
        lines = [f"{part},{row:04}.png" for row, part in enumerate([*parts, "val"])]
        (folder / "mine.csv").write_text("\n".join(["part,path", *lines]), encoding="utf-8")
        people = ["p", "p", "p", "q", "q", "r", "r", None, "r", None]
        return an_index([0, 1] * 5, patients=people), str(folder / "mine.csv")

    @pytest.mark.parametrize(
        ("lines", "message"),
        [
            (["train,9.png,"], r"names '9.png', which made-up does not hold"),
            (["train,0.png,"], r"1 of 2 have none \(the first: '1.png'\)"),
            (["training,0.png,", "val,1.png,"], r"must be one of train, val, test, dropped"),
            (["train,0.png,", "val,0.png,", "val,1.png,"], r"puts '0.png' into two parts"),
            (["train,0.png,other", "val,1.png,"], r"another content of '0.png'"),
            ([], r"a row for every image, but holds none"),
        ],
    )
    def test_a_file_that_does_not_fit_is_an_error(
        self, tmp_path: Path, lines: list[str], message: str
    ) -> None:
        path = tmp_path / "bad.csv"
        path.write_text("\n".join(["part,path,hash", *lines]), encoding="utf-8")
        with pytest.raises(DataError, match=message):
            make_splits(an_index([0, 1], paths=["0.png", "1.png"]), None, options(str(path)))

    def test_another_class_in_the_file_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "bad.csv").write_text("part,path,label\ntrain,0000.png,b\n", encoding="utf-8")
        with pytest.raises(DataError, match="is of class 'b', not 'a'"):
            make_splits(an_index([0]), None, options(str(tmp_path / "bad.csv")))

    def test_a_table_without_the_columns_is_an_error(self, tmp_path: Path) -> None:
        (tmp_path / "bad.csv").write_text("file,part\n1.png,train\n", encoding="utf-8")
        with pytest.raises(DataError, match="must have the columns path and part; path lacks"):
            make_splits(an_index([0]), None, options(str(tmp_path / "bad.csv")))

    def test_a_missing_file_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"none\.csv must be a readable CSV file: No such"):
            make_splits(an_index([0]), None, options(str(tmp_path / "none.csv")))

    def test_a_pipe_is_not_waited_for(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe.csv")
        with pytest.raises(DataError, match="must be a readable CSV file: it is no plain file"):
            make_splits(an_index([0]), None, options(str(tmp_path / "pipe.csv")))

    @pytest.mark.parametrize("fold", ["1.5", "-1", "9" * 5000, "²"])
    def test_a_fold_that_is_no_number_is_named(self, fold: str, tmp_path: Path) -> None:
        text = f"path,part,fold\n0000.png,train,{fold}\n0001.png,test,{fold}\n"
        (tmp_path / "bad.csv").write_text(text, encoding="utf-8")
        with pytest.raises(DataError, match="fold must be a whole number"):
            make_splits(an_index([0, 1]), None, options(str(tmp_path / "bad.csv")))
