"""What a person asks for: every option read into its value, the preset's in the place of `auto`."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..texts import last_part, printable
from .fields import RUN_OPTIONS, Fields
from .presets import Preset, read_preset, resolve
from .readers import params

if TYPE_CHECKING:
    from ..records import Regime

_DEFAULT_EPOCHS = next(each.default for each in RUN_OPTIONS if each.name == "epochs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Fields):
    """The main job's options, each read into its value; see `Fields`.

    Attributes:
        texts: each option's text as it was given or by default, for MLflow and for digests; a
            number's or flag's is the usual.
        resolved: the same with what the preset says in the place of `auto`.
        entries: requests of some architectures each, where they have options of their own.
    """

    texts: Mapping[str, str]
    resolved: Mapping[str, str]
    entries: tuple["Request", ...] = ()

    @classmethod
    def read(cls, texts: Mapping[str, str], entries: Sequence[Mapping[str, str]] = ()) -> "Request":
        """Read the options' texts, the default where there is none, and those of each entry.

        Raises:
            UsageError: one of them is not of its option's kind.
        """
        own = tuple(cls.read(each) for each in entries)
        if own:
            names = dict.fromkeys(name for each in own for name in each.arch)
            texts = {**texts, "arch": ",".join(names)}
        written = {each.name: texts.get(each.name, each.default) for each in RUN_OPTIONS}
        asked = {each.name: each.value(written[each.name]) for each in RUN_OPTIONS}
        shown = {name: _text(asked[name], text) for name, text in written.items()}
        resolved = resolve(shown, read_preset(asked["preset"]), asked["params"])
        values = asked | _changed(shown, resolved)
        # There is one picture, whatever the presets of entries say.
        own = tuple(replace(each, side=values["side"]) for each in own)
        return cls(texts=shown, resolved=resolved, entries=own, **values)

    def on(self, regime: "Regime", head: str = "") -> "Request":
        """Return it as it holds for networks of a regime, of which its preset may say more.

        A head is named where what is searched asks for it, as a person would.
        """
        given = {**self.given_params, **({"head": head} if head else {})}
        resolved = resolve(self.texts, self.chosen_preset, given, regime)
        return replace(self, resolved=resolved, **_changed(self.resolved, resolved))

    def to_texts(self) -> dict[str, str]:
        """Return every option as it is written on the command line, by its name."""
        entries = {"entries": json.dumps(self.own_texts)} if self.entries else {}
        return {**self.texts, **entries}

    @property
    def own_texts(self) -> list[dict[str, str]]:
        """The texts of each entry's architectures, and of the options it has of its own."""
        return [
            {
                name: text
                for name, text in entry.texts.items()
                if name == "arch" or text != self.texts[name]
            }
            for entry in self.entries
        ]

    @property
    def parts(self) -> tuple["Request", ...]:
        """The entries, or the request itself where it has none."""
        return self.entries or (self,)

    def part_of(self, name: str) -> "Request":
        """Return the first part that asks for an architecture, itself where none does."""
        return next((part for part in self.parts if name in part.arch), self)

    @property
    def chosen_preset(self) -> Preset:
        """What `auto` stands for."""
        return read_preset(self.preset)

    @property
    def further_seconds(self) -> float | None:
        """What training a network further may take; None where epochs are given by hand."""
        is_given = self.texts["epochs"] != _DEFAULT_EPOCHS
        return None if is_given else self.chosen_preset.finetune_seconds

    @property
    def given_params(self) -> Mapping[str, str]:
        """The parameters that a person set; `params` has the preset's beside them."""
        return params(self.texts["params"])

    @property
    def preset_lines(self) -> tuple[str, ...]:
        """A line for each preset in use: what it does, and what was given by hand beside it."""
        lines = []
        for part in self.parts:
            arch = f" ({', '.join(part.arch)})" if self.entries else ""
            by_hand = ", ".join(_by_hand(part.texts))
            beside = f"; given by hand: {by_hand}" if by_hand else ""
            lines.append(f"preset {part.preset}{arch}: {part.chosen_preset.about}{beside}.")
        return tuple(lines)

    @property
    def is_searched(self) -> bool:
        """Whether any parameters are searched for."""
        return any(part.search for part in self.parts)

    @property
    def composites(self) -> tuple[str, ...]:
        """The architectures that are made of others, the one that an option asks for among them."""
        from ..records import Regime
        from ..zoo import ARCHITECTURES, FINETUNED

        further = (FINETUNED,) if self.finetune == "best" else ()
        names = dict.fromkeys((*self.arch, *further))
        return tuple(name for name in names if Regime.COMPOSITE in ARCHITECTURES[name].regimes)

    @property
    def cache_bytes(self) -> int | None:
        """The cache's limit in bytes, None for no limit."""
        return int(self.cache_limit * 2**30) or None

    @property
    def output_folder(self) -> Path:
        """The folder for what a benchmark leaves for people."""
        return Path(self.output)


def _by_hand(texts: Mapping[str, str]) -> Iterator[str]:
    """Return the options that a preset would have set, as they were given."""
    for each in RUN_OPTIONS:
        text = texts[each.name]
        if each.preset and text != each.default:
            shown = last_part(text) if text.endswith((".yaml", ".yml")) else text
            yield printable(f"{each.flag} {shown}")


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, Any]:
    """Return the values of the options whose text is another now."""
    return {
        each.name: each.value(after[each.name])
        for each in RUN_OPTIONS
        if after[each.name] != before[each.name]
    }


def _text(value: object, text: str) -> str:
    """Return the usual text of a flag, a number or seeds, and any words as they were given."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if text[:1].isalpha():  # a word such as cv:5, whatever it was read into
        return text
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, tuple) and all(isinstance(each, int) for each in value):
        return ",".join(map(str, value))
    return text
