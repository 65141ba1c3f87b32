"""What is told from an error itself."""

import threading

import pytest

from benchmark.errors import is_interruption


def test_an_interruption_within_a_lock_is_one() -> None:
    condition = threading.Condition()
    with pytest.raises(RuntimeError) as caught, condition:
        condition.release()  # as where Ctrl-C comes between a wait and its reacquiring
        raise KeyboardInterrupt
    assert is_interruption(caught.value)
    assert is_interruption(KeyboardInterrupt())


def test_other_errors_are_none() -> None:
    error = RuntimeError("a fault of ours")
    error.__context__ = ValueError()
    assert not is_interruption(error)
    assert not is_interruption(RuntimeError("another"))
