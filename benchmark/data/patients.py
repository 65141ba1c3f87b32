"""Tell patients apart by the names of their files."""

import re
from collections.abc import Sequence
from dataclasses import replace

from ..errors import UsageError
from .index import Row


def name_patients(
    rows: Sequence[Row], pattern: str, *, given: bool
) -> tuple[tuple[Row, ...], tuple[str, ...]]:
    """Fill in the patients that a pattern finds in the relative paths.

    Args:
        rows: the images; a patient known from a manifest or a DICOM tag stays unless `given`.
        pattern: a regular expression with one group; empty for none.
        given: whether a person gave the pattern, which then must match and overrules.

    Returns:
        The rows, and notes on how patients are known.

    Raises:
        UsageError: the pattern is no regular expression with one group, or matches no path.
    """
    if not pattern:
        return tuple(rows), ()
    compiled = _compile(pattern)
    named = tuple(_named(row, compiled, overrule=given) for row in rows)
    unknown = sum(not row.patient for row in named)
    if given and rows and unknown == len(rows):
        raise UsageError(
            f"the patient pattern {pattern!r} matches no path; the first is {rows[0].path!r}."
        )
    if unknown:
        return named, (f"{unknown} of {len(rows)} file names do not tell the patient.",)
    return named, ()


def without_single_patient(rows: Sequence[Row]) -> tuple[tuple[Row, ...], tuple[str, ...]]:
    """Forget a patient that all of several images state: it is what was put for a removed one.

    Returns:
        The rows, and a note where the patient was forgotten.
    """
    if len(rows) < 2 or not rows[0].patient or len({row.patient for row in rows}) > 1:
        return tuple(rows), ()
    note = (
        f"all {len(rows)} files state one and the same patient, so nothing can be split by "
        "patient and the patient is taken as unknown: if the identifier was removed (ANONYMOUS, "
        "0), give patients by --patient-pattern or a manifest."
    )
    return tuple(replace(row, patient="") for row in rows), (note,)


def _compile(pattern: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UsageError(
            f"the patient pattern {pattern!r} is no regular expression: {error}."
        ) from error
    if compiled.groups != 1:
        raise UsageError(
            f"the patient pattern {pattern!r} must have one group, such as (person\\d+), "
            f"not {compiled.groups}."
        )
    return compiled


def _named(row: Row, pattern: re.Pattern[str], *, overrule: bool) -> Row:
    if row.patient and not overrule:
        return row
    found = pattern.search(row.path)
    return replace(row, patient=(found.group(1) or "") if found else "")
