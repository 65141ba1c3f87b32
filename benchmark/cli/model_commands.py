"""The commands that use a registered model."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..request import choice, group, named, path, pick, share, unless, yes_or_no
from ..texts import items
from .parser import Asked, Command, other_option


def _predict(asked: Asked) -> int:
    from ..jobs import Predicting, predict_files

    values = asked.values()
    return predict_files(
        Predicting(
            words=[*asked.words, *([values["images"]] if values["images"] else [])],
            model=values["model"],
            out=_file(values["out"]),
            csv=_file(values["csv"]),
            patient_pattern=values["patient_pattern"],
            columns=values["columns"],
            explain=_file(values["explain"]),
            unverified=values["unverified"],
            quiet=asked.quiet,
        )
    )


def _export(asked: Asked) -> int:
    from ..jobs import Exporting, export_model

    say = (lambda _: None) if asked.quiet else print
    return export_model(Exporting(**asked.values()), say)


def _formats(text: str) -> Any:
    from ..jobs import read_formats

    return read_formats(text)


def _file(name: str | None) -> Path | None:
    return None if name is None else Path(name)


def _evaluate(asked: Asked) -> int:
    from ..jobs import Evaluating, evaluate_models

    values = asked.values()
    wanted = Evaluating(**{each.name: values[each.name] for each in fields(Evaluating)})
    return evaluate_models(wanted, asked.texts, quiet=asked.quiet)


def _paths(text: str) -> tuple[str, ...]:
    return tuple(map(path, items(text)))


def _mapping(text: str) -> Mapping[str, str]:
    """Read classes by what the data set calls them, such as `COVID-19=pneumonia`."""
    found: dict[str, str] = {}
    for pair in items(text):
        theirs, _, own = (word.strip() for word in pair.partition("="))
        if not (theirs and own) or theirs in found:
            raise UsageError(
                "must be none or THEIRS=OURS,... with each class of the data set once; "
                f"got {pair!r} in {text!r}."
            )
        found[theirs] = own
    return found


def _threshold(text: str) -> float:
    word, _, number = text.partition("=")
    if word.strip() != "threshold":
        raise UsageError(
            f"must be fixed, or threshold=0.37, not {text!r}: one that is chosen on the images "
            "that are judged would flatter itself."
        )
    return share(number)


def _models(asked: Asked) -> int:
    from ..jobs import show_models

    values = asked.values()
    return show_models(
        _one_name(asked, "models", values["name"]),
        json_file=values["json"],
        remove=values["remove"],
        force=values["force"],
        store_patience=values["store_patience"],
    )


def _rollback(asked: Asked) -> int:
    from ..jobs import roll_back

    name = _one_name(asked, "rollback", None)
    if name is None:
        raise UsageError("rollback needs a registered model: benchmark rollback chest-ct")
    return roll_back(name, asked.values()["store_patience"])


def _one_name(asked: Asked, command: str, named: str | None) -> str | None:
    """Return the one registered model that is named, None for none.

    Raises:
        UsageError: several are.
    """
    names = [*asked.words, *([named] if named else [])]
    if len(names) > 1:
        raise UsageError(f"{command} takes one registered model, not {', '.join(names)}.")
    return names[0] if names else None


_MODEL = other_option(
    "model",
    "auto",
    "a registered model (models:/NAME@champion), or a model's folder; auto is the only champion "
    "that was trained on real images",
    unless("auto", path),
)
_UNVERIFIED = other_option(
    "unverified",
    "no",
    "yes: load a model though its files are not known to be those registered",
    yes_or_no,
)

MODELS: Mapping[str, Command] = {
    "predict": Command(
        about="classify images with a registered model",
        do=_predict,
        words=("FILE", "images, folders of them, globs ('scans/*.dcm'), and tables of paths"),
        options=(
            _MODEL,
            other_option("images", "none", "what FILE is, for MLproject", unless("none", path)),
            other_option(
                "out",
                "-",
                "the file for the answers (.csv, .parquet, .json), - to show them",
                unless("-", path),
            ),
            other_option("csv", "-", "the old name of --out", unless("-", path)),
            *pick("patient_pattern", "columns"),
            other_option(
                "explain",
                "none",
                "the folder for overlays of what spoke for each answer (Grad-CAM)",
                unless("none", path),
            ),
            _UNVERIFIED,
        ),
        example="benchmark predict --model models:/chest-ct@champion scans/ --out out.csv",
    ),
    "evaluate": Command(
        about="judge registered models on labelled images, such as another hospital's",
        do=_evaluate,
        options=(
            other_option(
                "model",
                "models:/phantom@champion",
                "a registered model (models:/NAME@champion) or a model's folder; several, with "
                "commas between, are compared",
                _paths,
            ),
            *pick("data"),
            other_option(
                "part",
                "auto",
                "the part that is judged: train, val, test, all, or auto: test if there is one",
                choice("auto", "all", "train", "val", "test"),
            ),
            other_option(
                "map",
                "none",
                "the model's class by the data set's, where names do not say it: COVID=pneumonia",
                lambda text: {} if text == "none" else _mapping(text),
            ),
            other_option(
                "on_leak",
                "drop",
                "images that the model was trained or chosen on: drop, or report and judge them",
                choice("drop", "report"),
            ),
            *pick("columns", "patient_pattern", "ignore", "classes", "one_label"),
            *pick("max_unreadable"),
            other_option(
                "by",
                "none",
                "columns of the table that tell subgroups: sex,age,scanner",
                lambda text: () if text == "none" else items(text),
            ),
            other_option(
                "operating_point",
                "fixed",
                "fixed (as the model has it), or threshold=0.37",
                unless("fixed", _threshold),
            ),
            other_option(
                "positive",
                "auto",
                "classes that are positive together: CLASS[+CLASS]; auto: as the model has it",
                unless("auto", group),
            ),
            other_option(
                "prevalence",
                "none",
                "the share of positives for which PPV and NPV are given; none: as judged",
                unless("none", share),
            ),
            other_option(
                "experiment",
                "auto",
                "MLflow experiment; auto is evaluate- and the data set's name, or mlflow run's own",
                unless("auto", named),
            ),
            *pick("output", "cache"),
            _UNVERIFIED,
        ),
        example="benchmark evaluate --model models:/chest-ct@champion --data other-hospital/",
    ),
    "export": Command(
        about="write a registered model in other formats, each compared with the Keras network",
        do=_export,
        options=(
            _MODEL,
            other_option(
                "to",
                "all",
                "formats: keras, h5, savedmodel, onnx, litert, openvino; all: those to be had here",
                _formats,
            ),
            other_option("out", "exported", "a new folder for the files and their table", path),
            other_option(
                "images",
                "none",
                "an image or a folder to compare on, in place of those of the model's run",
                unless("none", path),
            ),
            other_option(
                "data",
                "auto",
                "where the run's data set lies, or another one; auto: where it lay",
                unless("auto", path),
            ),
            *pick("cache"),
            _UNVERIFIED,
        ),
        example="benchmark export --model models:/chest-ct@champion --to onnx,h5 --out exported",
    ),
    "models": Command(
        about="list registered models with where each version is from, or remove one",
        do=_models,
        words=("NAME", "a registered model, with more on each version"),
        options=(
            other_option("name", "all", "a registered model, beside NAME", unless("all")),
            other_option(
                "json", "none", "write all that is known to this file", unless("none", path)
            ),
            other_option("remove", "none", "remove this version, NAME/VERSION", unless("none")),
            other_option("force", "no", "yes: remove even the champion", yes_or_no),
            *pick("store_patience"),
        ),
        example="benchmark models chest-ct",
    ),
    "rollback": Command(
        about="make the champion before the present one champion again",
        do=_rollback,
        words=("NAME", "the registered model"),
        options=pick("store_patience"),
        example="benchmark rollback chest-ct",
        is_entry_point=False,
    ),
}
"""Their table, in the order of help."""
