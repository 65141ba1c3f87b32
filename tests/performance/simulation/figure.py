"""Draws the rates."""

from collections.abc import Sequence
from pathlib import Path

from .outcome import Rate


def draw(rates: Sequence[Rate], path: Path) -> None:
    """Draw."""
