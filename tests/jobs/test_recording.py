"""How many of a search's trials are shown as runs, whoever logged them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from benchmark.jobs.recording import Recorder
from benchmark.records import Params
from benchmark.search import TrialRecord, TrialState
from tests.worker.test_objective import SPEC


def trials(*numbers: int) -> list[TrialRecord]:
    return [
        TrialRecord(number=number, params=Params(), state=TrialState.COMPLETE, values=(0.5,))
        for number in numbers
    ]


class Shown:
    """A run that knows which trials stand below it."""

    def __init__(self, adopted: list[int]) -> None:
        self.run_id, self.spec = "r", SPEC
        self.adopted = dict.fromkeys(adopted)
        self.looked_at: list[int] = []
        self.shown = set(adopted)

    def log_trial(self, trial: Any) -> None:
        self.adopted.pop(trial.number, None)
        self.looked_at.append(trial.number)
        self.shown.add(trial.number)


@pytest.mark.parametrize("adopted", [[], [0, 1], [0, 1, 2, 4], [0, 1, 2, 3, 4]])
def test_a_search_gone_on_with_shows_as_many_trials_as_a_person_asked_for(
    adopted: list[int],
) -> None:
    run = Shown(adopted)
    prepared = SimpleNamespace(request=SimpleNamespace(log_trials=5))
    recorder = Recorder(cast("Any", prepared), cast("Any", None), Path("unused"))
    later = [number for number in range(8) if number not in adopted]
    for trial in trials(*later):  # as they end
        recorder.log_trials(cast("Any", run), [trial])
    recorder.log_trials(cast("Any", run), trials(*range(8)))  # all, when the search ends
    assert len(run.shown) == 5
    assert sorted(run.looked_at) == sorted(run.shown)


def test_a_failure_is_told_though_its_traceback_cannot_be_kept(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("no folder")
    recorder = Recorder(cast("Any", None), cast("Any", None), tmp_path)
    run = SimpleNamespace(spec=SPEC, fail=lambda reason: reason)
    said = recorder.fail(cast("Any", run), "bad", "Traceback")
    assert str(said) == "bad (its traceback could not be written: File exists)"
