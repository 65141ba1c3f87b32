"""The commands: a person's words become a request, and errors become one line."""

from .commands import COMMANDS, run_command

__all__ = ["COMMANDS", "run_command"]
