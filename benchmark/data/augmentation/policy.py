"""Policies: which operations change a training image, how far, and why."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...catalog import Catalog
from ...errors import UsageError, one_line
from ...records import Params, Tunable, digest

OPERATIONS: Mapping[str, Tunable] = {
    tunable.name: tunable
    for tunable in (
        Tunable(name="rotation", default=0.0, about="degrees, either way", low=0, high=180),
        Tunable(name="horizontal_flip", default=0.0, about="probability", low=0, high=1),
        Tunable(name="vertical_flip", default=0.0, about="probability", low=0, high=1),
        Tunable(name="zoom", default=0.0, about="in and out, share of the side", low=0, high=0.5),
        Tunable(name="shift", default=0.0, about="along each axis, share", low=0, high=0.5),
        Tunable(name="crop", default=0.0, about="most of the side cut off, share", low=0, high=0.9),
        Tunable(name="brightness", default=0.0, about="up and down, share of 255", low=0, high=1),
        Tunable(name="contrast", default=0.0, about="up and down, share", low=0, high=0.95),
        Tunable(name="noise", default=0.0, about="greatest deviation, grey levels", low=0, high=64),
    )
}
MOVEMENTS = ("rotation", "horizontal_flip", "vertical_flip", "zoom", "shift", "crop")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Which operations change a training image, and how far.

    Attributes:
        name: what it is called.
        strengths: the strength of each operation in use, as OPERATIONS describe it.
        reasons: why each operation is used, or is not, by its name.
    """

    name: str
    strengths: Params = field(default_factory=Params)
    reasons: Mapping[str, str] = field(default_factory=dict, hash=False, compare=False)

    @property
    def text(self) -> str:
        """The policy in full as `rotation=10,zoom=0.1`, or `none`; `read_policy` reads it back."""
        return ",".join(f"{name}={value:g}" for name, value in self._numbers()) or "none"

    @property
    def digest(self) -> str:
        """Names what the policy does, whatever it is called."""
        return digest(dict(self._numbers()))

    @property
    def in_use(self) -> tuple[str, ...]:
        """The operations that change anything, in the order of OPERATIONS."""
        return tuple(name for name in OPERATIONS if self.strength(name) > 0)

    def strength(self, operation: str) -> float:
        """Return an operation's strength, 0 for not used."""
        return float(self.strengths.get(operation, 0.0))

    def only(self, operation: str) -> "Policy":
        """Return a policy of one of these operations alone, as the preview shows it."""
        strengths = Params({operation: self.strength(operation)})
        return Policy(name=f"{self.name}: {operation}", strengths=strengths)

    def _numbers(self) -> list[tuple[str, float]]:
        return [(name, self.strength(name)) for name in sorted(self.in_use)]


POLICIES: Catalog[Policy] = Catalog(
    "augmentation policy",
    [
        ("none", Policy(name="none")),
        (
            "ct",
            Policy(
                name="ct",
                strengths=Params(
                    rotation=10.0,
                    horizontal_flip=0.5,
                    vertical_flip=0.1,
                    zoom=0.1,
                    shift=0.05,
                    crop=0.1,
                    brightness=0.08,
                    contrast=0.15,
                    noise=4.0,
                ),
                reasons={
                    "rotation": "Patients do not lie perfectly level in the gantry.",
                    "horizontal_flip": "A tumour's type does not depend on its side, and viewers "
                    "show slices from below or above.",
                    "vertical_flip": "Rare on purpose: some patients lie prone, and some software "
                    "stores the rows upside down.",
                    "zoom": "The field of view and the size of patients vary.",
                    "shift": "Patients do not lie exactly in the middle.",
                    "crop": "Published slices are cut by hand, more or less closely.",
                    "brightness": "Window levels differ between readers.",
                    "contrast": "Window widths differ between readers.",
                    "noise": "Dose and kernel differ between scanners.",
                },
            ),
        ),
        (
            "xray",
            Policy(
                name="xray",
                strengths=Params(
                    rotation=7.0,
                    horizontal_flip=0.5,
                    zoom=0.1,
                    shift=0.05,
                    crop=0.1,
                    brightness=0.1,
                    contrast=0.2,
                    noise=3.0,
                ),
                reasons={
                    "rotation": "Patients, children above all, do not stand perfectly straight.",
                    "horizontal_flip": "Pneumonia takes either side; CheXNet flipped as well "
                    "(Rajpurkar et al. 2017, arXiv:1711.05225).",
                    "vertical_flip": "Not used: no radiograph is read upside down, and the "
                    "diaphragm tells top from bottom.",
                    "zoom": "Distance to the plate and the size of patients vary.",
                    "shift": "The beam is centred by hand.",
                    "crop": "Collimation is set by hand.",
                    "brightness": "Exposure varies.",
                    "contrast": "Tube voltage and post-processing vary.",
                    "noise": "Dose varies, and children are given little.",
                },
            ),
        ),
    ],
)  # strengths chosen, not sourced: small enough that a view still looks like a real exposure


def read_policy(word: str) -> Policy:
    """Read a policy from its name, its text (`rotation=10,zoom=0.1`) or a YAML file.

    A YAML file holds `name` and any of OPERATIONS, nothing else.

    Raises:
        UsageError: no such policy or file, or a wrong key, type or range in it.
    """
    if word.endswith((".yaml", ".yml")):
        return _from_yaml(Path(word))
    if "=" in word:
        pairs = [part.partition("=") for part in word.split(",")]
        return _policy("own", {name.strip(): _number(value) for name, _, value in pairs}, word)
    return POLICIES[word]


def _from_yaml(path: Path) -> Policy:
    import yaml

    try:
        values: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(
            f"cannot read the augmentation policy {path}: {error.strerror}."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not YAML: {one_line(error)}.") from error
    if not isinstance(values, dict):
        raise UsageError(f"{path} must hold keys such as `rotation: 10.0`, not {values!r}.")
    name = values.pop("name", path.stem)
    if not isinstance(name, str):
        raise UsageError(f"{path}: name must be a text, not {name!r}.")
    return _policy(name, values, str(path))


def _policy(name: str, values: Mapping[Any, Any], origin: str) -> Policy:
    strengths = {}
    for operation, value in values.items():
        if operation not in OPERATIONS:
            allowed = ", ".join(OPERATIONS)
            raise UsageError(f"{origin}: no operation {operation!r}; there are: {allowed}.")
        if isinstance(value, float) and not math.isfinite(value):
            raise UsageError(f"{origin}: {operation} must be a finite number, not {value!r}.")
        try:
            strengths[operation] = OPERATIONS[operation].check(value)
        except UsageError as error:
            raise UsageError(f"{origin}: {error}") from error
    return Policy(name=name, strengths=Params(strengths))


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text.strip()
