"""What trials answered on validation: written with them, read from their table."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.records import Params
from benchmark.search import (
    Goal,
    Pruned,
    SearchResult,
    SearchSettings,
    Trial,
    TrialRecord,
    TrialState,
    parse_space,
    read_answers,
    search,
    trial_answers,
    write_answers,
)

SPACE = parse_space(
    "about: one\nparameters:\n  rate: {type: float, low: 0.1, high: 0.9}\n",
    name="own",
    file="own.yaml",
)


@given(count=st.sampled_from([2, 4, 256, 257, 40_000]), seed=st.integers(0, 100))
def test_answers_come_back_as_they_were(count: int, seed: int) -> None:
    classes = np.random.default_rng(seed).integers(0, count, 30)
    assert read_answers(write_answers(classes, count)).tolist() == classes.tolist()


def answers_of(number: int) -> list[int]:
    return [(number + place) % 3 for place in range(5)]


def result(*states: TrialState, noted: bool = True) -> SearchResult:
    trials = [
        TrialRecord(
            number=number,
            params=Params(rate=0.5),
            state=state,
            values=(0.5,) if state is TrialState.COMPLETE else (),
            answers=write_answers(np.array(answers_of(number)), 3) if noted else "",
        )
        for number, state in enumerate(states)
    ]
    return SearchResult(
        study="s", space=SPACE, goals=(Goal(metric="macro_f1"),), trials=tuple(trials), seconds=1.0
    )


def test_complete_and_pruned_trials_have_answers(tmp_path: Path) -> None:
    states = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAILED, TrialState.COMPLETE)
    result(*states).write(tmp_path / "trials.parquet")
    found = trial_answers(tmp_path / "trials.parquet")
    assert found is not None
    assert found.dtype == np.int64
    assert found.tolist() == [answers_of(number) for number in (0, 1, 3)]


def test_a_table_without_answers_has_none(tmp_path: Path) -> None:
    result(TrialState.COMPLETE, noted=False).write(tmp_path / "trials.parquet")
    assert trial_answers(tmp_path / "trials.parquet") is None


@pytest.mark.slow  # optuna takes a second to import
def test_answers_outlive_an_interrupted_search(tmp_path: Path) -> None:
    def objective(trial: Trial) -> float:
        trial.answers = write_answers(np.array(answers_of(trial.number)), 3)
        if trial.number == 1:
            raise Pruned("not promising")
        return 0.5

    storage = str(tmp_path / "studies.journal")

    def searched(trials: int) -> SearchResult:
        settings = SearchSettings(engine="optuna:random", trials=trials, seed=1)
        return search(SPACE, objective, settings, storage)

    searched(2)
    searched(3).write(tmp_path / "trials.parquet")
    found = trial_answers(tmp_path / "trials.parquet")
    assert found is not None
    assert found.tolist() == [answers_of(number) for number in range(3)]
