"""What runs in the process that trains, and what talks to it."""

from .messages import Advance, Event, Failure, NotBegun, Ready, Stage, Task, Tried
from .objective import own_point, settings_for, start_of
from .outcomes import complete_outcomes, read_history, read_outcome, study_of
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
    "own_point",
    "quieten_tensorflow",
    "read_history",
    "read_outcome",
    "settings_for",
    "start_of",
    "study_of",
]
