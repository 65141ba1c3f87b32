"""The commands that benchmark, rank and register; rooms are imported when they are needed."""

from collections.abc import Mapping

from ..errors import UsageError
from ..files import path_of
from ..request import (
    RUN_OPTIONS,
    Config,
    Request,
    choice,
    named,
    path,
    pick,
    read_config,
    read_values,
    request_of,
    unless,
    write_config,
    yes_or_no,
)
from .parser import Asked, Command, other_option


def _run(asked: Asked) -> int:
    from ..jobs import run_benchmark

    return run_benchmark(_request(asked), quiet=asked.quiet)


def _plan(asked: Asked) -> int:
    from ..jobs import show_plan

    return show_plan(_request(asked))


def _request(asked: Asked) -> Request:
    """Return what is asked for, over the configuration that is named; write it where wanted."""
    named = read_values(_CONFIG, asked.texts)
    given = {name: text for name, text in asked.texts.items() if name not in named}
    request = request_of(given, read_config(named["config"]) if named["config"] else Config())
    if named["save_config"]:
        write_config(request, path_of(named["save_config"]))
    return request


def _leaderboard(asked: Asked) -> int:
    from ..jobs import show_leaderboard

    return show_leaderboard(**asked.values())


def _register(asked: Asked) -> int:
    from ..jobs import Registry, register_best

    return register_best(Registry(**asked.values()))


def _report(asked: Asked) -> int:
    from ..jobs import Reporting, Showing, report_results

    values = asked.values()
    return report_results(Reporting(**{**values, "images": Showing.read(values["images"])}))


def _rescore(asked: Asked) -> int:
    from ..jobs import Rescoring, rescore_runs

    return rescore_runs(Rescoring(**asked.values()))


def _finalize(asked: Asked) -> int:
    from ..jobs import Finalizing, finalize_model

    return finalize_model(Finalizing(**asked.values()), quiet=asked.quiet)


def _name(text: str) -> str | None:
    if text == "none":
        raise UsageError("--register names the model to register; none is for `run` only.")
    return None if text == "auto" else named(text)


_CONFIG = (
    other_option(
        "config",
        "none",
        "options from a YAML file; what is said here wins",
        unless("none"),
    ),
    other_option(
        "save_config", "none", "write all these options to this YAML file", unless("none")
    ),
)
_REGISTER = other_option(
    "register", "auto", "the registered model's name; auto is the data set's", _name
)

BENCHMARKS: Mapping[str, Command] = {
    "run": Command(
        about="benchmark architectures, rank them and register the winner",
        do=_run,
        options=(*RUN_OPTIONS, *_CONFIG),
        example="benchmark run --arch densenet121,cnn --data chest-ct",
    ),
    "plan": Command(
        about="show what run would do, what is done and what it will cost",
        do=_plan,
        options=(*RUN_OPTIONS, *_CONFIG),
        example="benchmark plan --arch all --data my-scans/",
    ),
    "leaderboard": Command(
        about="rank what an experiment holds",
        do=_leaderboard,
        options=(
            *pick("experiment", "output", "store_patience"),
            other_option(
                "rank_on",
                "auto",
                "what ranks rows: val, cv (answers out of fold), or auto: as the latest benchmark",
                choice("auto", "val", "cv"),
            ),
        ),
    ),
    "report": Command(
        about="write what an experiment found as one page for a colleague",
        do=_report,
        options=(
            *pick("experiment", "images"),
            other_option(
                "data",
                "auto",
                "the data set, for its pictures; auto is the experiment's own",
                unless("auto", path),
            ),
            *pick("output", "cache", "store_patience"),
        ),
        example="benchmark report --experiment chest-ct",
    ),
    "register": Command(
        about="register an experiment's champion by rule, or a run",
        do=_register,
        options=(
            *pick("experiment"),
            _REGISTER,
            *pick("cache", "store_patience"),
            other_option(
                "data",
                "auto",
                "the images the model is tried on; auto is the experiment's own data set",
                unless("auto", path),
            ),
            other_option(
                "run", "best", "the run to register: best, or an MLflow run id", unless("best")
            ),
            other_option(
                "promote",
                "no",
                "yes: make it champion whatever a comparison with the present one says",
                yes_or_no,
            ),
            other_option(
                "flavour",
                "keras",
                "openvino: a light version beside the registered one, without TensorFlow and Keras",
                choice("keras", "openvino"),
            ),
        ),
    ),
    "finalize": Command(
        about="train the champion's recipe again on train and validation together, unscored",
        do=_finalize,
        options=(
            *pick("experiment"),
            _REGISTER,
            other_option(
                "run", "champion", "whose recipe: champion, or an MLflow run id", unless("champion")
            ),
            other_option(
                "data",
                "auto",
                "the images; auto is the run's own data set",
                unless("auto", path),
            ),
            *pick("weights", "output", "cache", "store_patience"),
        ),
        example="benchmark finalize --register chest-ct",
    ),
    "rescore": Command(
        about="compute the figures of finished runs anew from their tables",
        do=_rescore,
        options=(
            *pick("experiment", "positive", "operating_point", "prevalence"),
            *pick("output", "cache", "store_patience"),
            other_option(
                "data",
                "none",
                "the data set, to note which images are of one patient; none leaves tables "
                "as they are",
                unless("none", path),
            ),
        ),
    ),
}
"""Their table, in the order of help."""
