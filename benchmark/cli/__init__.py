"""The commands: a person's words become a request, and errors become one line."""

from .commands import run_command
from .options import RUN_OPTIONS, Option

__all__ = ["RUN_OPTIONS", "Option", "run_command"]
