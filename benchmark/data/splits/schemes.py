"""What a person may ask of a split."""

import re
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from ...errors import UsageError

_SHARE = r"(\d{1,9}(?:\.\d{1,9})?)"
_SHARES = re.compile(f"{_SHARE}/{_SHARE}/{_SHARE}")
_FOLDS = re.compile(r"kfold:(\d{1,9})")

DEFAULT_SHARES = "70/15/15"


class OnLeak(StrEnum):
    """What is done about an image that is in two parts of a published split.

    `drop` keeps it in the part that must stay unseen the longest (test before val before train)
    and leaves it out of the others; `report` leaves everything as published; `fail` refuses.
    """

    REPORT = "report"
    DROP = "drop"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitOptions:
    """How images are divided into train, val and test.

    Attributes:
        scheme: `auto` (official where the data set has parts, else 70/15/15), `official`,
            `A/B/C` in per cent, `kfold:K`, or the path of a `.csv` file.
        seed: the seed of everything that is drawn.
        on_leak: what is done about copies across the published parts.
        smallest_val: a published val part with fewer images is not selected on; a larger one is
            made from train and val instead.

    Raises:
        UsageError: the scheme is none of these.
    """

    scheme: str = "auto"
    seed: int = 0
    on_leak: OnLeak = OnLeak.DROP
    # chosen, not sourced: at 50 images the 95 % interval of an accuracy is up to +-14 points
    # wide (1.96 * 0.5 / sqrt(50)); at the 16 of the chest X-ray set it is +-25.
    smallest_val: int = 50

    def __post_init__(self) -> None:
        known = self.scheme in ("auto", "official") or self.is_file
        if not (known or self.shares or self.folds):
            raise UsageError(
                f"split must be auto, official, {DEFAULT_SHARES}, kfold:5 or a .csv file, "
                f"not {self.scheme!r}."
            )

    @property
    def is_file(self) -> bool:
        """Whether the scheme is the path of a file."""
        return self.scheme.lower().endswith(".csv")

    @property
    def shares(self) -> tuple[Fraction, ...]:
        """The shares of train, val and test, or nothing where the scheme is another."""
        return shares_of(self.scheme)

    @property
    def folds(self) -> int:
        """How many folds there are, or 0 where the scheme is another."""
        found = _FOLDS.fullmatch(self.scheme)
        if found is None:
            return 0
        if int(found[1]) < 3:
            raise UsageError(
                "kfold needs at least 3 folds (one to test on, one to validate on, the rest to "
                f"train on), not {found[1]}."
            )
        return int(found[1])


def shares_of(scheme: str) -> tuple[Fraction, ...]:
    """Return the three shares that `A/B/C` means, or nothing where it is not of that form.

    Raises:
        UsageError: they do not sum to 100, or one is 0.
    """
    found = _SHARES.fullmatch(scheme)
    if found is None:
        return ()
    percent = [Fraction(each) for each in found.groups()]
    if sum(percent) != 100 or not all(percent):
        raise UsageError(
            f"the percentages of a split must be above 0 and sum to 100, such as "
            f"{DEFAULT_SHARES}, not {scheme}."
        )
    return tuple(each / 100 for each in percent)
