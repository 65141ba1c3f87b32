"""The command line's grammar: commands, their options in groups, short help."""

import argparse
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from ..errors import UsageError
from .options import RUN_OPTIONS, Option, choice, yes_or_no

_EXAMPLES = {
    "run": "benchmark run --arch densenet121,cnn --data chest-ct",
    "plan": "benchmark plan --arch all --data my-scans/",
    "predict": "benchmark predict --model models:/chest-ct@champion scans/ --csv out.csv",
}


class _Parser(argparse.ArgumentParser):
    """Raises `UsageError` in one line where argparse would print its usage and exit."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(self._mended(message))

    def _mended(self, message: str) -> str:
        prefix = "unrecognized arguments: "
        if message.startswith("argument COMMAND: invalid choice: "):
            word = message.split("'")[1]
            near = get_close_matches(word, COMMANDS, n=1)
            return f"no command {word!r}. " + (
                f"Did you mean {near[0]}?" if near else f"There are: {', '.join(COMMANDS)}."
            )
        if not message.startswith(prefix):
            return f"{message}. See: {self.prog} --help"
        word = message.removeprefix(prefix).split("=")[0].split(" ")[0]
        near = get_close_matches(word, list(self._option_string_actions), n=1)
        hint = f"Did you mean {near[0]}?" if near else f"See: {self.prog} --help"
        return f"no option {word!r} here. {hint}"


def read_command_line(words: Sequence[str]) -> argparse.Namespace:
    """Read a command line into its command and the texts of its options.

    Raises:
        UsageError: an unknown command or option, or a missing value.
    """
    parser = _build()
    found, rest = parser.parse_known_args(words)
    if rest:  # said by the command's own parser, so that its options are the ones suggested
        found.parser.error(f"unrecognized arguments: {' '.join(rest)}")
    return found


def _build() -> _Parser:
    parser = _Parser(
        prog="benchmark",
        description="Benchmark a zoo of networks on chest scans, tracked in MLflow.",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", dest="command", required=True, parser_class=_Parser
    )
    for name, about in COMMANDS.items():
        example = f"Example: {_EXAMPLES[name]}" if name in _EXAMPLES else None
        command = commands.add_parser(
            name,
            help=about,
            description=about[0].upper() + about[1:] + ".",
            epilog=example,
            allow_abbrev=False,
            formatter_class=_Formatter,
        )
        command.set_defaults(parser=command)
        _arguments(name, command)
        add_options(command, options_of(name))
        command.add_argument("--quiet", action="store_true", help="say nothing but results")
    return parser


class _Formatter(argparse.HelpFormatter):
    def __init__(self, prog: str, **more: Any) -> None:
        super().__init__(prog, max_help_position=26, width=100, **more)

    def _format_usage(self, *_: Any, **__: Any) -> str:
        return f"usage: {self._prog} [options]\n\n"


def add_options(parser: argparse.ArgumentParser, options: Sequence[Option]) -> None:
    """Add options to a parser under their groups' headings."""
    groups: dict[str, Any] = {}
    for option in options:
        if option.group not in groups:
            groups[option.group] = parser.add_argument_group(option.group)
        shown = f"{option.about} [{option.default}]" if option.default else option.about
        groups[option.group].add_argument(
            option.flag,
            dest=option.name,
            default=option.default,
            metavar="…",
            help=shown.replace("%", "%%"),
        )


def pick(*names: str) -> tuple[Option, ...]:
    """Return some of the main job's options, for a command that shares them."""
    known = {option.name: option for option in RUN_OPTIONS}
    return tuple(known[name] for name in names)


_OTHER = "what to use"
_RUN_ID = Option(
    name="run", default="best", group=_OTHER, about="the run to register: best, or an MLflow run id"
)
_PREDICT = (
    Option(
        name="model",
        default="models:/phantom@champion",
        group=_OTHER,
        about="a registered model (models:/NAME@champion), or a model's folder",
    ),
    Option(name="images", default="none", group=_OTHER, about="an image or a folder, beside FILE"),
    Option(name="csv", default="-", group=_OTHER, about="the file for the table, - to show it"),
)

_WHICH = Option(
    name="data", default="none", group=_OTHER, about="chest-ct, chest-xray or pneumoniamnist"
)
_JSON = Option(
    name="json", default="none", group=_OTHER, about="write the findings to this file too"
)
_CHECKED = Option(
    name="data",
    default="auto",
    group=_OTHER,
    about="the images the model is tried on; auto is the experiment's own data set",
)
_RANK_ON = Option(
    name="rank_on",
    default="auto",
    group=_OTHER,
    read=choice("auto", "val", "cv"),
    about="what ranks rows: val, cv (answers out of fold), or auto: as the latest benchmark",
)
_PROMOTE = Option(
    name="promote",
    default="no",
    group=_OTHER,
    read=yes_or_no,
    about="yes: make it champion whatever a comparison with the present one says",
)
_SCORED = Option(
    name="data",
    default="none",
    group=_OTHER,
    about="the data set, to note which images are of one patient; none leaves tables as they are",
)
_LOOK = pick(
    *("data", "split", "split_seed", "on_leak", "side", "channels", "fit", "window"),
    *("patient_pattern", "max_unreadable", "cache", "cache_limit"),
)

ENTRY_POINTS: dict[str, tuple[Option, ...]] = {
    "plan": RUN_OPTIONS,
    "leaderboard": (*pick("experiment", "output"), _RANK_ON),
    "register": (*pick("experiment", "register", "cache"), _CHECKED, _RUN_ID, _PROMOTE),
    "rescore": (*pick("experiment", "output", "cache"), _SCORED),
    "predict": _PREDICT,
    "fetch": (_WHICH, *pick("cache")),
    "explore": (*_LOOK, *pick("augmentation", "output")),
    "audit": (*_LOOK, _JSON),
}
"""The options of each command that is an entry point of MLproject beside `main`, which is `run`."""


def options_of(command: str) -> tuple[Option, ...]:
    """Return a command's options."""
    return {"run": RUN_OPTIONS, "cache": pick("cache"), "spaces": (), **ENTRY_POINTS}[command]


def _arguments(command: str, parser: argparse.ArgumentParser) -> None:
    """Add what a command takes beside options."""
    if command == "predict":
        parser.add_argument("inputs", nargs="*", metavar="FILE", help="images, and folders of them")
    if command == "fetch":
        parser.add_argument("names", nargs="*", metavar="NAME", help="data sets, beside --data")
    if command == "spaces":
        parser.add_argument("names", nargs="*", metavar="SPACE", help="names, or .yaml files")
    if command == "cache":
        parser.add_argument(
            "action", nargs="?", default="show", choices=("show", "clear"), help="show or clear"
        )


COMMANDS = {
    "run": "benchmark architectures, rank them and register the winner",
    "plan": "show what run would do, what is done and what it will cost",
    "leaderboard": "rank what an experiment holds",
    "register": "register an experiment's champion by rule, or a run",
    "rescore": "compute the figures of finished runs anew from their tables",
    "predict": "classify images with a registered model",
    "fetch": "bring a published data set to where --data NAME finds it",
    "explore": "draw what a data set looks like, as one page",
    "audit": "show what makes scores on a data set wrong",
    "spaces": "list and check search spaces",
    "cache": "show or clear decoded images and features",
}
