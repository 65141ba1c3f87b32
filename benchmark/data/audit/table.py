"""An audit as a table for a terminal."""

from typing import TYPE_CHECKING

from .findings import Audit, Finding, Severity

if TYPE_CHECKING:
    from rich.table import Table

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
        table.add_row(
            Text(finding.severity.value, style=_COLOURS[finding.severity]),
            Text(_found(finding, files)),
            Text(finding.effect),
            Text(finding.remedy),
        )
    return table


def _found(finding: Finding, files: int) -> str:
    """Return the summary with the first few files under it."""
    shown = finding.groups or tuple((path,) for path in finding.files)
    # A group begins with the judged part's file and ends with the file it was learnt from.
    lines = [f"  {' = '.join(dict.fromkeys((group[0], group[-1])))}" for group in shown[:files]]
    more = [f"  … {len(shown) - files} more"] if len(shown) > files else []
    return "\n".join([f"{finding.kind.value}: {finding.summary}", *lines, *more])
