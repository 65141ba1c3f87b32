"""Every option, once: of the main job as the fields of `Fields`, and of the smaller commands.

The command line, MLproject and configuration files are made from these tables.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal

from . import readers
from .option import (
    Option,
    judge_option,
    options_in,
    search_option,
    training_option,
    what_option,
    where_option,
)
from .presets import known_preset
from .readers import choice, later, named, real, seeds, unless, whole, yes_or_no

if TYPE_CHECKING:
    from ..data import OnLeak, Policy, SplitOptions
    from ..records import Regime
    from ..search import Goal
    from ..zoo import WeightsChoice


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """The main job's options, each read into its value; a name of None is `auto`."""

    arch: tuple[str, ...] = what_option(
        "all",
        "architectures: names, lists, globs, exclusions (all,-vgg*)",
        later("zoo:ARCHITECTURES.select"),
    )
    preset: str = what_option(
        "good",
        "quick, good or best: what auto stands for below; an option that is given beats it",
        known_preset,
        own=True,
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
    side: "int | Literal['own', 'fill']" = what_option(
        "auto",
        "width and height: pixels, own (the data set's), fill (what the images fill), or auto",
        readers.side,
        preset=True,
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
    class_weight: str = training_option(
        "auto", "auto, none, balanced, or normal=1,cancer=3", preset=True
    )
    augmentation: "Policy" = training_option(
        "auto",
        "auto, none, ct, xray, or a policy's .yaml; on training images only",
        readers.policy,
        preset=True,
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
        preset=True,
    )
    finetune: str = training_option(
        "auto",
        "none, or best: the best frozen network's last block is trained further",
        choice("none", "best"),
        preset=True,
        own=False,
    )
    search: str | None = search_option(
        "auto",
        "auto, none, optuna, optuna:random, keras-tuner, keras-tuner:hyperband, …",
        later("search:parse_engine"),
        preset=True,
    )
    space: str | None = search_option(
        "auto",
        "search space: a name in search_spaces/ or a .yaml; auto by architecture",
        unless("auto"),
    )
    trials: int = search_option("auto", "trials a search", whole(1), preset=True)
    search_time: float = search_option("0", "seconds a search may take, 0 for no limit", real(0))
    select: str | None = search_option(
        "auto",
        "what a trial is scored on: val, cv:5x2 (over train and val), or auto: "
        "cv:5x2 for heads on kept features where val is small",
        later("search:read_select"),
        preset=True,
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
    positive: tuple[str, ...] | None = judge_option(
        "auto",
        "classes called positive together, such as adeno+squamous; auto: of two, the sick one",
        unless("auto", readers.group),
    )
    operating_point: str | None = judge_option(
        "auto",
        "youden, sensitivity=0.95, specificity=0.95 or threshold=0.37, on validation; auto: "
        "youden where --positive or two classes say what is positive",
        unless("auto", later("evaluation:read_rule")),
    )
    prevalence: float | None = judge_option(
        "none",
        "share of positives, such as 0.02, for which predictive values are given too",
        unless("none", readers.share),
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
    images: str = where_option(
        "no",
        "patients' pictures in the report: no, yes (on this machine only), or log (in MLflow too)",
        choice("no", "yes", "log"),
    )
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


RUN_OPTIONS: tuple[Option, ...] = options_in(fields(Fields))


def pick(*names: str) -> tuple[Option, ...]:
    """Return some of the main job's options, for a command that shares them."""
    known = {each.name: each for each in RUN_OPTIONS}
    return tuple(known[name] for name in names)
