"""The nouns that cross rooms: frozen records, and the closed sets they draw from.

```
Index ──split──► Split ┐
                       ├─► Spec ──(worker)──► Outcome ──(tracking)──► Record ──(board)──► Board
Architecture + Params ─┘
```
"""

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from .errors import UsageError
from .texts import FLAGS

Rows = npt.NDArray[np.int64]
Labels = npt.NDArray[np.int64]
Probabilities = npt.NDArray[np.float64]

ParamValue = str | int | float | bool


def digest(value: object) -> str:
    """Return the SHA-256 of a value's canonical JSON, as 64 hexadecimal digits.

    A file's name may hold bytes that are no text; they count as Python represents them.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


class Part(StrEnum):
    """A part of a split."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"


class Regime(StrEnum):
    """How a network is trained."""

    FROZEN = "frozen"
    FINETUNE = "finetune"
    SCRATCH = "scratch"
    PRIOR = "prior"
    COMPOSITE = "composite"


class State(StrEnum):
    """What came of a run; the names are MLflow's."""

    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    KILLED = "KILLED"


class Params(Mapping[str, ParamValue]):
    """Parameters of an architecture and its training: a frozen, hashable mapping sorted by name."""

    __slots__ = ("_values",)

    def __init__(
        self, values: Mapping[str, ParamValue] | None = None, /, **more: ParamValue
    ) -> None:
        self._values = dict(sorted({**(values or {}), **more}.items()))

    def __getitem__(self, name: str) -> ParamValue:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        return hash(tuple(self._values.items()))

    def __repr__(self) -> str:
        return f"Params({', '.join(f'{name}={value!r}' for name, value in self.items())})"

    def having(
        self, values: Mapping[str, ParamValue] | None = None, /, **more: ParamValue
    ) -> "Params":
        """Return these parameters with some added or replaced."""
        return Params({**self._values, **(values or {}), **more})

    def integer(self, name: str) -> int:
        """Return a parameter as a whole number."""
        return int(self._values[name])

    def number(self, name: str) -> float:
        """Return a parameter as a real number."""
        return float(self._values[name])

    def text(self, name: str) -> str:
        """Return a parameter as a text."""
        return str(self._values[name])

    def flag(self, name: str) -> bool:
        """Return a parameter as yes or no."""
        return bool(self._values[name])


OPTIMISM = "selection_optimism"
"""How much more a search promised than was found: a metric of a searched run."""


_ENDS_A_PAIR = re.compile(r"=\s*[-+]?[\d.]+([eE][-+]?\d+)?\s*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tunable:
    """A parameter that an architecture or a regime has: its default and what it may be.

    Attributes:
        name: the parameter's name, one word everywhere: in Params, in search spaces, in MLflow.
        default: its value unless a person or a search says otherwise; its type is the type.
        about: what it does, in a few words, with its unit.
        choices: the values it may take, empty for a range.
        low: the least value of a range, None for no bound; `high` likewise the greatest.
        alternatives: whether a text may hold several values, separated by `/`, among which the
            run itself chooses.
        words: what a text of `NAME=NUMBER,...` may be in place of pairs; a name may hold a `/`.
    """

    name: str
    default: ParamValue
    about: str
    choices: tuple[ParamValue, ...] = ()
    low: float | None = None
    high: float | None = None
    alternatives: bool = False
    words: tuple[str, ...] = ()

    def several(self, value: ParamValue) -> tuple[ParamValue, ...]:
        """Return the values among which a run chooses, as `end/multi` names them; else the one.

        No `/` separates in a file's path, nor in a name: `none/Mass/Nodule=2` are two values.
        """
        if not (self.alternatives and isinstance(value, str)) or value.endswith((".yaml", ".yml")):
            return (value,)
        found: list[str] = []
        for piece in value.split("/"):
            if found and self._goes_on(found[-1]):
                found[-1] += "/" + piece
            else:
                found.append(piece)
        return tuple(found)

    def _goes_on(self, piece: str) -> bool:
        """Whether what stands before a `/` is no value yet but the beginning of a name."""
        return bool(self.words) and piece not in self.words and not _ENDS_A_PAIR.search(piece)

    def read(self, text: str) -> ParamValue:
        """Read the value from what a person wrote; yes and no are flags.

        Raises:
            UsageError: the text's type, choice or range is wrong.
        """
        value: ParamValue = text
        if isinstance(self.default, bool):
            value = FLAGS.get(text.lower(), text)
        elif isinstance(self.default, int | float):
            with suppress(ValueError):
                value = type(self.default)(text)
        return self.check(value)

    def check(self, value: ParamValue) -> ParamValue:
        """Return the value, a whole number made real where a real one is meant.

        Raises:
            UsageError: the value's type, choice or range is wrong.
        """
        if isinstance(self.default, float) and type(value) is int:
            value = float(value)
        if type(value) is not type(self.default):
            wanted = type(self.default).__name__
            raise UsageError(
                f"{self.name} must be of type {wanted}, such as {self.default!r}, not {value!r}."
            )
        if isinstance(value, float) and not math.isfinite(value):
            raise UsageError(f"{self.name} must be a finite number, not {value!r}.")
        several = self.several(value)
        if self.choices and not set(several) <= set(self.choices):
            raise UsageError(
                f"{self.name} must be one of {', '.join(map(str, self.choices))}, not {value!r}."
            )
        if len(set(several)) < len(several):
            raise UsageError(f"{self.name} names an alternative twice: {value!r}.")
        if self.low is not None and value < self.low:  # type: ignore[operator]
            raise UsageError(f"{self.name} must be at least {self.low:g}, not {value!r}.")
        if self.high is not None and value > self.high:  # type: ignore[operator]
            raise UsageError(f"{self.name} must be at most {self.high:g}, not {value!r}.")
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """An image that could not be read, and why."""

    path: str
    reason: str


class Reader(Protocol):
    """Reads what is stored for an image: a file's bytes, or pixels already decoded."""

    def read(self, path: str) -> bytes | npt.NDArray[np.uint8]:
        """Return the bytes of an image file, or (h, w) or (h, w, 3) pixels.

        Raises:
            ImageError: nothing readable stands there.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Understanding:
    """What a folder or a table was taken for, beside what an index itself says.

    Attributes:
        parts_from: where the parts came from, such as "the folders train_data, val_data and
            test_data" or "the column split"; empty where there are none.
        subfolders: folders below class folders whose images were taken.
        merged: class folders or labels that are taken as one, each as a sentence.
        ignored_columns: columns of a table that are not used.
        ignored_files: files and folders left aside, and why.
        links: links that were followed, or not, and to where.
    """

    parts_from: str = ""
    subfolders: tuple[str, ...] = ()
    merged: tuple[str, ...] = ()
    ignored_columns: tuple[str, ...] = ()
    ignored_files: tuple[str, ...] = ()
    links: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Index:
    """The images of a data set without their pixels: one row an image, in sorted path order.

    Attributes:
        name: the data set's name, fit for a file name and a registered model (`chest-ct`).
        modality: `ct`, `xray` or `unknown`.
        synthetic: whether the images were drawn by a program rather than a scanner.
        classes: the k class names, sorted; a label is a position in it.
        paths: n paths relative to the data set's folder, with forward slashes.
        labels: (n,) positions in `classes`.
        parts: n official parts, None where the data set has none.
        patients: n patient keys, opaque, None where unknown.
        hashes: n SHA-256 digests of what is stored for each image.
        reader: reads an image by its path.
        left_out: images that could not be read.
        notes: what should be known, such as how class folders were matched.
        understood: what the data set's folders or table were taken for.
        grey_range: what its 16-bit grey uses, as in `Picture`; test images do not count.
        windowless: how many of its CT files do not say with which window to show them.
    """

    name: str
    modality: str
    synthetic: bool
    classes: tuple[str, ...]
    paths: tuple[str, ...]
    labels: Labels
    parts: tuple[Part | None, ...]
    patients: tuple[str | None, ...]
    hashes: tuple[str, ...]
    reader: Reader
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    understood: Understanding = field(default_factory=Understanding)
    grey_range: str = "full"
    windowless: int = 0

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def digest(self) -> str:
        """The data set's digest: content, class and official part of every image, in any order."""
        rows = zip(self.hashes, self.labels.tolist(), self.parts, self.patients, strict=True)
        return digest([self.classes, sorted([list(map(str, row)) for row in rows])])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Split:
    """Which rows of an index are trained on, validated on and tested on.

    Attributes:
        scheme: how it was made, as on the command line (`official`, `70/15/15`, `kfold:5`).
        fold: which fold of a k-fold scheme, otherwise None.
        train: rows of the index, as are `val` and `test`; the three share no row.
        test_is_copy: (n_test,) whether an image of test is also, exactly or nearly, in train or val
            as they are used: never one whose copies were dropped there.
        val_is_copy: (n_val,) whether an image of val is also in train as it is used.
        digest: digest of every (path, content, part).
        notes: what should be known, such as what was dropped.
    """

    scheme: str
    fold: int | None = None
    train: Rows
    val: Rows
    test: Rows
    test_is_copy: npt.NDArray[np.bool_]
    val_is_copy: npt.NDArray[np.bool_] | None = None
    digest: str
    notes: tuple[str, ...] = ()

    def rows(self, part: Part) -> Rows:
        """Return the rows of one part."""
        return {Part.TRAIN: self.train, Part.VAL: self.val, Part.TEST: self.test}[part]

    def is_copy(self, part: Part) -> npt.NDArray[np.bool_]:
        """Return (n,) whether each image of a part is also in a part it is learnt or chosen on."""
        known = {Part.VAL: self.val_is_copy, Part.TEST: self.test_is_copy}.get(part)
        return np.zeros(len(self.rows(part)), dtype=bool) if known is None else known


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """How an image file becomes pixels; the same for training and for the registered model.

    Attributes:
        side_px: width and height of the square a network sees.
        channels: 3, or 1 for a grayscale pipeline.
        fit: `stretch`, `pad` or `crop`: how the aspect ratio meets the square.
        window: a DICOM window: `file`, a preset's name, or `CENTER,WIDTH` in HU.
        grey_range: what of 16-bit grey is shown from black to white: `full`, or `LOW-HIGH`.
    """

    side_px: int
    channels: int = 3
    fit: str = "stretch"
    window: str = "file"
    grey_range: str = "full"


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchSpec:
    """How parameters are searched: everything that can change which ones are found.

    Attributes:
        engine: `optuna:tpe`, `keras-tuner:random`, ...
        space: the search space's name.
        space_digest: digest of the space's contents.
        trials: how many finished trials; 0 for no limit but time.
        seconds: time limit, 0 for none.
        select: `val`, or `cv:FOLDSxREPEATS` over train and val together.
        objective: the metric to improve, such as `macro_f1`.
        pruner: the pruner's name, `none` for none.
    """

    engine: str
    space: str
    space_digest: str
    trials: int
    seconds: float = 0.0
    select: str = "val"
    objective: str = "macro_f1"
    pruner: str = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """All that determines a run. Its digest names the run; equal digests are one run.

    Attributes:
        arch: the architecture's name in the catalog.
        data: the data set's name; `data_digest` and `split_digest` say which images exactly.
        fold: which fold, for k-fold splits.
        picture: how files become pixels.
        regime: how it is trained.
        weights: the resolved weights: `none`, `imagenet`, or `sha256:` and a file's digest; behind
            a `+`, the preprocessing where it is not the architecture's own.
        params: every parameter of network, head and training, defaults included.
        epochs: the most epochs; `patience` of them without improvement end it.
        seed: the seed everything random is derived from.
        engine: who computes features: `auto`, `tensorflow` or `openvino`.
        search: how parameters are searched, None for not at all.
        members: digests of the member runs of a composite.
        rank_on: what the run leaves to be ranked on: `val`, or `cv:K` for out-of-fold answers of
            K folds over train and val beside those of validation.
        labels: `true`, or `shuffled`: a check, trained on exchanged labels, never promoted.
        numerics: a number a room (`numerics.NUMERICS`), raised by hand whenever the same spec would
            give other figures; a single number in runs of before there were rooms.
    """

    arch: str
    data: str
    data_digest: str
    split_digest: str
    fold: int | None = None
    picture: Picture
    regime: Regime
    weights: str
    params: Params
    epochs: int
    patience: int
    seed: int
    engine: str = "auto"
    search: SearchSpec | None = None
    members: tuple[str, ...] = ()
    rank_on: str = "val"
    labels: str = "true"
    numerics: Params | int = 1

    @property
    def digest(self) -> str:
        """The run's name: 64 hexadecimal digits over every field."""
        return digest(self.to_json())

    @property
    def weights_named(self) -> str:
        """The weights as people see them: of a file's digest the first eight digits."""
        return re.sub(r"(sha256:.{8})[0-9a-f]*", r"\1", self.weights)

    @property
    def sides_px(self) -> tuple[int, ...]:
        """The sides at which its network sees the picture, smallest first: all it may choose from.

        None where it shrinks no picture: the class frequencies alone, and composites.
        """
        words = str(self.params.get("scales", "")).replace("+", "/").split("/")
        return tuple(sorted({round(self.picture.side_px * float(each)) for each in words if each}))

    @property
    def without_budget(self) -> Self:
        """The spec but for how long it is searched: with more trials it is still the same study."""
        if self.search is None:
            return self
        return replace(self, search=replace(self.search, trials=0, seconds=0.0))

    def to_json(self) -> dict[str, Any]:
        """Return the spec as plain JSON values; `from_json` reads it back.

        Fields younger than the first stored specs are left out at their defaults, so that those
        keep the digests they were stored under.
        """
        values = {item.name: _plain(getattr(self, item.name)) for item in fields(self)}
        return {name: value for name, value in values.items() if _YOUNGER.get(name, ...) != value}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read a spec that `to_json` gave."""
        search, numerics = values["search"], values["numerics"]
        return cls(
            **{
                **values,
                "numerics": Params(numerics) if isinstance(numerics, Mapping) else numerics,
                "picture": Picture(**values["picture"]),
                "regime": Regime(values["regime"]),
                "params": Params(values["params"]),
                "search": None if search is None else SearchSpec(**search),
                "members": tuple(values["members"]),
            }
        )


_YOUNGER: Mapping[str, Any] = {"rank_on": "val", "labels": "true", "grey_range": "full"}


def _plain(value: Any) -> Any:
    if isinstance(value, Picture | SearchSpec):
        values = {item.name: getattr(value, item.name) for item in fields(value)}
        return {name: each for name, each in values.items() if _YOUNGER.get(name, ...) != each}
    if isinstance(value, Params):
        return dict(value)
    if isinstance(value, tuple):
        return list(value)
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Seconds:
    """What a run cost by stage, in seconds.

    A stage found in a cache is charged what it cost when it was computed, so that `total` is the
    cost from nothing; `wall` is what this run really took.
    """

    decode: float = 0.0
    features: float = 0.0
    head: float = 0.0
    search: float = 0.0
    wall: float = 0.0

    @property
    def total(self) -> float:
        """The cost of the result from nothing."""
        return self.decode + self.features + self.head + self.search

    def having(self, **stages: float) -> "Seconds":
        """Return these seconds with some stages replaced."""
        return replace(self, **stages)


@dataclass(frozen=True, slots=True, kw_only=True)
class Epoch:
    """One epoch of training: its number from 0, and its metrics by name (`val_loss`, ...)."""

    number: int
    stage: str
    metrics: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Predictions:
    """What a run says of each image of val and test: the artefact all evidence is computed from.

    Kept as the network says it before its temperature, and read at it.

    Attributes:
        classes: k class names.
        hashes: n content digests; `paths` the n relative paths.
        parts: n parts.
        labels: (n,) true classes.
        probabilities: (n, k) in [0, 1], rows sum to 1.
        is_copy: (n,) whether the image also stands in a part it was trained or chosen on.
        units: (n,) number of each image's sampling unit: its patient where known, else the
            distinct image. The same in every table of a data set, and no identifier. None in
            tables of before there were units: the distinct image stands for its unit then.
    """

    classes: tuple[str, ...]
    hashes: tuple[str, ...]
    paths: tuple[str, ...]
    parts: tuple[Part, ...]
    labels: Labels
    probabilities: Probabilities
    is_copy: npt.NDArray[np.bool_]
    units: Labels | None = None

    def part(self, part: Part) -> "Predictions":
        """Return the rows of one part."""
        return self.where(np.array([each is part for each in self.parts], dtype=bool))

    def where(self, mask: npt.NDArray[np.bool_]) -> "Predictions":
        """Return the rows where an (n,) mask holds."""
        return self.take(np.flatnonzero(mask))

    def take(self, rows: Rows) -> "Predictions":
        """Return some rows, by their positions."""
        return replace(
            self,
            hashes=tuple(self.hashes[row] for row in rows),
            paths=tuple(self.paths[row] for row in rows),
            parts=tuple(self.parts[row] for row in rows),
            labels=self.labels[rows],
            probabilities=self.probabilities[rows],
            is_copy=self.is_copy[rows],
            units=None if self.units is None else self.units[rows],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a worker leaves for a finished spec: a folder, and the figures that are not metrics.

    The folder holds `predictions.parquet`, `check.parquet` (the saved network's own
    probabilities on some validation images), `history.json`, `model.keras`, `search.json`
    with every trial where parameters were searched, and `out_of_fold.parquet` where the spec's
    `rank_on` asks for it: answers for every image of train and val (parts `train` and `val`), each
    from a network that neither learnt from nor was stopped on the image or its group.

    Attributes:
        spec: what was asked for.
        folder: the folder, complete when it exists under this name.
        seconds: the cost by stage.
        parameters: the network's weights, counted.
        model_bytes: the size of `model.keras`.
        milliseconds_per_image: the saved network on this machine, batch 32.
        device: `cpu`, or the GPU's name.
        engine: who computed the features: `tensorflow`, `openvino-f32`, ..., or `none`.
        peak_memory_mib: the worker's peak resident memory.
        largest_difference: between board and saved network, over all probabilities checked.
        facts: further facts worth a tag: probe speeds, agreement, fallbacks.
        warnings: what should be known of this run.
        trained: the spec with the parameters and side that a search found, None without one.
        temperature: what the saved network's last layers divide its logits by, 1 for none; the
            tables are of before it, but for `check.parquet`.
    """

    spec: Spec
    folder: Path
    seconds: Seconds
    parameters: int
    model_bytes: int
    milliseconds_per_image: float
    device: str
    engine: str
    peak_memory_mib: float
    largest_difference: float
    facts: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    trained: Spec | None = None
    temperature: float = 1.0

    @property
    def final(self) -> Spec:
        """The spec of the network that was saved: what a search found, or what was asked for."""
        return self.trained or self.spec


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What came of a run, as the tracking server knows it.

    Attributes:
        spec: what was asked for.
        run_id: MLflow's id of the run; `model_id` that of its model, empty where there is none.
        state: how it ended; `reason` says why where it is not FINISHED.
        scores: metrics by name, `<part>_<metric>`.
        seconds: the cost by stage.
        parameters: the network's weights, counted; 0 where unknown.
        started: when it began, in seconds since the epoch.
        notes: warnings and the weights' fallback, as shown on the board.
        trained: the spec with the parameters that a search found, None without one.
        version: the project's version that made the run; `commit` its commit. Empty where unknown.
        preset: what `auto` stood for where the run was asked for; empty where unknown.
        temperature: what the network's last layers divide its logits by; 1 for none, and in runs
            of before there was one.
        operating_point: its operating point as JSON, empty where it has none; `prevalence` the
            share of positives that predictive values were asked for, if any was.
    """

    spec: Spec
    run_id: str
    model_id: str
    state: State
    reason: str
    scores: Mapping[str, float]
    seconds: Seconds
    parameters: int
    model_bytes: int
    milliseconds_per_image: float
    started: float
    notes: tuple[str, ...] = ()
    trained: Spec | None = None
    version: str = ""
    commit: str = ""
    preset: str = ""
    temperature: float = 1.0
    operating_point: str = ""
    prevalence: float | None = None

    @property
    def made_by(self) -> str:
        """The version and commit that made the run: `0.2.0 (81a3a47)`; empty where unknown."""
        return f"{self.version} ({self.commit[:7]})" if self.commit else self.version

    @property
    def final(self) -> Spec:
        """The spec of the network that was saved: what a search found, or what was asked for."""
        return self.trained or self.spec


class Progress(Protocol):
    """Where work in a worker says how far it is; every call is cheap and never raises."""

    def stage(self, name: str, total: int | None = None, unit: str = "") -> None:
        """Begin a stage (`decode`, `features`, `head`, ...) of `total` units, if known."""
        ...

    def advance(self, count: int = 1) -> None:
        """Say that `count` more units of the stage are done."""
        ...

    def epoch(self, epoch: Epoch) -> None:
        """Report a finished epoch."""
        ...


class Silent:
    """A `Progress` that says nothing."""

    def stage(self, name: str, total: int | None = None, unit: str = "") -> None:
        """Say nothing."""

    def advance(self, count: int = 1) -> None:
        """Say nothing."""

    def epoch(self, epoch: Epoch) -> None:
        """Say nothing."""
