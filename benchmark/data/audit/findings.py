"""What an audit says: findings, each with what it may do to the scores and what to do about it."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from rich.table import Table

Figure = int | float | str


class Severity(StrEnum):
    """How much a finding weighs: `error` makes a score unbelievable, `warning` may mislead."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Fault(StrEnum):
    """What a finding is about."""

    EXACT_DUPLICATE = "exact-duplicate"
    NEAR_DUPLICATE = "near-duplicate"
    NEAR_SUSPECT = "near-suspect"
    CONFLICTING_LABEL = "conflicting-label"
    NEAR_CONFLICTING_LABEL = "near-conflicting-label"
    PATIENT_OVERLAP = "patient-overlap"
    PATIENTS_UNKNOWN = "patients-unknown"
    FEW_PATIENTS = "few-patients"
    MISSING_CLASS = "missing-class"
    CLASS_IMBALANCE = "class-imbalance"
    PART_SIZE = "part-size"
    SHORTCUT = "shortcut"
    PART_SHIFT = "part-shift"
    UNREADABLE = "unreadable"
    BLANK = "blank"
    DARK = "dark"
    BRIGHT = "bright"
    ODD_SIZE = "odd-size"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that an audit found.

    Attributes:
        kind: what it is about.
        severity: how much it weighs.
        summary: what was found, in a line.
        parts: the parts concerned: one for a finding within a part, two for one across parts;
            `all` where the data set has no parts.
        classes: names of the classes concerned.
        files: paths of the images concerned, as in the index; the evaluated part's first.
        groups: the same files by what they share (copies of one image, one patient's images).
        effect: what it may do to the scores.
        remedy: what to do.
        figures: the numbers behind it, by name.
        handled: whether it was so as published and is no more in the split in use.
    """

    kind: Fault
    severity: Severity
    summary: str
    parts: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    groups: tuple[tuple[str, ...], ...] = ()
    effect: str
    remedy: str
    figures: Mapping[str, Figure] = field(default_factory=dict)
    handled: bool = False

    @property
    def is_across_parts(self) -> bool:
        """Whether it concerns two parts together."""
        return len(self.parts) > 1

    def file_lines(self, most: int) -> list[str]:
        """Return the first few files, those that are the same in a line, and how many follow."""
        shown = self.groups or tuple((path,) for path in self.files)
        # A group begins with the judged part's file and ends with the file it was learnt from.
        lines = [" = ".join(dict.fromkeys((group[0], group[-1]))) for group in shown[:most]]
        return [*lines, f"… {len(shown) - most} more"] if len(shown) > most else lines


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """All that was found in a data set, the gravest first.

    Attributes:
        data: the data set's name; `data_digest` its digest, `split_digest` that of the split
            looked at, empty for the official parts.
        synthetic: whether the images were drawn by a program.
        images: how many images were looked at; `distinct` of them differ in their pixels.
        findings: what was found.
    """

    data: str
    data_digest: str
    split_digest: str
    synthetic: bool
    images: int
    distinct: int
    findings: tuple[Finding, ...]

    @property
    def text(self) -> str:
        """The audit as the text of a JSON file."""
        return json.dumps(self.to_json(), indent=2, ensure_ascii=False) + "\n"

    def to_json(self) -> dict[str, Any]:
        """Return the audit as plain JSON values; `from_json` reads it back."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Read an audit that `to_json` gave."""
        return cls(**{**values, "findings": tuple(map(_finding, values["findings"]))})


def board_lines(audit: Audit) -> tuple[str, ...]:
    """Return the findings that may change a verdict, the gravest first, a line each."""
    return tuple(
        f"{'handled' if finding.handled else finding.severity.value}: {finding.summary}"
        for finding in audit.findings
        if _may_change_verdict(finding)
    )


def _may_change_verdict(finding: Finding) -> bool:
    if finding.kind in (Fault.EXACT_DUPLICATE, Fault.NEAR_DUPLICATE):
        return finding.is_across_parts
    if finding.kind is Fault.PART_SIZE:
        return "val" in finding.parts and finding.severity is not Severity.INFO
    if finding.kind is Fault.SHORTCUT:
        return finding.severity is not Severity.INFO
    return finding.kind in _OF_THE_VERDICT


_OF_THE_VERDICT = frozenset(
    (
        Fault.NEAR_SUSPECT,
        Fault.CONFLICTING_LABEL,
        Fault.NEAR_CONFLICTING_LABEL,
        Fault.PATIENT_OVERLAP,
        Fault.PATIENTS_UNKNOWN,
        Fault.FEW_PATIENTS,
        Fault.MISSING_CLASS,
    )
)


def _finding(values: Mapping[str, Any]) -> Finding:
    lists = {name: tuple(values[name]) for name in ("parts", "classes", "files")}
    return Finding(
        **{
            **values,
            **lists,
            "kind": Fault(values["kind"]),
            "severity": Severity(values["severity"]),
            "groups": tuple(tuple(group) for group in values["groups"]),
        }
    )


_COLOURS = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "dim"}


def audit_table(audit: Audit, files: int = 2) -> "Table":
    """Return a table of the findings, the gravest first, each with its first few files."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    title = f"Audit of {audit.data}: {audit.images} images, {audit.distinct} distinct"
    table = Table(
        title=title + (" (SYNTHETIC)" if audit.synthetic else ""),
        box=box.SIMPLE_HEAD,
        title_justify="left",
    )
    table.add_column("severity", no_wrap=True)
    table.add_column("what was found", ratio=4)
    table.add_column("what it may do to the scores", ratio=3)
    table.add_column("what to do", ratio=3)
    for finding in audit.findings:
        head = f"{finding.kind.value}: {finding.summary}"
        table.add_row(
            Text(finding.severity.value, style=_COLOURS[finding.severity]),
            Text("\n  ".join([head, *finding.file_lines(files)])),
            Text(finding.effect),
            Text(finding.remedy),
        )
    return table
