"""What is told from an error itself."""

import errno
import os
import threading

import pytest

from benchmark.errors import StoreError, for_terminal, is_interruption, is_out_of_memory


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


class ResourceExhaustedError(Exception):
    """Called as TensorFlow's."""


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        ResourceExhaustedError("{{function_node}} when making a tensor"),
        RuntimeError("std::bad_alloc"),
        RuntimeError("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 4 bytes"),
        OSError(errno.ENOMEM, os.strerror(errno.ENOMEM)),
        caused(ValueError("a layer could not be called"), MemoryError()),
    ],
)
def test_whatever_says_that_memory_ran_out_is_known(error: Exception) -> None:
    assert is_out_of_memory(error)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("shapes do not fit"),
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        StoreError("out_of_memory.csv cannot be read."),
    ],
)
def test_other_errors_are_not_laid_to_memory(error: Exception) -> None:
    assert not is_out_of_memory(error)


def test_what_is_shown_is_one_line_that_a_terminal_can_show_and_ends_with_what_to_do() -> None:
    assert (
        for_terminal(ValueError("a\nb \x1b[31mred\x00 \ud800é")) == "a b \\x1b[31mred\\x00 \\ud800é"
    )
    text = for_terminal(ValueError(f"got {'x' * 10_000}; write y."))
    assert len(text) < 2010
    assert text.endswith("; write y.")
