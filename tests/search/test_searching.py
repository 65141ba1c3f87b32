"""The one signature of all engines: same trials for a seed, failures, budgets, several goals."""

import itertools
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.errors import StoreError, UsageError
from benchmark.records import Params
from benchmark.search import (
    ENGINES,
    Goal,
    Infeasible,
    Objective,
    SearchError,
    SearchSettings,
    Space,
    Trial,
    TrialState,
    parse_engine,
    parse_space,
    read_space,
    search,
    space_names,
)
from benchmark.search.optuna_engines import Grid

OPTUNA = [name for name in ENGINES if name.startswith("optuna")]
KERAS_TUNER = [
    pytest.param(name, marks=pytest.mark.slow) for name in ENGINES if name.startswith("keras")
]


@pytest.fixture
def early_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the Gaussian process begin at the sixth trial: from ten on, a fit takes up to 20 s."""
    monkeypatch.setattr("benchmark.search.keras_tuner_oracles._STARTING_TRIALS", 5)


@pytest.mark.usefixtures("early_process")
@pytest.mark.parametrize("engine", [*OPTUNA, *KERAS_TUNER])
def test_a_seed_gives_the_same_trials_again(
    engine: str, space: Space, objective: Objective
) -> None:
    trials = 8 if "bayesian" in engine else 14
    asked = SearchSettings(engine=engine, trials=trials, seed=5)
    first, second = (search(space, objective, asked) for _ in range(2))
    assert [each.params for each in first.trials] == [each.params for each in second.trials]
    assert [each.number for each in first.trials] == list(range(trials))


@pytest.mark.parametrize("engine", [*OPTUNA, "keras-tuner:random"])
@pytest.mark.slow
def test_a_search_in_two_calls_equals_one_in_one(
    engine: str, space: Space, objective: Objective, journal: str
) -> None:
    for trials in (9, 20):
        split = search(
            space, objective, SearchSettings(engine=engine, trials=trials, seed=5), journal
        )
    whole = search(space, objective, SearchSettings(engine=engine, trials=20, seed=5))
    assert [each.params for each in split.trials] == [each.params for each in whole.trials]


@pytest.mark.usefixtures("early_process")
@pytest.mark.parametrize("engine", [*OPTUNA, *KERAS_TUNER])
@pytest.mark.parametrize("name", ["small", *space_names()])
def test_every_space_samples_inside_itself(
    engine: str, name: str, space: Space, tmp_path: Path
) -> None:
    searched = space if name == "small" else read_space(name)
    result = search(
        searched,
        lambda trial: float(trial.number % 7),
        SearchSettings(engine=engine, trials=6 if "bayesian" in engine else 11, seed=2),
    )
    assert [each.params for each in result.trials if not inside(searched, each.params)] == []


def inside(space: Space, params: Params) -> bool:
    return space.outside(params) == () and space.complete(params) == params


def test_other_seeds_give_other_trials(space: Space, objective: Objective) -> None:
    one, two = (
        search(space, objective, SearchSettings(engine="optuna:random", trials=3, seed=seed))
        for seed in (1, 2)
    )
    assert [each.params for each in one.trials] != [each.params for each in two.trials]


def failing_but_once(trial: Trial) -> float:
    raised = {20: None}.get(trial.number, RuntimeError("out of memory"))
    return fail(raised)


def fail(error: Exception | None) -> float:
    for each in [error] if error else []:
        raise each
    return 1.0


@pytest.mark.parametrize(
    "engine", ["optuna:tpe", pytest.param("keras-tuner:random", marks=pytest.mark.slow)]
)
def test_twenty_failures_in_a_row_do_not_end_a_search(engine: str, space: Space) -> None:
    result = search(space, failing_but_once, SearchSettings(engine=engine, trials=22, seed=1))
    states = [each.state for each in result.trials]
    assert states == [TrialState.FAILED] * 20 + [TrialState.COMPLETE, TrialState.FAILED]
    assert result.trials[0].reason == "RuntimeError: out of memory"
    assert result.best.number == 20


def test_all_failed_is_one_clear_error(space: Space) -> None:
    with pytest.raises(
        SearchError, match=r"no trial with a score \(4 failed\).*The first said: ValueError: bad"
    ):
        search(space, lambda _: fail(ValueError("bad")), SearchSettings(trials=4))


def test_infeasible_is_no_failure(space: Space) -> None:
    def objective(trial: Trial) -> float:
        return fail({0: Infeasible("no room for 5 blocks")}.get(trial.number))

    result = search(space, objective, SearchSettings(trials=2, engine="optuna:random"))
    assert [each.state for each in result.trials] == [TrialState.INFEASIBLE, TrialState.COMPLETE]
    assert result.trials[0].reason == "no room for 5 blocks"


@pytest.mark.parametrize("value", [math.nan, math.inf, (1.0, 2.0)])
def test_a_value_that_ranks_nowhere_fails_its_trial(value: float, space: Space) -> None:
    values = iter([value, 1.0])
    result = search(space, lambda _: next(values), SearchSettings(trials=2, engine="optuna:random"))
    assert [each.state for each in result.trials] == [TrialState.FAILED, TrialState.COMPLETE]


def test_the_first_trial_takes_the_defaults(space: Space, objective: Objective) -> None:
    start = Params(rate=0.002, layers=1, width=64, norm=False, pool="avg", drop=0.2)
    result = search(space, objective, SearchSettings(trials=1, start=start))
    assert result.trials[0].params == start.having(optimizer="adam")


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["keras-tuner:random", "keras-tuner:bayesian"])
def test_keras_tuners_first_trial_takes_the_defaults_too(
    engine: str, space: Space, objective: Objective
) -> None:
    start = Params(rate=0.002, layers=1, width=64, norm=False, pool="avg", drop=0.2)
    result = search(space, objective, SearchSettings(trials=1, start=start, engine=engine))
    assert result.trials[0].params == start.having(optimizer="adam")


def test_a_time_limit_ends_a_search_without_a_number_of_trials(space: Space) -> None:
    import time

    def objective(_: Trial) -> float:
        time.sleep(0.2)
        return 1.0

    result = search(space, objective, SearchSettings(trials=0, seconds=1.6, engine="optuna:random"))
    assert 1 <= len(result.trials) <= 8


def test_a_small_grid_ends_by_itself() -> None:
    space = parse_space(
        "parameters:\n  a: {type: bool}\n  b: {type: int, low: 1, high: 3, when: {a: true}}",
        name="tiny",
        file="tiny.yaml",
    )
    result = search(space, lambda _: 1.0, SearchSettings(trials=50, engine="optuna:grid"))
    assert sorted(map(str, (each.params for each in result.trials))) == [
        "Params(a=False)",
        "Params(a=True, b=1)",
        "Params(a=True, b=2)",
        "Params(a=True, b=3)",
    ]
    assert result.notes == ("the space tiny has no more than 4 trials.",)


def test_a_changed_space_is_a_new_study_and_said(
    space: Space, objective: Objective, journal: str
) -> None:
    asked = SearchSettings(trials=2, engine="optuna:random", study="cnn")
    first = search(space, objective, asked, journal)
    other = parse_space(
        "parameters:\n  rate: {type: float, low: 1.0e-5, high: 1.0e-2, log: true}\n"
        "  layers: {type: fixed, value: 0}\n  pool: {type: fixed, value: avg}",
        name="small",
        file="small.yaml",
    )
    second = search(other, objective, asked, journal)
    assert second.notes[0].startswith("a new study begins, for the space changed; ")
    assert second.notes[0].endswith(f"the trials of {first.study} are kept and not mixed in.")
    assert [set(each.params) for each in second.trials] == [{"rate", "layers", "pool"}] * 2


def test_other_material_is_a_new_study(space: Space, objective: Objective, journal: str) -> None:
    studies = [
        search(
            space,
            objective,
            SearchSettings(trials=2, engine="optuna:random", material=material),
            journal,
        )
        for material in ("one", "two")
    ]
    assert "for the data set, split, architecture or parameters changed;" in studies[1].notes[0]
    assert studies[0].study != studies[1].study


def test_two_goals_give_a_front_that_nothing_beats(space: Space) -> None:
    goals = (Goal(metric="val_macro_f1"), Goal(metric="milliseconds_per_image", maximise=False))
    result = search(
        space,
        lambda trial: (trial.params.number("rate"), trial.params.number("rate") ** 2),
        SearchSettings(trials=12, goals=goals),
    )
    assert len(result.front) == 12
    scores = [each.values[0] for each in result.front]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("pruner", ["median", "successive-halving", "hyperband", "wilcoxon"])
def test_a_pruner_stops_what_does_not_promise(pruner: str, space: Space) -> None:
    def objective(trial: Trial) -> float:
        score = 1.0 / (1 + trial.number)
        for step in range(12):
            trial.report(step, score - 0.001 * (step % 3))
        return score

    result = search(
        space,
        objective,
        SearchSettings(trials=20, engine="optuna:random", pruner=pruner, epochs=12),
    )
    pruned = [each for each in result.trials if each.state is TrialState.PRUNED]
    assert pruned
    assert all(0 < len(each.steps) < 12 for each in pruned)
    assert result.best.number == 0


@pytest.mark.slow
def test_hyperband_of_keras_tuner_grants_epochs_in_steps(space: Space) -> None:
    granted: list[int] = []

    def objective(trial: Trial) -> float:
        granted.append(trial.epochs)
        return trial.params.number("rate")

    search(space, objective, SearchSettings(engine="keras-tuner:hyperband", trials=20, epochs=9))
    assert set(granted) <= {1, 3, 9}
    assert {1, 3} <= set(granted)


def test_answers_and_steps_stand_in_the_table(space: Space, tmp_path: Path) -> None:
    import pandas as pd

    def objective(trial: Trial) -> float:
        trial.report(0, 0.5)
        trial.answers = "u1:AAE="
        return 0.5

    result = search(space, objective, SearchSettings(trials=3))
    result.write(tmp_path / "trials.parquet")
    table = pd.read_parquet(tmp_path / "trials.parquet")
    assert table["fact_answers"].tolist() == ["u1:AAE="] * 3
    assert table["steps"].tolist() == [1] * 3
    assert table["epochs"].tolist() == [100] * 3
    assert table["val_macro_f1"].tolist() == [0.5] * 3
    assert set(table["param_optimizer"]) == {"adam"}


def test_a_key_press_leaves_the_trial_to_the_next_start(
    space: Space, objective: Objective, journal: str
) -> None:
    asked = SearchSettings(trials=3, engine="optuna:random")

    def pressed(_: Trial) -> float:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(space, pressed, asked, journal)
    assert [each.attempts for each in search(space, objective, asked, journal).trials] == [2, 1, 1]


def test_a_trial_that_kills_its_process_is_given_up_at_last(
    space: Space, objective: Objective, journal: str
) -> None:
    asked = SearchSettings(trials=2, engine="optuna:random")

    def deadly(_: Trial) -> float:
        raise SystemExit

    for _ in range(5):
        with pytest.raises(SystemExit):
            search(space, deadly, asked, journal)
    result = search(space, objective, asked, journal)
    assert [each.state for each in result.trials] == [TrialState.FAILED, TrialState.COMPLETE]
    assert "died in each of 5 attempts" in result.trials[0].reason


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (SearchSettings(engine="optuna:tpo"), "no search engine named 'optuna:tpo'. Did you mean"),
        (SearchSettings(pruner="medain"), "no pruner named 'medain'. Did you mean median"),
        (SearchSettings(trials=0), "a search needs a number of trials or a time limit"),
        (SearchSettings(trials=-1), "must not be below 0"),
        (SearchSettings(goals=()), "a search needs a metric to improve"),
        (
            SearchSettings(engine="optuna:cma-es", goals=(Goal(metric="a"), Goal(metric="b"))),
            "optuna:cma-es knows one goal, not 2; take optuna:tpe",
        ),
        (
            SearchSettings(pruner="median", goals=(Goal(metric="a"), Goal(metric="b"))),
            "median prunes by one goal",
        ),
    ],
)
def test_settings_without_meaning_are_refused(
    asked: SearchSettings, message: str, space: Space, objective: Objective
) -> None:
    with pytest.raises(UsageError, match=message):
        search(space, objective, asked)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("none", None),
        ("optuna", "optuna:tpe"),
        ("keras-tuner", "keras-tuner:random"),
        ("optuna:qmc", "optuna:qmc"),
    ],
)
def test_the_words_of_the_command_line_name_an_engine(words: str, name: str | None) -> None:
    assert parse_engine(words) == name


def test_a_misspelt_engine_is_met_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="Did you mean keras-tuner:hyperband"):
        parse_engine("keras-tuner:hyperbrand")


def test_a_storage_of_no_known_kind_is_refused(space: Space, objective: Objective) -> None:
    with pytest.raises(StoreError, match="is kept in a journal file or in SQLite"):
        search(space, objective, SearchSettings(), "postgresql://me:secret@127.0.0.1:1/x")
    with pytest.raises(StoreError, match="/proc/x cannot keep a search: No such file"):
        search(space, objective, SearchSettings(), "sqlite:////proc/x/s.db")


@given(seed=st.integers(0, 2**31), layers=st.integers(0, 3), step=st.sampled_from([1, 2]))
@settings(max_examples=40, deadline=None)
def test_a_grid_has_every_point_once(seed: int, layers: int, step: int) -> None:
    space = parse_space(
        f"parameters:\n  n: {{type: int, low: 0, high: {layers}}}\n"
        "  w: {type: choice, choices: [1, 2, 3], when: {n: 0}}\n"
        "  b: {type: bool, when: {w: [2, 3]}}\n"
        f"  s: {{type: int, low: 0, high: {2 * step}, step: {step}}}\n",
        name="x",
        file="x.yaml",
    )
    grid = Grid(space, seed)
    points = {grid.point(number) for number in range(len(grid))}
    assert len(points) == len(grid) == 3 * (layers + 5)
    assert all(inside(space, point) for point in points)


def test_the_count_of_a_grid_is_that_of_the_product() -> None:
    space = read_space("smoke")
    values = [each.grid() for each in space.searched]
    assert len(Grid(space, 0)) == len(list(itertools.product(*values)))


@pytest.mark.parametrize("name", ["{study}.journal", ".{study}.journal.owner"])
def test_a_file_of_another_kind_in_a_study_s_place_stays_as_it_was(
    name: str, space: Space, objective: Objective, tmp_path: Path
) -> None:
    asked = SearchSettings(trials=1)
    foreign = tmp_path / name.format(study=asked.study_name(space))
    foreign.write_text("notes of mine, without a last line's end")
    with pytest.raises(StoreError, match="is something else"):
        search(space, objective, asked, f"{tmp_path}/")
    assert foreign.read_text() == "notes of mine, without a last line's end"


def test_a_lock_file_of_the_same_stem_is_not_touched(
    space: Space, objective: Objective, tmp_path: Path
) -> None:
    (tmp_path / "poetry.lock").write_text("another program's")
    search(space, objective, SearchSettings(trials=1), str(tmp_path / "poetry"))
    assert (tmp_path / "poetry.lock").read_text() == "another program's"
