"""What is told from an error itself."""

import threading

import pytest

from benchmark.errors import is_interruption


def interrupted_in_a_lock() -> None:
    with (condition := threading.Condition()):
        condition.release()  # as where Ctrl-C comes between a wait and its reacquiring
        raise KeyboardInterrupt


def test_an_interruption_within_a_lock_is_one() -> None:
    with pytest.raises(RuntimeError) as caught:
        interrupted_in_a_lock()
    assert is_interruption(caught.value)
    assert is_interruption(KeyboardInterrupt())


def test_other_errors_are_none() -> None:
    error = RuntimeError("a fault of ours")
    error.__context__ = ValueError()
    assert not is_interruption(error)
    assert not is_interruption(RuntimeError("another"))
