"""Logistic regression at its minimum, and what is chosen of it, on drawn features."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from benchmark.cache import Cache
from benchmark.records import Params, Silent
from benchmark.training import evidence
from benchmark.training.basis import open_basis
from benchmark.training.choosing import Choice, choose, keep
from benchmark.training.evidence import Evidence, folds_of, gather
from benchmark.training.inputs import Columns, Views
from benchmark.training.logistic import EXACTLY, PATH, ROUGHLY, Fits, Linear, fit, soften
from benchmark.training.penalties import first_least
from tests.close import assert_close

Drawn = tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]
CLASSES = ("a", "b", "c")


def draw(count: int, width: int, classes: int = 3, seed: int = 0) -> Drawn:
    """Draw labels, and correlated features that tell some of them."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    mixed = random.normal(size=(count, 8)) @ random.normal(size=(8, width))
    told = random.normal(size=(classes, width))[labels]
    values = mixed + told + 0.5 * random.normal(size=(count, width))
    return ((values - values.mean(0)) / values.std(0)).astype(np.float32), labels


def fitted(values: npt.NDArray[np.float32], labels: Any, l2: float, classes: int = 3) -> Linear:
    count = len(labels)
    weights = np.full(count, 1 / count)
    targets = soften(labels, classes, 0.0)
    return fit(lambda rows: values[rows], np.arange(count), targets, weights, l2)


@pytest.mark.parametrize(("count", "width"), [(40, 70), (90, 30)], ids=["few rows", "few columns"])
@pytest.mark.parametrize("l2", [0.1, 0.001])
def test_the_minimum_is_that_of_scikit_learn(count: int, width: int, l2: float) -> None:
    from sklearn.linear_model import LogisticRegression

    values, labels = draw(count, width)
    wide = values.astype(np.float64)
    reference = LogisticRegression(C=1 / (2 * l2 * count), tol=1e-9, max_iter=20_000)
    reference.fit(wide, labels)
    found = fitted(values, labels, l2)
    assert np.abs(found.kernel - reference.coef_.T).max() < 1e-3 * np.abs(reference.coef_).max()
    said = np.exp(found.log_probabilities(values))
    assert np.abs(said - reference.predict_proba(wide)).max() < 1e-3


def test_weights_of_rows_are_those_of_scikit_learn_and_repeated_rows_count_twice() -> None:
    from sklearn.linear_model import LogisticRegression

    values, labels = draw(40, 20)
    weights = 1.0 + (np.arange(40) % 4 == 0)
    found = fit(
        lambda rows: values[rows], np.arange(40), soften(labels, 3, 0.0), weights / 40, 0.01
    )
    reference = LogisticRegression(C=1 / (2 * 0.01 * 40), tol=1e-9, max_iter=20_000)
    reference.fit(values.astype(np.float64), labels, sample_weight=weights)
    assert np.abs(found.kernel - reference.coef_.T).max() < 1e-3
    twice = np.concatenate([np.arange(40), np.flatnonzero(weights == 2)])
    repeated = fit(
        lambda rows: values[rows],
        twice,
        soften(labels[twice], 3, 0.0),
        np.full(len(twice), 1 / 40),
        0.01,
    )
    assert np.abs(found.kernel - repeated.kernel).max() < 1e-4


def test_smoothed_labels_leave_answers_between_them() -> None:
    values, labels = draw(60, 80)
    found = fit(
        lambda rows: values[rows], np.arange(60), soften(labels, 3, 0.3), np.full(60, 1 / 60), 1e-4
    )
    said = np.exp(found.log_probabilities(values))[np.arange(60), labels]
    assert said.mean() == pytest.approx(0.8, abs=0.02)  # 1 - 0.3 + 0.3 / 3


@pytest.mark.parametrize("count", [30, 90], ids=["few rows", "few columns"])
def test_folds_fitted_together_are_as_each_alone(count: int) -> None:
    values, labels = draw(count, 40)
    fold = np.arange(count) % 5
    weights = np.stack([(fold != each) / (fold != each).sum() for each in range(5)], axis=1)
    fits = Fits(
        basis=open_basis(lambda rows: values[rows], np.arange(count)),
        targets=soften(labels, 3, 0.0),
        weights=weights,
    )
    # Each at a penalty of its own, and two of them from the minimum of another one.
    penalties = np.array([0.01, 0.1, 0.01, 1.0, 0.03])
    begun = fits.minimum(fits.begin(), np.where(penalties < 0.02, 0.1, penalties), EXACTLY)
    said = fits.log_probabilities(fits.minimum(begun, penalties, EXACTLY))
    for each in range(5):
        rest = np.flatnonzero(fold != each)
        alone = fitted(values[rest], labels[rest], penalties[each])
        gap = np.exp(said[each].T) - np.exp(alone.log_probabilities(values))
        assert np.abs(gap).max() < 1e-4


def test_rows_that_are_read_again_give_what_rows_in_memory_give(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("benchmark.training.basis._BLOCK", 16)
    values, labels = draw(90, 30)
    kept, read_again = (
        Fits(
            basis=open_basis(lambda rows: values[rows], np.arange(90), held),
            targets=soften(labels, 3, 0.0),
            weights=np.full((90, 1), 1 / 90),
        )
        for held in (2**20, 0)
    )
    one, other = (
        each.minimum(each.begin(), np.array([0.01]), EXACTLY) for each in (kept, read_again)
    )
    assert_close(kept.classifier(one).kernel, read_again.classifier(other).kernel, 1e-5)
    assert_close(kept.log_probabilities(one), read_again.log_probabilities(other), 1e-5)
    assert len(list(read_again.basis.blocks())) == 6


def test_a_class_without_rows_is_never_chosen_and_one_class_is_certain() -> None:
    values, labels = draw(20, 10, classes=2)
    said = np.exp(fitted(values, labels, 0.01).log_probabilities(values))
    assert np.isfinite(said).all()
    assert said[:, 2].max() < 1e-5
    alone = np.exp(fitted(values, np.ones(20, np.int64), 0.01).log_probabilities(values))
    assert alone[:, 1].min() > 1 - 1e-5


def test_columns_without_variance_leave_frequencies() -> None:
    labels = np.array([0, 0, 0, 1, 1, 2])
    for width in (3, 9):
        found = fitted(np.zeros((6, width), np.float32), labels, 0.1)
        said = np.exp(found.log_probabilities(np.zeros((1, width), np.float32)))
        np.testing.assert_allclose(said, [[1 / 2, 1 / 3, 1 / 6]], atol=1e-4)
        assert not found.kernel.any()


def test_features_that_are_no_numbers_are_refused() -> None:
    values, labels = draw(12, 5)
    values[3, 2] = np.nan
    with pytest.raises(ValueError, match="features that are no finite numbers"):
        fitted(values, labels, 0.1)


ASKED = Params(
    augmentation="none",
    class_weight="none",
    feature_depth="end/multi",
    head="logistic",
    l2=0.03,
    label_smoothing=0.0,
    penalty="path",
    pooling="avg+max",
    scales="1",
    standardise=True,
    views=0,
)


class Study:
    """A choice on drawn images: features at the end tell nothing, those at depths tell all."""

    def __init__(self, order: Any = None, count: int = 60, views: Views | None = None) -> None:
        told, self.labels = draw(count, 12)
        noise = np.random.default_rng(9).normal(size=(count, 12)).astype(np.float32)
        self.matrix = np.concatenate([noise, told], axis=1)
        self.order = np.arange(count) if order is None else order
        self.hashes = [f"{row:03}" for row in range(count)]
        self.views = views

    def evidence(self, groups: Any = None) -> Evidence:
        order = self.order
        own = self.hashes if groups is None else groups
        return gather(
            CLASSES,
            order,
            self.labels[order],
            [self.hashes[row] for row in order],
            [own[row] for row in order],
        )

    def columns(self, params: Params, rows: Any) -> Columns:
        wide = params["feature_depth"] == "multi"
        return Columns(self.matrix, np.arange(24 if wide else 12), rows, self.views)

    def choice(self, groups: Any = None, **changes: Any) -> Choice:
        return choose(ASKED.having(changes), self.columns, self.evidence(groups), Silent())


def test_what_tells_the_classes_is_chosen_with_one_value_each() -> None:
    found = Study().choice()
    assert found.params["feature_depth"] == "multi"
    assert (found.params["penalty"], found.params["l2"]) == ("given", found.tried[1].l2)
    assert [each.chosen for each in found.tried] == [False, True]
    assert [dict(each.params) for each in found.tried] == [
        {"feature_depth": "end"},
        {"feature_depth": "multi"},
    ]
    assert found.tried[1].log_loss < 0.9 < found.tried[0].log_loss
    assert 0 < found.tried[1].standard_error < 0.2
    assert found.params.having(feature_depth="end/multi", penalty="path", l2=0.03) == ASKED


@pytest.mark.parametrize("signal", [0.3, 0.4])
def test_a_choice_sees_each_penalty_at_its_own_minimum(signal: float) -> None:
    """A fit that ends early is taken for better than it is where the penalty is weak."""
    random = np.random.default_rng(3)
    labels = np.arange(150) % 3
    values = random.normal(size=(150, 1500)).astype(np.float32)
    values[:, :40] += signal * np.eye(3)[labels] @ random.normal(size=(3, 40))
    rest, held = np.arange(100), np.arange(100, 150)

    def losses(slope: float, *, briefly: bool) -> list[float]:
        found = Fits(
            basis=open_basis(lambda rows: values[rows], np.arange(150), briefly=briefly),
            targets=soften(labels, 3, 0.0),
            weights=np.where(np.isin(np.arange(150), rest), 0.01, 0.0)[:, None],
        )
        state, means = found.begin(), list[float]()
        for penalty in PATH:
            state = found.minimum(state, np.array([penalty]), slope)
            means.append(float(-found.log_probabilities(state)[0, labels[held], held].mean()))
        return means

    roughly, exactly = losses(ROUGHLY, briefly=True), losses(EXACTLY, briefly=False)
    least = int(np.argmin(exactly))
    assert 0 < least < len(PATH) - 2
    np.testing.assert_allclose(roughly[: least + 2], exactly[: least + 2], rtol=0.01)
    assert int(np.argmin(roughly[: least + 2])) == least


def test_another_order_of_images_gives_the_same_choice_to_the_last_bit() -> None:
    first = Study().choice()
    mixed = Study(np.random.default_rng(1).permutation(60)).choice()
    assert (mixed.params, mixed.tried) == (first.params, first.tried)
    again = Study().choice()
    assert again.tried == first.tried


def test_a_penalty_that_is_given_is_kept_and_alternatives_are_still_chosen_among() -> None:
    found = Study().choice(penalty="given", l2=0.5)
    assert found.params["l2"] == 0.5
    assert [each.l2 for each in found.tried] == [0.5, 0.5]
    assert found.params["feature_depth"] == "multi"
    assert found.notes == ()


def test_what_is_as_good_within_rounding_is_the_first() -> None:
    assert first_least([0.5, 0.49999, 0.6]) == 0
    assert first_least([0.5, 0.4, 0.39999]) == 1


def test_images_of_one_group_answer_for_none_of_it() -> None:
    """Every image stands twice under two hashes: apart they tell each other's label."""
    study = Study(count=60)
    half = np.random.default_rng(5).normal(size=(30, 24)).astype(np.float32)
    study.matrix = np.concatenate([half, half])
    study.labels = np.tile(np.random.default_rng(6).integers(0, 3, 30), 2)
    pairs = [f"{row % 30}" for row in range(60)]
    apart, together = study.choice(), study.choice(pairs)
    lost, known = (min(each.log_loss for each in found.tried) for found in (together, apart))
    assert known < 0.7 * lost


def test_all_images_of_one_group_leave_the_first_alternatives_and_are_noted() -> None:
    found = Study().choice(["one"] * 60)
    assert (found.params["feature_depth"], found.params["l2"]) == ("end", 0.03)
    assert "of one group" in found.notes[0]
    assert found.tried == ()


@pytest.mark.parametrize("count", [6, 7])
def test_six_images_are_enough_to_choose_on(count: int) -> None:
    found = Study(count=count).choice()
    assert all(np.isfinite(each.log_loss) for each in found.tried)
    assert PATH[-1] <= float(found.params["l2"]) <= PATH[0]


def test_a_class_of_one_image_is_answered_for() -> None:
    study = Study()
    study.labels = np.where(np.arange(60) == 7, 2, np.arange(60) % 2)
    assert all(np.isfinite(each.log_loss) for each in study.choice().tried)


def test_a_penalty_at_an_end_of_its_path_is_noted() -> None:
    study = Study()
    study.matrix = np.eye(3, dtype=np.float32)[study.labels].repeat(8, axis=1)
    found = study.choice()
    assert found.params["l2"] == PATH[-1]
    assert found.notes == ("the penalty that was chosen, l2=0.0001, stands at an end of its path.",)


def test_many_images_are_chosen_on_in_one_fold(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(folds_of(Study().evidence())) == 5
    monkeypatch.setattr(evidence, "_MANY", 50)
    ((rest, held),) = folds_of(Study().evidence())
    assert (len(rest), len(held)) == (48, 12)
    assert Study().choice().params["feature_depth"] == "multi"


def test_views_stand_beside_their_image_and_share_its_fold() -> None:
    """Views are the labels of other images: where they were held out alone they would mislead."""
    study = Study()
    places = np.arange(60)
    study.views = Views(
        matrix=np.concatenate([study.matrix, study.matrix]), count=2, places=places, seed=0
    )
    plain, varied = Study().choice(), study.choice()
    columns = study.columns(ASKED.having(feature_depth="multi"), places)
    rows = columns.with_views(np.array([3, 5]))
    assert rows.tolist() == [3, 5, 63, 65, 123, 125]
    assert columns.copies == 3
    np.testing.assert_array_equal(columns.read(rows)[:2], columns.read(rows)[2:4])
    # Views that are the image itself change nothing.
    assert varied.params == plain.params
    for one, other in zip(varied.tried, plain.tried, strict=True):
        assert one.log_loss == pytest.approx(other.log_loss, abs=2e-3)


def test_a_choice_is_made_once_and_charged_again(tmp_path: Any) -> None:
    cache, made = Cache(tmp_path), []

    def build() -> Choice:
        made.append(1)
        found = Study().choice()
        return Choice(params=found.params, tried=found.tried, seconds=50.0, notes=("x",))

    first, second = (keep(cache, ["asked", 1], build) for _ in range(2))
    assert (first.params, first.tried, first.notes) == (second.params, second.tried, ("x",))
    assert len(made) == 1
    assert second.charged == pytest.approx(50.0, abs=1.0)
    keep(cache, ["asked", 2], build)
    assert len(made) == 2
