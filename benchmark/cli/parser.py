"""The command line's grammar, made by argparse from the tables of options."""

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from .. import __version__
from ..errors import UsageError, did_you_mean
from ..request import Option, Read, read_values


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A command line that was read.

    Attributes:
        options: the command's options.
        texts: the texts of the options that were given.
        words: what was given beside options.
        quiet: whether to say nothing but results.
    """

    options: tuple[Option, ...]
    texts: Mapping[str, str]
    words: tuple[str, ...]
    quiet: bool

    def values(self) -> dict[str, Any]:
        """Read every option's value.

        Raises:
            UsageError: one of them is not of its option's kind.
        """
        return read_values(self.options, self.texts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A command.

    Attributes:
        about: what it does, in a line.
        do: does it, and returns the exit code.
        options: its options.
        words: what it takes beside options: how help calls it, and what it is.
        example: how it is called.
        is_entry_point: whether MLproject has an entry point for it.
    """

    about: str
    do: Callable[[Asked], int]
    options: tuple[Option, ...] = ()
    words: tuple[str, str] | None = None
    example: str = ""
    is_entry_point: bool = True


def other_option(name: str, default: str, about: str, read: Read = str) -> Option:
    """Return an option of one command, beside those of `run`."""
    return Option(name=name, default=default, about=about, read=read, group="what to use")


class _Parser(argparse.ArgumentParser):
    """Raises `UsageError` in one line where argparse would print its usage and exit."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message}. See: {self.prog} --help")

    def refuse(self, word: str) -> NoReturn:
        """Say that there is no such option, with the nearest."""
        known = list(self._option_string_actions)
        hint = did_you_mean(word, known, most=1, otherwise=f"See: {self.prog} --help")
        raise UsageError(f"no option {word!r} here. {hint}")


class _Formatter(argparse.HelpFormatter):
    def __init__(self, prog: str, **more: Any) -> None:
        super().__init__(prog, max_help_position=26, width=100, **more)

    def _format_usage(self, *_: Any, **__: Any) -> str:
        return f"usage: {self._prog} [options]\n\n"


def read_command_line(
    words: Sequence[str], commands: Mapping[str, Command]
) -> tuple[Command, Asked]:
    """Read a command line into its command and the texts of its options.

    Raises:
        UsageError: an unknown command or option, or a missing value.
    """
    if words and not words[0].startswith("-") and words[0] not in commands:
        raise UsageError(f"no command {words[0]!r}. {did_you_mean(words[0], commands, most=1)}")
    found, rest = _build(commands, words).parse_known_args(words)
    if rest:
        found.parser.refuse(rest[0].partition("=")[0])
    command = commands[found.command]
    asked = Asked(
        options=command.options,
        texts=_given(found, command.options),
        words=tuple(getattr(found, "words", ())),
        quiet=found.quiet,
    )
    return command, asked


def _given(found: argparse.Namespace, options: Sequence[Option]) -> dict[str, str]:
    """Return the texts of the options that a person gave.

    MLproject must name every option, so that one at its default was not given by a person there.
    """
    texts = {each.name: getattr(found, each.name) for each in options}
    unsaid = {each.name: each.default if found.from_mlproject else None for each in options}
    # Of `--arch=--` argparse makes an empty list (Python 3.11).
    said = {name: "--" if text == [] else text for name, text in texts.items() if text is not None}
    return {name: text for name, text in said.items() if text != unsaid[name]}


def _build(commands: Mapping[str, Command], named: Sequence[str]) -> _Parser:
    """Return the parser of all commands, with the options of those that are named."""
    parser = _Parser(
        prog="benchmark",
        description="Benchmark a zoo of networks on chest scans, tracked in MLflow.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"benchmark {__version__}")
    below = parser.add_subparsers(
        title="commands", metavar="COMMAND", dest="command", required=True, parser_class=_Parser
    )
    for name, command in commands.items():
        made = below.add_parser(
            name,
            help=command.about,
            description=command.about[0].upper() + command.about[1:] + ".",
            epilog=f"Example: {command.example}" if command.example else None,
            allow_abbrev=False,
            formatter_class=_Formatter,
        )
        if name not in named:
            continue
        made.set_defaults(parser=made)
        if command.words:
            metavar, about = command.words
            made.add_argument("words", nargs="*", metavar=metavar, help=about)
        _add_options(made, command.options)
        made.add_argument("--quiet", action="store_true", help="say nothing but results")
        made.add_argument("--from-mlproject", action="store_true", help=argparse.SUPPRESS)
    return parser


def _add_options(parser: argparse.ArgumentParser, options: Sequence[Option]) -> None:
    """Add options to a parser under their groups' headings."""
    groups: dict[str, Any] = {}
    for option in options:
        if option.group not in groups:
            groups[option.group] = parser.add_argument_group(option.group)
        shown = f"{option.about} [{option.default}]".replace("%", "%%")
        groups[option.group].add_argument(option.flag, dest=option.name, metavar="…", help=shown)
