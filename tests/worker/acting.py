"""A worker process that does what its task's name says, without TensorFlow."""

import os
import signal
import time
from multiprocessing.connection import Connection
from pathlib import Path

from benchmark.records import Outcome, Params, Picture, Regime, Seconds, Spec
from benchmark.search import SearchSettings, Trial, search
from benchmark.worker.messages import Failure, Ready, Stage, Task
from benchmark.worker.process import Pipe, die_with_parent, write_output_to


def serve(connection: Connection, log: Path) -> None:
    write_output_to(log)
    die_with_parent()
    connection.send(Ready(seconds=0.0))
    while True:
        task: Task = connection.recv()
        print(f"the task is {task.spec.arch}", flush=True)
        connection.send(Stage(name="act", total=None, unit=""))
        ACTS[task.spec.arch](connection, task)


def _finish(connection: Connection, task: Task) -> None:
    connection.send(outcome_of(task))


def _fail(connection: Connection, task: Task) -> None:
    connection.send(Failure(reason=f"ValueError: {task.spec.arch}", traceback="Traceback"))


def _killed(connection: Connection, task: Task) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _crash(connection: Connection, task: Task) -> None:
    signal.signal(signal.SIGSEGV, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGSEGV)


def _exit(connection: Connection, task: Task) -> None:
    os._exit(3)


def _hang(connection: Connection, task: Task) -> None:
    time.sleep(600)


def _threads(connection: Connection, task: Task) -> None:
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
    words = [os.environ.get(name, "-") for name in names]
    connection.send(Failure(reason=" ".join(words), traceback=""))


def _search(connection: Connection, task: Task) -> None:
    """Search a space for real; who begins a trial is written down, and who dies of it."""
    pipe, asked = Pipe(connection), task.spec.params
    begun = Path(task.storage).with_name("begun")
    deadly = [int(word) for word in asked.text("deadly").split()]

    def score(trial: Trial) -> float:
        with begun.open("a") as file:
            file.write(f"{trial.number} {os.getpid()}\n")
        time.sleep(asked.number("pause"))
        if trial.number in deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        return trial.params.number("rate")

    assert task.space is not None
    pipe.searching(is_under_way=True)
    settings = SearchSettings(engine="optuna:random", trials=asked.integer("trials"), seed=3)
    search(task.space, score, settings, task.storage, pipe.trial)
    pipe.searching(is_under_way=False)
    connection.send(outcome_of(task))


ACTS = {
    "search": _search,
    "threads": _threads,
    "finish": _finish,
    "fail": _fail,
    "killed": _killed,
    "crash": _crash,
    "exit": _exit,
    "hang": _hang,
}


def outcome_of(task: Task) -> Outcome:
    return Outcome(
        spec=task.spec,
        folder=task.folder,
        seconds=Seconds(wall=float(os.getpid())),
        parameters=1,
        model_bytes=1,
        milliseconds_per_image=1.0,
        device="cpu",
        engine="none",
        peak_memory_mib=1.0,
        largest_difference=0.0,
    )


def spec_of(arch: str) -> Spec:
    return Spec(
        arch=arch,
        data="phantom",
        data_digest="d",
        split_digest="s",
        picture=Picture(side_px=32),
        regime=Regime.SCRATCH,
        weights="none",
        params=Params(),
        epochs=1,
        patience=1,
        seed=0,
    )
