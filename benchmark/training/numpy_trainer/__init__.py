"""Dense networks trained in NumPy: the arithmetic of Keras without its overhead.

An epoch over cached features is a few milliseconds of matrix products; tracing a graph for a new
head takes a hundred times as long. So the layers are read out of the Keras network, trained here,
and their weights written back. Tests hold the results to Keras's own `fit`.
"""

from .stack import Stack, read_stack
from .trainees import StackTrainee, split_perceptron, stack_trainee

__all__ = [
    "Stack",
    "StackTrainee",
    "read_stack",
    "split_perceptron",
    "stack_trainee",
]
