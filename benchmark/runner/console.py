"""Where results are printed: as wide as the terminal, or wide enough for a board."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_WIDTH = 160  # columns of the board where no terminal says how wide it is


def wide_console() -> "Console":
    """Return a console: as wide as the terminal, or wide enough for a board where there is none."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=_WIDTH)
