"""What workers find to do: tasks that wait, and searches under way that they can help with."""

import threading
from collections import deque
from collections.abc import Callable, Sequence

from .messages import Event, Failure, Result, Searching, Task, Tried

MOST_DEATHS = 10
"""Deaths of a search's workers in a row, with no trial finished between, that end its task.

chosen, not sourced: the study gives a trial up after five deaths, and goes on with the next one.
"""

Say = Callable[[Task, Event], None]


class Duty:
    """A task that a worker has, and a search in it that others may help with.

    Args:
        task: the task.
        say: told what its workers say, one event at a time.

    Attributes:
        is_searching: whether its search is under way.
        wants_help: whether others may join in.
        helpers: how many have.
        has_failed: whether it is over and came to nothing.
    """

    def __init__(self, task: Task, say: Say) -> None:
        self.task = task
        self.is_searching = False
        self.wants_help = False
        self.helpers = 0
        self.has_failed = False
        self._is_over = False
        self._deaths = 0
        self._say = say
        self._lock = threading.Lock()

    def say(self, event: Event) -> None:
        """Pass on what the task's own worker says."""
        with self._lock:
            self._note(event)
            self._say(self.task, event)

    def say_of_helper(self, event: Event) -> None:
        """Pass on a helper's trials and failure; stages are for the task's own worker to tell."""
        with self._lock:
            if isinstance(event, Tried | Failure) and not self._is_over:
                self._note(event)
                self._say(self.task, event)

    def _note(self, event: Event) -> None:
        if isinstance(event, Tried):
            self._deaths = 0

    def is_worth_another_start(self, result: Result) -> bool:
        """Whether a worker died in the search: that costs one trial, which is run again."""
        if not (isinstance(result, Failure) and result.died and self.is_searching):
            return False
        with self._lock:
            self._deaths += 1
            return self._deaths < MOST_DEATHS

    def end(self, result: Result) -> None:
        """Let no word of a helper through after this."""
        with self._lock:
            self.has_failed = isinstance(result, Failure)
            self._is_over = True


class Agenda:
    """Tasks in their order, and behind them the open search with the fewest helpers.

    Args:
        tasks: what is to be done.
        say: told what the workers say.
    """

    def __init__(self, tasks: Sequence[Task], say: Say) -> None:
        self._waiting = deque(tasks)
        self._say = say
        self._under_way: list[Duty] = []
        self._is_closed = False
        self._changed = threading.Condition()

    def take(self) -> tuple[Duty, bool] | None:
        """Wait for a duty; return it, and whether it is help. None: nothing will come."""
        with self._changed:
            while not self._is_closed:
                if self._waiting:
                    duty = Duty(self._waiting.popleft(), self._say)
                    self._under_way.append(duty)
                    return duty, False
                shared = [each for each in self._under_way if each.wants_help]
                if shared:
                    duty = min(shared, key=lambda each: each.helpers)
                    duty.helpers += 1
                    return duty, True
                if not any(each.task.space for each in self._under_way):
                    return None
                self._changed.wait()
            return None

    def hear(self, duty: Duty, event: Event) -> None:
        """Pass on what a task's own worker says, and see whether its search can be helped with."""
        if isinstance(event, Searching):
            with self._changed:
                duty.is_searching = duty.wants_help = event.is_open
                self._changed.notify_all()
        duty.say(event)

    def leave(self, duty: Duty, *, wants_help: bool) -> None:
        """Take a helper off a duty, and say whether it wants another."""
        with self._changed:
            duty.helpers -= 1
            duty.wants_help &= wants_help

    def end(self, duty: Duty, result: Result) -> None:
        """Take a duty off the agenda."""
        duty.end(result)
        with self._changed:
            duty.is_searching = duty.wants_help = False
            self._under_way.remove(duty)
            self._changed.notify_all()

    def close(self) -> None:
        """Return nobody anything to do any more."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
