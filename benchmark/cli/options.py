"""Every option of the main job, once: name, default, meaning, and how its text is read.

MLproject repeats the names and the defaults (a test holds the two together); an option `on_leak`
is written `--on-leak` on the command line and `-P on_leak=…` with `mlflow run`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..errors import UsageError

Read = Callable[[str], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option: its text is read by `read`, which raises `UsageError` with what must hold."""

    name: str
    default: str
    about: str
    group: str
    read: Read = str

    @property
    def flag(self) -> str:
        """The option as written on the command line."""
        return "--" + self.name.replace("_", "-")

    def value(self, text: str) -> Any:
        """Read the option's text.

        Raises:
            UsageError: the text is not of the option's kind; the message names the option.
        """
        try:
            return self.read(text)
        except UsageError as error:
            raise UsageError(f"{self.flag} {error}") from None


def whole(low: int, high: int = 2**31) -> Read:
    """Read a whole number within bounds."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[+-]?\d+", text.strip()) or not low <= int(text) <= high:
            raise UsageError(f"must be a whole number of at least {low}, not {text!r}.")
        return int(text)

    return read


def real(low: float) -> Read:
    """Read a real number with a lower bound."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not low <= value < float("inf"):
            raise UsageError(f"must be a number of at least {low:g}, not {text!r}.")
        return value

    return read


def choice(*words: str) -> Read:
    """Read one of a few words."""

    def read(text: str) -> str:
        if text not in words:
            raise UsageError(f"must be one of {', '.join(words)}, not {text!r}.")
        return text

    return read


def yes_or_no(text: str) -> bool:
    """Read yes or no."""
    known = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
    if text.lower() not in known:
        raise UsageError(f"must be yes or no, not {text!r}.")
    return known[text.lower()]


def auto_or(read: Read) -> Read:
    """Read `auto` as None, and anything else by another reading."""

    def read_or_none(text: str) -> Any:
        return None if text == "auto" else read(text)

    return read_or_none


def pattern(text: str) -> str:
    """Read a regular expression with a group."""
    try:
        groups = re.compile(text).groups
    except re.error as error:
        raise UsageError(f"must be a regular expression, not {text!r}: {error}.") from None
    if groups != 1:
        raise UsageError(f"must have one group, the patient, not {groups} in {text!r}.")
    return text


def seeds(text: str) -> tuple[int, ...]:
    """Read one seed or several, separated by commas."""
    read = whole(0, 2**32 - 1)
    found = tuple(read(word) for word in text.split(",") if word.strip())
    if not found or len(set(found)) < len(found):
        raise UsageError(f"must be whole numbers without repetition, such as 0,1,2, not {text!r}.")
    return found


def rank_on(text: str) -> str:
    """Read what rows are ranked on: `auto`, `val` or `cv:K`."""
    if text != "auto":
        from ..training import fold_count

        fold_count(text)
    return text


def named(text: str) -> str:
    """Read a name that can stand in a path, a URL and a registered model's name."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._ -]{0,99}", text):
        raise UsageError(
            f"must be a name of letters, digits, '.', '_', '-' and spaces, not {text!r}."
        )
    return text


_WHAT, _TRAINING, _SEARCH, _WHERE = "what is run", "training", "searching", "where and how"

RUN_OPTIONS: tuple[Option, ...] = (
    Option(
        name="arch",
        default="all",
        group=_WHAT,
        about="architectures: names, lists, globs, exclusions (all,-vgg*)",
    ),
    Option(
        name="data",
        default="phantom",
        group=_WHAT,
        about="phantom, chest-ct, a folder, a .csv/.parquet manifest, an .npz, DICOM",
    ),
    Option(
        name="split",
        default="auto",
        group=_WHAT,
        about="official, 70/15/15, kfold:5, or a split's .csv",
    ),
    Option(
        name="split_seed",
        default="0",
        group=_WHAT,
        read=whole(0, 2**32 - 1),
        about="what a split is drawn from; other seeds then compare on the same images",
    ),
    Option(
        name="on_leak",
        default="drop",
        group=_WHAT,
        read=choice("report", "drop", "fail"),
        about="training images that also stand in val or test: report, drop or fail",
    ),
    Option(
        name="side",
        default="auto",
        group=_WHAT,
        read=auto_or(whole(16, 4096)),
        about="width and height in pixels; auto is the data set's own",
    ),
    Option(
        name="channels",
        default="rgb",
        group=_WHAT,
        read=choice("rgb", "grey"),
        about="rgb or grey pixels",
    ),
    Option(
        name="fit",
        default="stretch",
        group=_WHAT,
        read=choice("stretch", "pad", "crop"),
        about="how an image meets the square: stretch, pad or crop",
    ),
    Option(
        name="window",
        default="file",
        group=_WHAT,
        about="DICOM window: file, lung, mediastinum, bone, or CENTER,WIDTH in HU",
    ),
    Option(
        name="patient_pattern",
        default="auto",
        group=_WHAT,
        read=auto_or(pattern),
        about="regular expression whose group is the patient in a file's path",
    ),
    Option(
        name="max_unreadable",
        default="5",
        group=_WHAT,
        read=real(0),
        about="refuse above this many unreadable images, in percent",
    ),
    Option(
        name="weights",
        default="auto",
        group=_TRAINING,
        about="auto, imagenet, none, or a folder of Keras weight files",
    ),
    Option(
        name="regime",
        default="auto",
        group=_TRAINING,
        read=auto_or(choice("frozen", "finetune", "scratch")),
        about="frozen, finetune or scratch; auto is each architecture's own",
    ),
    Option(name="epochs", default="30", group=_TRAINING, read=whole(1), about="the most epochs"),
    Option(
        name="patience",
        default="5",
        group=_TRAINING,
        read=whole(1),
        about="epochs without improvement before stopping",
    ),
    Option(name="batch", default="32", group=_TRAINING, read=whole(1), about="images a step"),
    Option(
        name="seed",
        default="0",
        group=_TRAINING,
        read=seeds,
        about="one seed or several (0,1,2): runs are grouped on the board",
    ),
    Option(
        name="rank_on",
        default="auto",
        group=_TRAINING,
        read=rank_on,
        about="what ranks rows: val, cv:5 (answers out of fold over train and val), or auto: "
        "cv:5, or fewer folds, where val is small and that costs little",
    ),
    Option(
        name="sanity",
        default="no",
        group=_TRAINING,
        read=yes_or_no,
        about="yes: the cheapest network once more with shuffled labels, which must know nothing",
    ),
    Option(
        name="class_weight",
        default="none",
        group=_TRAINING,
        about="none, balanced, or normal=1,cancer=3",
    ),
    Option(
        name="augmentation",
        default="none",
        group=_TRAINING,
        about="none, ct, xray, or a policy's .yaml; on training images only",
    ),
    Option(
        name="views",
        default="0",
        group=_TRAINING,
        read=whole(0, 64),
        about="augmented views of each training image for frozen and finetune; 0: 4 if augmented",
    ),
    Option(
        name="engine",
        default="auto",
        group=_TRAINING,
        read=choice("auto", "tensorflow", "openvino"),
        about="who computes features: auto, tensorflow or openvino",
    ),
    Option(
        name="params",
        default="none",
        group=_TRAINING,
        about="single parameters for architectures that have them: pooling=avg+max,l2=0.01",
    ),
    Option(
        name="search",
        default="none",
        group=_SEARCH,
        about="none, optuna, optuna:random, keras-tuner, keras-tuner:hyperband, …",
    ),
    Option(
        name="space",
        default="auto",
        group=_SEARCH,
        read=auto_or(str),
        about="search space: a name in search_spaces/ or a .yaml; auto by architecture",
    ),
    Option(name="trials", default="20", group=_SEARCH, read=whole(1), about="trials a search"),
    Option(
        name="search_time",
        default="0",
        group=_SEARCH,
        read=real(0),
        about="seconds a search may take, 0 for no limit",
    ),
    Option(
        name="select",
        default="val",
        group=_SEARCH,
        about="what a trial is scored on: val, or cv:5x2 over train and val",
    ),
    Option(
        name="objective",
        default="macro_f1",
        group=_SEARCH,
        about="the metric a search improves: macro_f1, accuracy, auroc, loss, …",
    ),
    Option(
        name="pruner",
        default="auto",
        group=_SEARCH,
        about="none, median, successive-halving, hyperband, wilcoxon; auto: median where the "
        "objective is known after every epoch",
    ),
    Option(
        name="storage",
        default="auto",
        group=_SEARCH,
        read=auto_or(str),
        about="where studies live: auto (under the output), a journal file, or sqlite:///…",
    ),
    Option(
        name="log_trials",
        default="1000",
        group=_SEARCH,
        read=whole(0),
        about="trials logged to MLflow as runs; the rest are in the table only",
    ),
    Option(
        name="experiment",
        default="auto",
        group=_WHERE,
        read=auto_or(named),
        about="MLflow experiment; auto is the data set's name, or mlflow run's own",
    ),
    Option(
        name="register",
        default="auto",
        group=_WHERE,
        read=named,
        about="registered model's name; auto is the data set's, none registers nothing",
    ),
    Option(
        name="members",
        default="auto",
        group=_WHERE,
        about="members of composites: auto (best three on validation), or names",
    ),
    Option(name="output", default="results", group=_WHERE, about="folder for boards and tables"),
    Option(
        name="cache",
        default=".benchmark-cache",
        group=_WHERE,
        about="folder for decoded images and features",
    ),
    Option(
        name="cache_limit",
        default="20",
        group=_WHERE,
        read=real(0),
        about="GiB the cache may take; 0 for no limit",
    ),
    Option(
        name="jobs",
        default="1",
        group=_WHERE,
        read=whole(1, 256),
        about="worker processes; idle ones help with a search under way",
    ),
    Option(
        name="timeout",
        default="0",
        group=_WHERE,
        read=real(0),
        about="seconds one architecture may take, 0 for no limit",
    ),
    Option(
        name="resume",
        default="yes",
        group=_WHERE,
        read=yes_or_no,
        about="yes: what is finished is not done again; no: everything is",
    ),
)
