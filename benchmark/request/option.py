"""One option: a name, a default, its help, and how its text is read, once, where it enters."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, dataclass, field
from functools import partial
from typing import Any

from ..errors import UsageError

Read = Callable[[str], Any]
AUTO = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option: its text is read by `read`, which raises `UsageError` with what must hold.

    Attributes:
        name: its name in Python, in YAML and in MLproject.
        default: its text where none is given.
        about: its help, in a line.
        group: the heading it stands under.
        read: reads its text.
        is_own: whether an entry of a configuration may have its own.
        preset: whether a preset may set it: `auto`, which it is by default, is the preset's then.
    """

    name: str
    default: str
    about: str
    group: str
    read: Read = str
    is_own: bool = False
    preset: bool = False

    @property
    def flag(self) -> str:
        """The option as written on the command line."""
        return "--" + self.name.replace("_", "-")

    def value(self, text: str) -> Any:
        """Read the option's text; None is what a preset has yet to say.

        Raises:
            UsageError: the text is not of the option's kind; the message names the option.
        """
        if self.preset and text == AUTO:
            return None
        try:
            return self.read(text)
        except UsageError as error:
            is_unnamed = str(error).startswith("must ")
            raise UsageError(f"{self.flag} {error}" if is_unnamed else str(error)) from None


def option(
    default: str,
    about: str,
    read: Read = str,
    *,
    group: str,
    own: bool = False,
    preset: bool = False,
) -> Any:
    """Return a dataclass field that is an option; see `Option`."""
    kept = {"default": default, "about": about, "read": read, "group": group}
    return field(metadata={**kept, "is_own": own, "preset": preset})


what_option = partial(option, group="what is run")
training_option = partial(option, group="training", own=True)
search_option = partial(option, group="searching", own=True)
judge_option = partial(option, group="judging")
where_option = partial(option, group="where and how")


def options_in(fields: Iterable[Field[Any]]) -> tuple[Option, ...]:
    """Return the options among a dataclass's fields, in their order."""
    return tuple(Option(name=item.name, **item.metadata) for item in fields if item.metadata)


def read_values(options: Iterable[Option], texts: Mapping[str, str]) -> dict[str, Any]:
    """Read each option's text, its default where it has none.

    Raises:
        UsageError: one of them is not of its option's kind.
    """
    return {each.name: each.value(texts.get(each.name, each.default)) for each in options}


def as_text(name: str, value: object) -> str:
    """Return a plain value of YAML as it is written on the command line.

    Raises:
        UsageError: it is of no kind that an option's text can have; the message has the name.
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str | int | float):
        return str(value)
    if isinstance(value, list) and value:
        return ",".join(as_text(name, each) for each in value)
    if isinstance(value, dict) and value:
        return ",".join(f"{key}={as_text(name, each)}" for key, each in value.items())
    raise UsageError(f"{name} must be a text, a number, yes or no, or a list, not {value!r}.")
