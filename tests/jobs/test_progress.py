"""What a person sees while a benchmark runs, drawn into a buffer."""

import io
from dataclasses import replace

from rich.console import Console

from benchmark.jobs.progress import Display, Lines, Live, names_of, outcome_line, show
from benchmark.records import Epoch, Params, Record, Seconds, State
from benchmark.search import TrialRecord, TrialState
from benchmark.worker.messages import Advance, Stage, Tried
from tests.worker.acting import spec_of


def record(state: State = State.FINISHED, reason: str = "") -> Record:
    return Record(
        spec=spec_of("cnn"),
        run_id="r",
        model_id="m",
        state=state,
        reason=reason,
        scores={"val_macro_f1": 0.5, "test_macro_f1": 0.25} if not reason else {},
        seconds=Seconds(head=2.0, wall=1.0),
        parameters=1,
        model_bytes=1,
        milliseconds_per_image=1.0,
        started=0.0,
    )


def console(*, terminal: bool) -> Console:
    return Console(file=io.StringIO(), width=120, force_terminal=terminal, color_system=None)


def drawn(target: Console) -> str:
    assert isinstance(target.file, io.StringIO)
    return target.file.getvalue()


def test_a_finished_run_is_a_line_with_its_scores_and_costs() -> None:
    line = outcome_line(record())
    assert line == "cnn: validation macro-F1 0.500, test 0.250, 2.0 s (1.0 s just now)"


def test_a_failed_run_is_a_line_with_its_reason() -> None:
    assert outcome_line(record(State.FAILED, "no memory")) == "cnn: FAILED: no memory"


def test_plain_lines_count_the_runs() -> None:
    target = console(terminal=False)
    lines = Lines(target)
    lines.plan(2)
    lines.begin("cnn")
    lines.end(record())
    assert "cnn: begins" in drawn(target)
    assert "[1/2] cnn: validation" in drawn(target)


def test_quiet_says_failures_and_nothing_else() -> None:
    target = console(terminal=False)
    quiet = Display(target)
    quiet.note("a note")
    quiet.end(record())
    quiet.end(record(State.FAILED, "no memory"))
    assert drawn(target) == "cnn: FAILED: no memory\n"


def test_bars_show_stage_rate_and_epoch_and_go_when_the_run_ends() -> None:
    target = console(terminal=True)
    with Live(target) as live:
        live.plan(1)
        live.begin("cnn")
        live.event("cnn", Stage(name="scratch", total=30, unit="epochs"))
        live.event("cnn", Advance(count=1))
        live.event("cnn", Epoch(number=4, stage="scratch", metrics={"val_loss": 0.25}))
        assert live.shown() == {"cnn": (5, 30, "scratch epoch 5: val_loss 0.250")}
        live.event("cnn", Stage(name="save", total=None, unit=""))
        assert live.shown() == {"cnn": (0, None, "save")}
        live.end(record())
        assert live.shown() == {}
    assert "[1/1] cnn" in drawn(target)


def test_a_searchs_bar_counts_all_trials_also_after_the_features_of_another_side() -> None:
    tried = Tried(trial=TrialRecord(number=0, params=Params(), state=TrialState.COMPLETE))
    with Live(console(terminal=True)) as live:
        live.begin("cnn")
        live.event("cnn", Stage(name="search", total=20, unit="trials"))
        live.event("cnn", tried)
        live.event("cnn", tried)
        assert live.shown()["cnn"][:2] == (2, 20)
        live.event("cnn", Stage(name="features", total=300, unit="images"))
        live.event("cnn", Advance(count=300))
        assert live.shown()["cnn"][:2] == (300, 300)
        live.event("cnn", Stage(name="search", total=20, unit="trials"))
        live.event("cnn", tried)
        assert live.shown()["cnn"][:2] == (3, 20)


def test_work_of_the_main_process_has_a_bar_until_it_is_over() -> None:
    with Live(console(terminal=True)) as live:
        live.begin("images")
        assert set(live.shown()) == {"images"}
        live.over("images")
        assert live.shown() == {}


def test_a_terminal_gets_bars_and_a_pipe_gets_lines() -> None:
    with show(console(terminal=True), quiet=False) as display:
        assert isinstance(display, Live)
    with show(console(terminal=False), quiet=False) as display:
        assert type(display) is Lines
    with show(console(terminal=True), quiet=True) as display:
        assert type(display) is Display


def test_runs_of_one_name_say_what_tells_them_apart() -> None:
    one = spec_of("cnn")
    other = replace(one, epochs=7)
    names = names_of([one, other, replace(one, seed=1)])
    assert [*names.values()] == ["cnn (epochs 1)", "cnn (epochs 7)", "cnn seed 1"]
