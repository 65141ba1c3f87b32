"""A store that is locked or away is waited for, with a line now and then, and not for ever."""

import errno
import sqlite3
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from mlflow.exceptions import MlflowException, RestException
from sqlalchemy.exc import DatabaseError, IntegrityError, OperationalError

from benchmark.errors import AwayError, StoreError
from benchmark.tracking.patience import Patience, PatientClient, driver_word, is_passing

from .conftest import OPENING, Bench

LOCKED = "database is locked"


def of_database(word: str, kind: type[Any] = OperationalError) -> MlflowException:
    """Return an error as MLflow's database store raises it."""
    own = kind("SELECT 1", {}, sqlite3.OperationalError(word))
    code = 503 if kind is OperationalError else 400
    error = MlflowException(str(own), error_code=code)
    error.error_code = "TEMPORARILY_UNAVAILABLE" if code == 503 else "BAD_REQUEST"
    error.__cause__ = own
    return error


def of_server(status: int) -> requests.HTTPError:
    """Return an error as an artifact server's answer gives it."""
    answer = requests.Response()
    answer.status_code = status
    return requests.HTTPError(f"{status} of the server", response=answer)


def behind(cause: BaseException) -> MlflowException:
    """Return an error that MLflow's client makes of another one, without a code of its own."""
    error = MlflowException("API request to http://h/api failed with exception")
    error.__context__ = cause
    return error


def rest(code: str) -> RestException:
    return RestException({"error_code": code, "message": "said by the server"})


@pytest.mark.parametrize(
    "error",
    [
        of_database(LOCKED),
        of_database("database or disk is full"),
        of_database("disk I/O error"),
        behind(requests.ConnectionError("refused")),
        behind(requests.ReadTimeout("slow")),
        behind(requests.exceptions.RetryError("too many 503 error responses")),
        of_server(503),
        of_server(429),
        rest("TEMPORARILY_UNAVAILABLE"),
        rest("INTERNAL_ERROR"),
        MlflowException("API request to endpoint /x failed with error code 502 != 200. Body: ''"),
        OSError(errno.ENOSPC, "No space left on device"),
        ConnectionResetError(),
        TimeoutError(),
    ],
    ids=repr,
)
def test_what_time_may_mend_is_waited_for(error: Exception) -> None:
    assert is_passing(error)


@pytest.mark.parametrize(
    "error",
    [
        of_database("no such table: runs"),
        of_database("attempt to write a readonly database"),
        of_database("database disk image is malformed", DatabaseError),
        of_database('password authentication failed for user "u"'),
        of_server(404),
        of_server(401),
        behind(requests.exceptions.InvalidURL("no host")),
        rest("RESOURCE_DOES_NOT_EXIST"),
        rest("PERMISSION_DENIED"),
        MlflowException("a mistake of MLflow's own"),
        FileNotFoundError(errno.ENOENT, "No such file"),
        PermissionError(errno.EACCES, "Permission denied"),
        ValueError("a mistake of ours"),
    ],
    ids=repr,
)
def test_what_time_does_not_mend_is_told_at_once(error: Exception) -> None:
    assert not is_passing(error)


class Clock:
    """A clock that pauses move on, and nothing else."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def pause(self, seconds: float) -> None:
        self.now += seconds


class Away:
    """A call of a store that is away until some time."""

    def __init__(self, clock: Clock, until: float, error: Exception) -> None:
        self.clock, self.until, self.error = clock, until, error
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.clock.now < self.until:
            raise self.error
        return "an answer"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def patience(clock: Clock, said: list[str]) -> Patience:
    return Patience(900, said.append, clock=clock, pause=clock.pause)


def test_an_outage_is_said_once_a_minute_and_when_it_is_over(
    patience: Patience, clock: Clock, said: list[str]
) -> None:
    assert patience(Away(clock, 130, of_database(LOCKED))) == "an answer"
    away = "the tracking store does not answer (database is locked); waiting,"
    assert said == [
        f"{away} 15 minutes left",
        f"{away} 14 minutes left",
        "the tracking store answers again",
    ]


def test_a_hiccup_is_not_said(patience: Patience, clock: Clock, said: list[str]) -> None:
    away = Away(clock, 3, ConnectionError())
    assert patience(away) == "an answer"
    assert (said, away.calls) == ([], 4)


def test_a_store_that_stays_away_is_given_up_in_a_line(patience: Patience, clock: Clock) -> None:
    away = Away(clock, float("inf"), of_database(LOCKED))
    with pytest.raises(AwayError, match=r"did not answer for 15 minutes \(database is locked\)"):
        patience(away)
    assert 900 <= clock.now < 920
    assert AwayError.exit_code == 1
    calls = away.calls
    with pytest.raises(AwayError):
        patience(away)
    assert away.calls == calls  # nothing more is asked of it


def test_each_outage_has_the_whole_patience(patience: Patience, clock: Clock) -> None:
    for _ in range(3):
        assert patience(Away(clock, clock.now + 600, ConnectionError())) == "an answer"


def test_no_patience_is_one_try(clock: Clock, said: list[str]) -> None:
    away = Away(clock, 1, ConnectionError())
    with pytest.raises(AwayError):
        Patience(0, said.append, clock=clock, pause=clock.pause)(away)
    assert (away.calls, said) == (1, [])


def test_other_errors_pass_as_they_are(patience: Patience, clock: Clock) -> None:
    with pytest.raises(RestException, match="said by the server"):
        patience(Away(clock, 1, rest("RESOURCE_DOES_NOT_EXIST")))
    exists = of_database("UNIQUE constraint failed", IntegrityError)
    exists.error_code = "RESOURCE_ALREADY_EXISTS"
    with pytest.raises(MlflowException, match="UNIQUE"):
        patience(Away(clock, 1, exists))


def test_a_tag_that_another_process_wrote_just_before_is_written_over(
    patience: Patience, clock: Clock, said: list[str]
) -> None:
    same = of_database("UNIQUE constraint failed: model_version_tags.key", IntegrityError)
    call = Away(clock, 0.1, same)
    assert patience(call) == "an answer"
    assert call.calls == 2
    assert said == []


def test_a_row_that_collides_for_ever_is_told(patience: Patience, clock: Clock) -> None:
    call = Away(clock, 1e9, of_database("UNIQUE constraint failed: a.b", IntegrityError))
    with pytest.raises(StoreError, match=r"cannot be used: UNIQUE constraint failed: a\.b\."):
        patience(call)
    assert clock.now < 30


def test_a_damaged_database_is_told_by_the_drivers_word(patience: Patience, clock: Clock) -> None:
    damaged = of_database("database disk image is malformed", DatabaseError)
    with pytest.raises(StoreError, match=r"cannot be used: database disk image is malformed\.$"):
        patience(Away(clock, 1, damaged))


def test_a_wait_is_ended_by_hurry() -> None:
    patience = Patience(900, lambda _: None)
    caught: list[BaseException] = []

    def wait() -> None:
        try:
            patience(Away(Clock(), 1, ConnectionError()))
        except AwayError as error:
            caught.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    patience.hurry()
    waiting.join(20)
    assert len(caught) == 1


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (
            'HTTP: Max retries (NewConnectionError("Failed: [Errno 111] Connection refused"))',
            "Connection refused",
        ),
        (
            "HTTPConnectionPool(host='h', port=1): Read timed out. (read timeout=1)",
            "Read timed out",
        ),
        (
            "HTTPConnectionPool: ResponseError('too many 503 error responses')",
            "503 error responses",
        ),
        ("[Errno 28] No space left on device: '/x'", "[Errno 28] No space left on device: '/x'"),
    ],
)
def test_of_a_connection_the_systems_word_is_said(text: str, word: str) -> None:
    assert driver_word(MlflowException(text)) == word


def test_a_password_is_not_said() -> None:
    error = OperationalError("q", {}, Exception("no route to postgresql://u:secret@h/db"))
    assert driver_word(error) == "no route to postgresql://u:***@h/db"


class Store:
    """A client that makes what is asked for and loses the answer, the first time."""

    def __init__(self) -> None:
        self.made: list[Any] = []

    def make(self, *args: Any, tags: Any = None, **kwargs: Any) -> Any:
        self.made.append(SimpleNamespace(tags=dict(tags), args=args, kwargs=kwargs))
        if len(self.made) == 1:
            raise ConnectionResetError
        return self.made[-1]

    create_run = create_logged_model = create_model_version = make

    def find(self, *args: Any, **_: Any) -> list[Any]:
        return [each for each in self.made if each.tags["call"] in args[-1] or len(args) == 1]

    search_runs = search_logged_models = search_model_versions = find

    def log_outputs(self, run_id: str, models: list[Any]) -> None:
        self.make(run_id, tags={}, models=models)

    def get_run(self, _: str) -> Any:
        models = self.made[0].kwargs["models"]
        return SimpleNamespace(outputs=SimpleNamespace(model_outputs=models))


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.create_run("1", start_time=5, tags={"own": "tag"}),
        lambda client: client.create_logged_model("1", name="n", tags={"own": "tag"}),
        lambda client: client.create_model_version("m", source="s", tags={"own": "tag"}),
        lambda client: client.log_outputs("run", [SimpleNamespace(model_id="m-1")]),
    ],
    ids=["run", "logged model", "version", "outputs"],
)
def test_what_was_made_without_an_answer_is_not_made_twice(
    ask: Callable[[Any], Any], patience: Patience
) -> None:
    store = Store()
    ask(PatientClient(store, patience))
    assert len(store.made) == 1


@pytest.mark.slow
def test_a_locked_database_is_waited_for(bench: Bench, said: list[str]) -> None:
    tracker = bench.open()
    tracker._store.patience.say = said.append
    holder = sqlite3.connect(bench.folder / "mlflow.db", check_same_thread=False)
    holder.execute("begin exclusive")
    letting_go = threading.Timer(2, holder.rollback)
    letting_go.start()
    began = time.monotonic()
    run_id = tracker.begin(OPENING, resume=False).run_id
    letting_go.join()
    assert time.monotonic() - began >= 1.5
    assert [each.run_id for each in tracker.benchmarks()] == [run_id]
    assert said == []
