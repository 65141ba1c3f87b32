"""Every option, once: of the main job as the fields of `Request`, and of the smaller commands.

The command line, MLproject and configuration files are made from these tables.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

from . import readers
from .option import (
    Option,
    options_in,
    read_values,
    search_option,
    training_option,
    what_option,
    where_option,
)
from .readers import choice, later, named, real, seeds, unless, whole, yes_or_no

if TYPE_CHECKING:
    from ..data import OnLeak, Policy, SplitOptions
    from ..records import Regime
    from ..search import Goal
    from ..zoo import WeightsChoice


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The main job's options, each read into its value; a name of None is `auto`.

    Attributes:
        texts: each option's text, for MLflow and for digests; a number's or flag's is the usual.
        entries: requests of some architectures each, where they have options of their own.
    """

    texts: Mapping[str, str]
    entries: tuple["Request", ...] = ()

    arch: tuple[str, ...] = what_option(
        "all",
        "architectures: names, lists, globs, exclusions (all,-vgg*)",
        later("zoo:ARCHITECTURES.select"),
    )
    data: str = what_option(
        "phantom",
        "phantom, chest-ct, a folder, a .csv/.tsv/.parquet table, an .npz, DICOM",
        readers.path,
    )
    split: "SplitOptions" = what_option(
        "auto", "official, 70/15/15, kfold:5, or a split's .csv", readers.split_scheme
    )
    split_seed: int = what_option(
        "0",
        "what a split is drawn from; other seeds then compare on the same images",
        whole(0, 2**32 - 1),
    )
    on_leak: "OnLeak" = what_option(
        "drop",
        "training images that also stand in val or test: report, drop or fail",
        choice("report", "drop", "fail", then="data:OnLeak"),
    )
    side: int | None = what_option(
        "auto",
        "width and height in pixels; auto is the data set's own",
        unless("auto", whole(16, 4096)),
    )
    channels: str = what_option("rgb", "rgb or grey pixels", choice("rgb", "grey"))
    fit: str = what_option(
        "stretch",
        "how an image meets the square: stretch, pad or crop",
        choice("stretch", "pad", "crop"),
    )
    window: str = what_option(
        "file",
        "DICOM window: file, lung, mediastinum, bone, or CENTER,WIDTH in HU",
        readers.window,
    )
    patient_pattern: str | None = what_option(
        "auto",
        "regular expression whose group is the patient in a file's path",
        unless("auto", readers.pattern),
    )
    columns: Mapping[str, str] = what_option(
        "auto",
        "columns of a table: path=file,label=finding,part=split,patient=id",
        readers.columns,
    )
    ignore: tuple[str, ...] = what_option(
        "none", "globs of paths to leave aside: masks/*,*_seg.png", readers.globs
    )
    classes: Mapping[str, tuple[str, ...]] = what_option(
        "all",
        "classes to use, merged or picked: cancer=adenocarcinoma+squamous,normal",
        readers.merged_classes,
    )
    one_label: str | None = what_option(
        "none",
        "images of several findings: none refuses, drop leaves out, NAME: that finding or not",
        unless("none"),
    )
    max_unreadable: float = what_option(
        "5", "refuse above this many unreadable images, in percent", real(0, 100)
    )
    weights: "WeightsChoice" = training_option(
        "auto",
        "auto, imagenet, none, a folder of weight files, a file, or densenet121=FILE,...",
        later("zoo:read_weights_from"),
    )
    regime: "Regime | None" = training_option(
        "auto",
        "frozen, finetune or scratch; auto is each architecture's own",
        unless("auto", choice("frozen", "finetune", "scratch", then="records:Regime")),
    )
    epochs: int = training_option("30", "the most epochs", whole(1))
    patience: int = training_option("5", "epochs without improvement before stopping", whole(1))
    batch: int = training_option("32", "images a step", whole(1))
    seed: tuple[int, ...] = training_option(
        "0",
        "one seed or several (0,1,2): runs are grouped on the board",
        seeds,
        own=False,
    )
    rank_on: int | None = training_option(
        "auto",
        "what ranks rows: val, cv:5 (answers out of fold over train and val), or auto: "
        "cv:5, or fewer folds, where val is small and that costs little",
        unless("auto", later("training:fold_count")),
        own=False,
    )
    sanity: bool = training_option(
        "no",
        "yes: the cheapest network once more with shuffled labels, which must know nothing",
        yes_or_no,
        own=False,
    )
    class_weight: str = training_option("none", "none, balanced, or normal=1,cancer=3")
    augmentation: "Policy" = training_option(
        "none",
        "none, ct, xray, or a policy's .yaml; on training images only",
        later("data:read_policy"),
    )
    views: int = training_option(
        "0",
        "augmented views of each training image for frozen and finetune; 0: 4 if augmented",
        whole(0, 64),
    )
    engine: str = training_option(
        "auto",
        "who computes features: auto, tensorflow or openvino",
        choice("auto", "tensorflow", "openvino"),
    )
    params: Mapping[str, str] = training_option(
        "none",
        "single parameters for architectures that have them: pooling=avg+max,l2=0.01",
        readers.params,
    )
    search: str | None = search_option(
        "none",
        "none, optuna, optuna:random, keras-tuner, keras-tuner:hyperband, …",
        later("search:parse_engine"),
    )
    space: str | None = search_option(
        "auto",
        "search space: a name in search_spaces/ or a .yaml; auto by architecture",
        unless("auto"),
    )
    trials: int = search_option("20", "trials a search", whole(1))
    search_time: float = search_option("0", "seconds a search may take, 0 for no limit", real(0))
    select: tuple[int, int] | None = search_option(
        "val",
        "what a trial is scored on: val, or cv:5x2 over train and val",
        later("search:parse_select"),
    )
    objective: tuple["Goal", ...] = search_option(
        "macro_f1",
        "the metric a search improves: macro_f1, accuracy, auroc, loss, …",
        later("search:read_goals"),
    )
    pruner: str | None = search_option(
        "auto",
        "none, median, successive-halving, hyperband, wilcoxon; auto: median where the "
        "objective is known after every epoch",
        unless("auto", readers.pruner),
    )
    storage: str | None = search_option(
        "auto",
        "where studies live: auto (under the output), a journal file, or sqlite:///…",
        unless("auto", readers.storage),
        own=False,
    )
    log_trials: int = search_option(
        "1000",
        "trials logged to MLflow as runs; the rest are in the table only",
        whole(0),
        own=False,
    )
    experiment: str | None = where_option(
        "auto",
        "MLflow experiment; auto is the data set's name, or mlflow run's own",
        unless("auto", named),
    )
    register: readers.ModelName = where_option(
        "auto",
        "registered model's name; auto is the data set's, none registers nothing",
        readers.model_name,
    )
    members: tuple[str, ...] = where_option(
        "auto", "members of composites: auto (best three on validation), or names", readers.members
    )
    output: str = where_option("results", "folder for boards and tables", readers.path)
    cache: str = where_option(
        ".benchmark-cache", "folder for decoded images and features", readers.path
    )
    cache_limit: float = where_option("20", "GiB the cache may take; 0 for no limit", real(0))
    jobs: int = where_option("1", "worker processes, each at one architecture", whole(1, 256))
    timeout: float = where_option("0", "seconds one architecture may take, 0 for no limit", real(0))
    store_patience: float = where_option(
        "15",
        "minutes to wait for a store that is locked or away before giving up",
        real(0),
    )
    resume: bool = where_option(
        "yes", "yes: what is finished is not done again; no: everything is", yes_or_no
    )

    @classmethod
    def read(cls, texts: Mapping[str, str], entries: Sequence[Mapping[str, str]] = ()) -> "Request":
        """Read the options' texts, the default where there is none, and those of each entry.

        Raises:
            UsageError: one of them is not of its option's kind.
        """
        own = tuple(cls.read(each) for each in entries)
        if own:
            names = dict.fromkeys(name for each in own for name in each.arch)
            texts = {**texts, "arch": ",".join(names)}
        values = read_values(RUN_OPTIONS, texts)
        written = {
            each.name: _text(values[each.name], texts.get(each.name, each.default))
            for each in RUN_OPTIONS
        }
        return cls(texts=written, entries=own, **values)

    def to_texts(self) -> dict[str, str]:
        """Return every option as it is written on the command line, by its name."""
        entries = {"entries": json.dumps(self.own_texts)} if self.entries else {}
        return {**self.texts, **entries}

    @property
    def own_texts(self) -> list[dict[str, str]]:
        """The texts of each entry's architectures, and of the options it has of its own."""
        return [
            {
                name: text
                for name, text in entry.texts.items()
                if name == "arch" or text != self.texts[name]
            }
            for entry in self.entries
        ]

    @property
    def parts(self) -> tuple["Request", ...]:
        """The entries, or the request itself where it has none."""
        return self.entries or (self,)

    @property
    def is_searched(self) -> bool:
        """Whether any parameters are searched for."""
        return any(part.search for part in self.parts)

    @property
    def composites(self) -> tuple[str, ...]:
        """The architectures that are made of others."""
        from ..records import Regime
        from ..zoo import ARCHITECTURES

        return tuple(name for name in self.arch if Regime.COMPOSITE in ARCHITECTURES[name].regimes)

    @property
    def cache_bytes(self) -> int | None:
        """The cache's limit in bytes, None for no limit."""
        return int(self.cache_limit * 2**30) or None

    @property
    def output_folder(self) -> Path:
        """The folder for what a benchmark leaves for people."""
        return Path(self.output)


def _text(value: object, text: str) -> str:
    """Return the usual text of a flag, a number or seeds, and any words as they were given."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if text[:1].isalpha():  # a word such as cv:5, whatever it was read into
        return text
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple) and all(isinstance(each, int) for each in value):
        return ",".join(map(str, value))
    return text


RUN_OPTIONS: tuple[Option, ...] = options_in(fields(Request))


def pick(*names: str) -> tuple[Option, ...]:
    """Return some of the main job's options, for a command that shares them."""
    known = {each.name: each for each in RUN_OPTIONS}
    return tuple(known[name] for name in names)
