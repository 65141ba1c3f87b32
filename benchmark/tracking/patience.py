"""Waits for a store that is locked or away, says so now and then, and gives up in the end.

Every call of the store goes through here. MLflow's own retries are turned down: they are silent for
minutes, differ by call, and log a page each time.
"""

import errno
import re
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from ..errors import AwayError, StoreError, one_line
from ..texts import masked
from . import names

_Result = TypeVar("_Result")
_MINUTE = 60.0
_DEFAULT_SECONDS = 15 * _MINUTE
_SILENT_SECONDS = 5.0  # chosen: a hiccup is not worth a line
_FIRST_PAUSE = 0.5  # seconds, doubled each time
_LONGEST_PAUSE = 10.0

_PASSING_CODES = ("TEMPORARILY_UNAVAILABLE", "REQUEST_LIMIT_EXCEEDED", "DEADLINE_EXCEEDED")
_PASSING_STATUS = (408, 429, 500, 502, 503, 504)
_PASSING_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.ESTALE, errno.ENETUNREACH, errno.EHOSTUNREACH)
_STATUS = re.compile(r"failed with error code (?:408|429|50[0234])\b")
_SYSTEM_WORD = re.compile(r"(?:(?<=\] )[A-Z][a-z]+(?: \w+)+|Read timed out|\d{3} error responses)")
# What waiting does not mend, among errors that a driver calls operational.
_LASTING = re.compile(
    r"no such (?:table|column)|read-?only|malformed|not a database|authentication failed"
    r"|access denied|does not exist|unknown database",
    re.IGNORECASE,
)
# Two processes that write one new tag at once: the second then overwrites it.
_COLLISION = re.compile(r"UNIQUE constraint|duplicate key|Duplicate entry", re.IGNORECASE)
_MOST_COLLISIONS = 5


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr)


class Patience:
    """How long a store is waited for, and who is told.

    Attributes:
        where: the store's address, for people.
        say: told a line when a wait begins, each minute, and when it is over.

    Args:
        seconds: how long one outage is waited for.
        clock: the time in seconds.
        pause: waits for some seconds; None for a wait that `hurry` ends.
    """

    def __init__(
        self,
        seconds: float = _DEFAULT_SECONDS,
        say: Callable[[str], None] = _to_stderr,
        *,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], object] | None = None,
    ) -> None:
        self.where = "the tracking store"
        self.say = say
        self._seconds = seconds
        self._clock = clock
        self._hurried = threading.Event()
        self._pause = pause or self._hurried.wait
        self._lock = threading.Lock()
        self._since: float | None = None  # when the outage began
        self._said: float | None = None  # when a line was said of it
        self._spent = ""

    def __call__(self, call: Callable[[], _Result]) -> _Result:
        """Return what a call gives, made again while its store is away.

        Raises:
            AwayError: the store was away for longer than it is waited for.
            StoreError: its database cannot be used.
        """
        pause, collisions = _FIRST_PAUSE, 0
        while True:
            if self._spent:
                raise AwayError(self._spent)
            began = self._clock()
            try:
                result = call()
            except Exception as error:
                if collisions < _MOST_COLLISIONS and _is_collision(error):
                    collisions += 1
                elif not is_passing(error):
                    if _is_of_database(error):
                        raise StoreError(
                            f"{self.where} cannot be used: {driver_word(error)}."
                        ) from error
                    raise
                else:
                    self._bear(error, began)
            else:
                self._answered()
                return result
            self._pause(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def hurry(self) -> None:
        """Wait no more: from now on a call is tried once, and after one that failed none is."""
        self._seconds = 0.0
        self._hurried.set()

    def _bear(self, error: Exception, began: float) -> None:
        """Say that the store is away, where it is time for it.

        Raises:
            AwayError: it was waited for long enough.
        """
        with self._lock:
            now = self._clock()
            self._since = began if self._since is None else self._since
            away, word = now - self._since, driver_word(error)
            left = self._seconds - away
            if left <= 0:
                self._spent = (
                    f"{self.where} did not answer for {_span(away)} ({word}); what is finished is "
                    "kept, and the same command goes on."
                )
                raise AwayError(self._spent) from error
            is_due = away >= _SILENT_SECONDS if self._said is None else now - self._said >= _MINUTE
            if is_due:
                self._said = now
                self.say(f"{self.where} does not answer ({word}); waiting, {_span(left)} left")

    def _answered(self) -> None:
        with self._lock:
            if self._said is not None:
                self.say(f"{self.where} answers again")
            self._since = self._said = None


def _span(seconds: float) -> str:
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    minutes = round(seconds / _MINUTE)
    return f"{minutes} minute{'s' * (minutes != 1)}"


def is_passing(error: BaseException) -> bool:
    """Whether an error says that a store is locked, full or away, which time may mend."""
    chain = list(_chain(error))
    return not any(_LASTING.search(str(each)) for each in chain) and any(map(_passes, chain))


def _is_collision(error: BaseException) -> bool:
    """Whether a row could not be written since another process wrote it just before."""
    if getattr(error, "error_code", "") == "RESOURCE_ALREADY_EXISTS":  # a name that is taken
        return False
    return any(_COLLISION.search(str(each)) for each in _chain(error))


def driver_word(error: BaseException) -> str:
    """Return what went wrong in one line: the driver's word, not the whole query; no password."""
    for each in _chain(error):
        if (own := getattr(each, "orig", None)) is not None:
            return masked(one_line(own))
    said = masked(one_line(error))
    # Of a connection: what the system said, which stands behind three wrappings and an address.
    found = _SYSTEM_WORD.findall(said) if "HTTP" in said else []
    return found[-1] if found else said


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Return an error and those that it came of."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _passes(error: BaseException) -> bool:
    import requests
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import OperationalError

    match error:
        case MlflowException():
            is_served = type(error).__name__ == "RestException"
            codes = (*_PASSING_CODES, *(("INTERNAL_ERROR",) if is_served else ()))
            return error.error_code in codes or _STATUS.search(str(error)) is not None
        case OperationalError():
            return True
        case requests.exceptions.RequestException() if error.response is not None:
            return error.response.status_code in _PASSING_STATUS
        case requests.exceptions.RequestException():
            return not isinstance(error, ValueError)  # a malformed address is one
        case ConnectionError() | TimeoutError():
            return True
        case OSError():
            return error.errno in _PASSING_ERRORS
    return False


def _is_of_database(error: Exception) -> bool:
    """Whether a database itself failed, and not what was asked of it."""
    from sqlalchemy.exc import SQLAlchemyError

    code = getattr(error, "error_code", "BAD_REQUEST")
    return code in ("BAD_REQUEST", "INTERNAL_ERROR", "TEMPORARILY_UNAVAILABLE") and any(
        isinstance(each, SQLAlchemyError) for each in _chain(error)
    )


class PatientClient:
    """An `MlflowClient` whose calls wait for their store.

    A call that is made again must do no more than once would. MLflow's calls mostly overwrite; what
    makes something new bears a token, by which it is looked up before it is made again, since only
    the answer may have been lost.
    """

    def __init__(self, client: Any, patience: Patience) -> None:
        self._client = client
        self._patience = patience

    def __getattr__(self, name: str) -> Any:
        """Return a method of the client, which waits."""
        method = getattr(self._client, name)
        return lambda *args, **kwargs: self._patience(lambda: method(*args, **kwargs))

    def create_run(
        self, experiment_id: str, *, tags: Mapping[str, str] | None = None, **kwargs: Any
    ) -> Any:
        """Begin a run, once."""
        make = partial(self._client.create_run, experiment_id, **kwargs)
        return self._once(make, _bearing(partial(self._client.search_runs, [experiment_id])), tags)

    def create_logged_model(
        self, experiment_id: str, *, tags: Mapping[str, str] | None = None, **kwargs: Any
    ) -> Any:
        """Begin a logged model, once."""
        make = partial(self._client.create_logged_model, experiment_id, **kwargs)
        search = partial(self._client.search_logged_models, [experiment_id])
        return self._once(make, _bearing(search), tags)

    def create_model_version(
        self, name: str, *, tags: Mapping[str, str] | None = None, **kwargs: Any
    ) -> Any:
        """Make a version of a registered model, once."""

        def find(token: str) -> Any:
            found = self._client.search_model_versions(f"name = '{name}'")
            return next((each for each in found if each.tags.get(names.CALL) == token), None)

        make = partial(self._client.create_model_version, name, **kwargs)
        return self._once(make, find, tags)

    def log_outputs(self, run_id: str, models: Sequence[Any]) -> None:
        """Note the models that a run made, once."""

        def find(_token: str) -> Any:
            outputs = self._client.get_run(run_id).outputs
            known = {each.model_id for each in outputs.model_outputs} if outputs else set()
            return all(each.model_id in known for each in models) or None

        self._once(lambda **_: self._client.log_outputs(run_id, models), find, None)

    def _once(
        self,
        make: Callable[..., Any],
        find: Callable[[str], Any],
        tags: Mapping[str, str] | None,
    ) -> Any:
        """Return what is made, or found where an earlier try had made it without an answer."""
        token = uuid.uuid4().hex
        tried = False

        def attempt() -> Any:
            nonlocal tried
            found = find(token) if tried else None
            tried = True
            return make(tags={**(tags or {}), names.CALL: token}) if found is None else found

        return self._patience(attempt)


def _bearing(search: Callable[..., Sequence[Any]]) -> Callable[[str], Any]:
    """Return what finds the first that bears a token as its tag, by one of MLflow's searches."""

    def find(token: str) -> Any:
        return next(iter(search(f"tags.{names.CALL} = '{token}'", max_results=1)), None)

    return find
