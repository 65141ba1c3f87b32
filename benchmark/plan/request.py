"""What a person asked for: the options of the main job, read and checked one by one."""

from dataclasses import dataclass, fields
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Which images are looked at, and how they are read; None stands for `auto`.

    `cli.options.RUN_OPTIONS` gives each one's default and meaning.
    """

    data: str
    split: str
    split_seed: int
    on_leak: str
    side: int | None
    channels: str
    fit: str
    window: str
    patient_pattern: str | None
    max_unreadable: float
    cache: str
    cache_limit: float

    @property
    def cache_bytes(self) -> int | None:
        """The cache's limit in bytes, None for no limit."""
        return int(self.cache_limit * 2**30) or None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Look):
    """The main job's options, under their own names; None stands for `auto`."""

    arch: str
    weights: str
    regime: str | None
    epochs: int
    patience: int
    batch: int
    seed: tuple[int, ...]
    rank_on: str
    sanity: bool
    class_weight: str
    augmentation: str
    views: int
    engine: str
    params: str
    search: str
    space: str | None
    trials: int
    search_time: float
    select: str
    objective: str
    pruner: str
    storage: str | None
    log_trials: int
    experiment: str | None
    register: str
    members: str
    output: str
    jobs: int
    timeout: float
    resume: bool

    def to_texts(self) -> dict[str, str]:
        """Return every option as it is written on the command line, by its name."""
        return {item.name: _text(getattr(self, item.name)) for item in fields(self)}

    @property
    def output_folder(self) -> Path:
        """The folder for what a benchmark leaves for people."""
        return Path(self.output)


def _text(value: object) -> str:
    if value is None:
        return "auto"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
