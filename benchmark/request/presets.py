"""Presets: what `auto` stands for, a YAML file each.

A file holds what the preset does in a clause (`about`), texts of options, and more of them for
networks of one regime; and how long larger sides may take (`larger_sides_minutes`), and training a
network further (`finetune_minutes`, for which no bound is the default).

```yaml
about: features at the side that the images fill, no search
larger_sides_minutes: 2
side: fill
search: none
scratch:
  augmentation: ct
```
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import UsageError, did_you_mean
from ..plain_yaml import read_yaml
from .option import AUTO, as_text

if TYPE_CHECKING:
    from ..records import Regime

_FOLDER = Path(__file__).parents[1] / "configs"
_CHOOSES = "logistic"  # the head whose run does


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """What `auto` stands for.

    Attributes:
        about: what it does, in a clause.
        texts: of options, by name.
        of_regimes: further texts of options, by the regime of the networks that they are for.
        larger_sides_seconds: what a network's passes at sides larger than its own may take.
        finetune_seconds: what training a network further may take, None for no bound.
    """

    about: str
    texts: Mapping[str, str]
    of_regimes: Mapping[str, Mapping[str, str]]
    larger_sides_seconds: float
    finetune_seconds: float | None = None

    def says(self, regime: "Regime | None") -> dict[str, str]:
        """Return its texts, for networks of a regime or for any."""
        more = self.of_regimes.get(regime, {}) if regime else {}
        return {**self.texts, **more}


def preset_names() -> tuple[str, ...]:
    """Return the presets there are."""
    return tuple(sorted(each.stem for each in _FOLDER.glob("*.yaml")))


def known_preset(name: str) -> str:
    """Read a preset's name.

    Raises:
        UsageError: there is none of that name.
    """
    if name not in preset_names():
        raise UsageError(f"no preset named {name!r}. {did_you_mean(name, preset_names())}")
    return name


@cache
def read_preset(name: str) -> Preset:
    """Return a preset by its name."""
    values: dict[str, Any] = read_yaml(_FOLDER / f"{name}.yaml", "a preset")
    about, minutes = values.pop("about"), values.pop("larger_sides_minutes")
    further = values.pop("finetune_minutes", None)
    regimes = [key for key in values if isinstance(values[key], dict) and key != "params"]
    return Preset(
        about=about,
        of_regimes={regime: _texts(values.pop(regime)) for regime in regimes},
        texts=_texts(values),
        larger_sides_seconds=60 * minutes,
        finetune_seconds=further and 60 * further,
    )


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: as_text(name, value) for name, value in values.items()}


def resolve(
    texts: Mapping[str, str],
    preset: Preset,
    given: Mapping[str, str],
    regime: "Regime | None" = None,
) -> dict[str, str]:
    """Return options' texts with what a preset says in the place of `auto`.

    Parameters are joined by name: one that is given beats the preset's. Where a head is asked for
    that chooses nothing, the first of several values that a preset has the run choose from stands.

    Args:
        texts: each option's text.
        preset: the preset.
        given: the parameters among the texts.
        regime: of the networks that the options are for; None for what holds for any.
    """
    from .readers import params

    says = preset.says(regime)
    own = params(says.pop("params", "none"))
    if given.get("head", _CHOOSES) != _CHOOSES:
        says, own = _first(says), _first(own)
    found = {name: says.get(name, AUTO) if text == AUTO else text for name, text in texts.items()}
    joined = ",".join(f"{name}={text}" for name, text in {**own, **given}.items())
    return {**found, "params": joined or "none"}


def _first(texts: Mapping[str, str]) -> dict[str, str]:
    from ..training import among

    return {name: str(among(texts, name)[0]) for name in texts}
