"""The command line's door: `python -m benchmark`, or `benchmark` where it is installed."""

import sys


def main() -> int:
    """Run the command of `sys.argv` and give its exit code."""
    if sys.version_info < (3, 11):  # noqa: UP036  said in a line, before anything is imported
        print("benchmark: needs Python 3.11 or newer; this is", sys.version.split()[0])
        return 2
    from .cli import run_command

    return run_command(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
