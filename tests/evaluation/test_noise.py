import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.evaluation import PASSES, Entrant, floor
from benchmark.records import Part, Predictions
from tests.evaluation.made import answered, missing, predictions, truth, turned

LABELS = truth(29, 21, 14, 8)


def row(*runs: Predictions, trials: tuple[np.ndarray, ...] = ()) -> Entrant:
    return Entrant(runs=runs, regime="frozen", trials=trials)


def erring(*places: int) -> Entrant:
    return row(answered(LABELS, missing(LABELS, places, 4), classes=4))


def guessing(seed: int) -> Entrant:
    called = np.random.default_rng(seed).integers(0, 4, len(LABELS)).tolist()
    return row(answered(LABELS, called, classes=4))


def constant(label: int = 0) -> Entrant:
    return row(answered(LABELS, [label] * len(LABELS), classes=4))


def test_a_perfect_row_is_reached_by_none_of_a_thousand_exchanges() -> None:
    found = floor([erring()], seed=0)
    assert found.p == pytest.approx(1 / 1001)
    assert found.p <= PASSES
    assert len(found.greatest) == 1000


def test_a_row_that_names_the_commonest_class_is_always_reached() -> None:
    found = floor([constant()], seed=0)
    assert found.of_rows.tolist() == [1.0]
    assert set(found.greatest.round(12)) == {round(float(found.values[0]), 12)}


@pytest.mark.parametrize("seed", range(5))
def test_random_rows_do_not_pass(seed: int) -> None:
    found = floor([guessing(8 * seed + number) for number in range(8)], seed=0)
    assert found.p > PASSES


def test_the_greatest_of_all_rows_is_what_a_row_must_beat() -> None:
    rows = [guessing(number) for number in range(8)]
    together = floor(rows, seed=0)
    alone = [floor([each], seed=0) for each in rows]
    # The same exchange for all rows: the greatest is the greatest of what each alone gives.
    assert together.greatest.tolist() == np.max([each.greatest for each in alone], axis=0).tolist()
    assert (together.of_rows >= [each.p for each in alone]).all()


def test_a_good_row_does_not_lift_the_floor_of_the_others() -> None:
    found = floor([erring(), guessing(1), constant()], seed=0)
    assert found.of_rows[0] == pytest.approx(1 / 1001)
    assert found.of_rows[1] > 0.05
    assert found.of_rows[2] == 1.0
    assert found.values.tolist()[0] == 1.0


def test_trials_that_a_row_was_chosen_among_lift_the_floor() -> None:
    source = np.random.default_rng(0)
    trials = source.integers(0, 4, (50, len(LABELS)))
    run = answered(LABELS, trials[0].tolist(), classes=4)
    plain, searched = floor([row(run)], seed=0), floor([row(run, trials=(trials,))], seed=0)
    assert (searched.greatest >= plain.greatest).all()
    assert searched.greatest.mean() > plain.greatest.mean() + 0.05
    assert searched.p > plain.p


def test_the_images_of_a_patient_keep_sharing_their_class() -> None:
    # Six patients of 20 images each, one of whose classes is called in each: with images
    # exchanged one by one it would never be reached, with patients in 1 of 20 exchanges or so.
    labels = truth(60, 60)
    rows = answered(labels, labels, units=[number // 20 for number in range(120)])
    by_patient = floor([row(rows)], seed=0)
    by_image = floor([row(answered(labels, labels))], seed=0)
    assert by_image.p == pytest.approx(1 / 1001)
    assert by_patient.p == pytest.approx(0.05, abs=0.02)  # 1 in 20 ways to choose 3 of 6


def test_seeds_are_scored_under_the_same_exchange_and_averaged() -> None:
    runs = [guessing(number).runs[0] for number in range(3)]
    together = floor([row(*runs)], seed=0)
    alone = [floor([row(each)], seed=0).greatest for each in runs]
    assert together.greatest == pytest.approx(np.mean(alone, axis=0))


def test_folds_are_exchanged_within_their_part() -> None:
    labels = truth(20, 20)
    runs = [answered(labels, labels, part=part) for part in (Part.VAL, Part.TEST)]
    found = floor([row(*runs)], seed=0)
    alone = [floor([row(each)], seed=0).greatest for each in runs]
    assert found.greatest == pytest.approx(np.mean(alone, axis=0))
    assert alone[0].tolist() != alone[1].tolist()


@settings(max_examples=15)
@given(st.integers(30, 60), st.integers(2, 4), st.integers(0, 3), st.integers(0, 1000))
def test_the_floor_does_not_move_with_the_order_of_images(
    images: int, classes: int, per_unit: int, seed: int
) -> None:
    rows = predictions(images=images, classes=classes, seed=seed, per_unit=per_unit)
    one = floor([row(rows)], seed=0, exchanges=50)
    other = floor([row(turned(rows, seed))], seed=0, exchanges=50)
    assert other.greatest == pytest.approx(one.greatest, abs=1e-12)
    assert other.values == pytest.approx(one.values, abs=1e-12)


def test_the_seed_decides_the_exchanges() -> None:
    one, same, other = (floor([guessing(1)], seed=each).greatest for each in (1, 1, 2))
    assert one.tolist() == same.tolist()
    assert one.tolist() != other.tolist()


def test_many_images_are_not_held_once_for_every_exchange() -> None:
    import tracemalloc

    labels = truth(10_000, 10_000)
    rows = answered(labels, missing(labels, range(0, 20_000, 3)), units=range(20_000))
    tracemalloc.start()
    found = floor([row(rows)], seed=0, exchanges=400)
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    assert found.p == pytest.approx(1 / 401)
    assert peak < 90  # MiB; the exchanged labels alone would be 61, and were held twice
