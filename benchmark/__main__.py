"""The command line's door: `python -m benchmark`, or `benchmark` where it is installed."""

import sys


def main() -> int:
    """Run the command of `sys.argv` and give its exit code."""
    from .cli import run_command

    return run_command(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
