from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.evaluation import (
    at_temperature,
    calibrating_temperature,
    fit_temperature,
    loss_difference,
    losses_after_temperature,
    tempered,
)
from benchmark.metrics import log_loss
from benchmark.records import Predictions
from tests.evaluation.made import Make, answered, missing, predictions, truth, turned


def sharpened(probabilities: np.ndarray, by: float) -> np.ndarray:
    raised = probabilities**by
    found: np.ndarray = raised / raised.sum(axis=1, keepdims=True)
    return found


@given(st.floats(0.5, 2.0), st.integers(0, 1000))
def test_the_temperature_undoes_a_change_of_sharpness(by: float, seed: int) -> None:
    rows = predictions(images=90, seed=seed)
    plain = fit_temperature(rows.labels, rows.probabilities)
    sharp = fit_temperature(rows.labels, sharpened(rows.probabilities, by))
    assert sharp == pytest.approx(min(by * plain, 20.0), rel=0.02)


def test_the_loss_after_temperature_does_not_reward_or_punish_sharpness(make: Make) -> None:
    rows = make(images=90)
    sharp = replace(rows, probabilities=sharpened(rows.probabilities, 3.0))
    one, other = losses_after_temperature(rows), losses_after_temperature(sharp)
    assert other.mean() == pytest.approx(one.mean(), abs=1e-4)


def test_the_temperature_is_the_one_with_the_lowest_loss(make: Make) -> None:
    rows = make(images=90, skill=2.0)
    found = fit_temperature(rows.labels, rows.probabilities)
    logits = np.log(rows.probabilities)

    def loss(temperature: float) -> float:
        raised = np.exp(logits / temperature)
        raised /= raised.sum(axis=1, keepdims=True)
        return float(-np.log(raised[np.arange(90), rows.labels]).mean())

    assert loss(found) == pytest.approx(losses_after_temperature(rows).mean())
    assert all(loss(found) <= loss(found * each) for each in (0.8, 0.95, 1.05, 1.25))


def test_a_network_that_knows_nothing_is_as_good_as_a_coin() -> None:
    labels = truth(20, 20)
    rows = answered(labels, missing(labels, range(10, 30)))
    assert losses_after_temperature(rows).mean() == pytest.approx(
        np.log(2), abs=0.002
    )  # at most 20


def test_certain_and_right_costs_nothing_and_certain_and_wrong_stays_finite() -> None:
    labels = truth(20, 20)
    assert losses_after_temperature(answered(labels, labels, sure=1.0)).max() < 1e-6
    wrong = losses_after_temperature(answered(labels, missing(labels, range(40)), sure=1.0))
    assert np.isfinite(wrong).all()


def test_a_difference_of_losses_has_the_error_of_its_mean(make: Make) -> None:
    labels = truth(90, 0)
    first = answered(labels, missing(labels, range(30)), sure=0.8)
    second = answered(labels, missing(labels, range(10, 30)), sure=0.8)
    gap, error = loss_difference([first], [second])
    apart = losses_after_temperature(first) - losses_after_temperature(second)
    assert gap == pytest.approx(apart.mean())
    assert error == pytest.approx(apart.std(ddof=1) / np.sqrt(90))


def test_a_difference_does_not_move_with_the_order_of_rows(make: Make) -> None:
    first, second = make(images=90, per_unit=2), make(images=90, noise=1, per_unit=2)
    wanted = loss_difference([first], [second])
    assert loss_difference([turned(first, 1)], [turned(second, 2)]) == pytest.approx(wanted)
    assert loss_difference([second], [first]) == pytest.approx((-wanted[0], wanted[1]))


def test_the_losses_of_seeds_are_averaged(make: Make) -> None:
    first = [make(images=90, noise=noise) for noise in range(3)]
    second = make(images=90, noise=9)
    gaps = [loss_difference([each], [second])[0] for each in first]
    assert loss_difference(first, [second])[0] == pytest.approx(np.mean(gaps))


def test_a_network_does_not_differ_from_itself(make: Make) -> None:
    rows = make(images=90)
    assert loss_difference([rows], [rows]) == (0.0, 0.0)


def test_over_folds_the_difference_is_the_mean_of_the_folds_and_their_variances_add() -> None:
    first, second = (
        [predictions(images=images, seed=images, noise=noise) for images in (60, 66)]
        for noise in (1, 2)
    )
    each = [loss_difference([one], [other]) for one, other in zip(first, second, strict=True)]
    gap, error = loss_difference(first, second)
    assert gap == pytest.approx(np.mean([found for found, _ in each]))
    assert error == pytest.approx(np.linalg.norm([found for _, found in each]) / 2)


def calibrated(
    images: int, seed: int, *, temperature: float = 1.0, skill: float = 2.0
) -> Predictions:
    """Answers of a network that is right to be as sure as it is, then made surer by a number."""
    rows = predictions(images=images, seed=seed)
    source = np.random.default_rng((seed, 9))
    scores = skill * (source.normal(size=(images, 3)) + skill * np.eye(3)[rows.labels])
    raised = np.exp(temperature * (scores - scores.max(axis=1, keepdims=True)))
    return replace(rows, probabilities=raised / raised.sum(axis=1, keepdims=True))


@given(st.floats(0.05, 5.0), st.integers(0, 1000))
def test_tempered_answers_stay_probabilities_in_the_same_order(by: float, seed: int) -> None:
    said = predictions(images=30, seed=seed).probabilities
    found = tempered(said, by)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found.argmax(axis=1) == said.argmax(axis=1)).all()
    np.testing.assert_allclose(tempered(found, 1 / by), said, atol=1e-9)


def test_what_is_impossible_stays_impossible_and_a_temperature_of_1_changes_nothing() -> None:
    said = np.array([[0.0, 0.25, 0.75], [1.0, 0.0, 0.0]])
    assert tempered(said, 0.5).ravel().tolist() == pytest.approx([0, 0.1, 0.9, 1, 0, 0])
    assert tempered(said, 1.0) is said


@pytest.mark.parametrize("temperature", [0.4, 3.0])
def test_an_unsuitable_sharpness_is_set_right_and_lowers_the_loss(temperature: float) -> None:
    rows = calibrated(300, 1, temperature=temperature)
    found = calibrating_temperature(rows)
    assert found == pytest.approx(temperature, rel=0.25)
    fresh = calibrated(3000, 2, temperature=temperature)
    after = at_temperature(fresh, found)
    assert log_loss(after.labels, after.probabilities) < log_loss(fresh.labels, fresh.probabilities)


def test_calibrated_answers_mostly_keep_a_temperature_of_exactly_1() -> None:
    found = [calibrating_temperature(calibrated(90, seed)) for seed in range(20)]
    assert sum(each == 1.0 for each in found) >= 12  # 78 % by simulation (docs/metrics.md)
    assert all(0.6 < each < 1.6 for each in found)


def test_a_network_that_was_never_wrong_is_not_made_certain() -> None:
    labels = truth(24, 24)
    assert calibrating_temperature(answered(labels, labels, sure=0.97)) > 0.4


def test_the_temperature_does_not_move_with_the_order_of_rows() -> None:
    rows = calibrated(90, 3, temperature=2.0)
    assert calibrating_temperature(turned(rows, 1)) == calibrating_temperature(rows)


def test_copies_of_one_image_are_on_one_side_when_a_temperature_is_tried() -> None:
    # Each of 8 images stands there 12 times: what fits seven of them says nothing of the eighth.
    rows = calibrated(8, 5, skill=1.0)
    many = rows.take(np.tile(np.arange(8), 12))
    alone = replace(many, hashes=tuple(f"{n:064x}" for n in range(96)), units=np.arange(96))
    grouped = replace(alone, units=np.tile(np.arange(8), 12))
    assert calibrating_temperature(alone) != 1.0
    assert calibrating_temperature(grouped) == 1.0


def test_too_few_rows_have_no_temperature() -> None:
    rows = predictions(images=3)
    assert calibrating_temperature(rows.take(np.array([], dtype=np.int64))) == 1.0
    assert calibrating_temperature(rows.take(np.array([0], dtype=np.int64))) == 1.0
