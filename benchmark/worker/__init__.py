"""What runs in the process that trains, and what talks to it."""

from .messages import Advance, Event, Failure, NotBegun, Ready, Stage, Task, Tried
from .outcomes import complete_outcomes, epochs_of, read_history, read_outcome
from .pool import LazyPool
from .process import quieten_tensorflow

__all__ = [
    "Advance",
    "Event",
    "Failure",
    "LazyPool",
    "NotBegun",
    "Ready",
    "Stage",
    "Task",
    "Tried",
    "complete_outcomes",
    "epochs_of",
    "quieten_tensorflow",
    "read_history",
    "read_outcome",
]
