"""Why a worker is gone, or failed: memory where it was memory, as surely as that is known."""

import pytest

from benchmark import environment
from benchmark.worker.handle import Kills, cause
from benchmark.worker.process import _reason


@pytest.mark.parametrize(
    ("code", "printed", "before", "after", "said"),
    [
        (-9, "", (4, 4), (5, 5), "killed (SIGKILL) by the system for want of memory; a smaller"),
        (-9, "", (None, 4), (None, 5), "killed (SIGKILL), probably by the system for want of"),
        (-9, "", (4, 4), (4, 5), "by a person or a program: the system has counted no kill"),
        (-9, "", (None, 4), (None, 4), "by a person or a program: the system has counted no kill"),
        (-9, "", (None, None), (None, None), "by a person, or by the system for want of memory"),
        (-6, "what():  std::bad_alloc", (0, 0), (0, 0), "with signal SIGABRT for want of memory"),
        (-6, "a bug", (0, 0), (0, 0), "crashed with signal SIGABRT"),
        (1, "MemoryError: Unable to allocate 2 GiB", (0, 0), (0, 0), "code 1 for want of memory"),
    ],
)
def test_a_death_is_laid_to_memory_as_surely_as_that_is_known(
    code: int, printed: str, before: Kills, after: Kills, said: str
) -> None:
    assert said in cause(code, printed, before, after)


def test_a_crash_under_a_limit_of_memory_is_probably_its_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(environment, "memory_limit_mib", lambda: 2048.0)
    said = "signal SIGSEGV, probably for want of memory: ulimit -v allows 2048 MiB"
    assert said in cause(-11, "", (0, 0), (0, 0))


def test_a_death_of_a_bug_is_not_laid_to_memory() -> None:
    assert cause(-6, "assertion failed", (0, 0), (0, 0)).endswith("with signal SIGABRT")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError("memory ran out in a step"), "MemoryError: memory ran out in a step"),
        (RuntimeError("OOM when allocating"), "out of memory: RuntimeError: OOM when allocating"),
        (ValueError("bad"), "ValueError: bad"),
    ],
)
def test_the_reason_of_a_failure_says_memory_where_it_was(error: Exception, said: str) -> None:
    assert _reason(error) == said
