"""The champion that is meant where a person names no model: the only one there is to mean."""

from ..errors import UsageError
from . import names
from .aliases import CHAMPION, Version, Versions
from .store import open_registry


def only_champion() -> str:
    """Return the address of the only champion that was trained on real images.

    Raises:
        UsageError: there is none, or more than one; the message has their names.
        StoreError: there is no store, or it does not answer.
    """
    versions = Versions(open_registry())
    found = {name: versions.find(name, CHAMPION) for name in versions.names()}
    real = [name for name, version in found.items() if version and not _is_synthetic(version)]
    if len(real) == 1:
        return f"models:/{real[0]}@{CHAMPION}"
    held = ", ".join(_said(name, version) for name, version in found.items()) or "no model at all"
    example = real[0] if real else next(iter(found), "NAME")
    raise UsageError(
        f"--model must name one, such as models:/{example}@{CHAMPION}: only where the store holds "
        f"one champion that was trained on real images, it may be left out, and there is {held}."
    )


def _is_synthetic(version: Version) -> bool:
    """Whether a version was trained on images that a program drew; old ones name the set only."""
    told = version.tags.get(names.SYNTHETIC)
    return told == "true" if told else version.tags.get("data") == "phantom"


def _said(name: str, version: Version | None) -> str:
    if version is None:
        return f"{name} (no champion)"
    return f"{name} (SYNTHETIC)" if _is_synthetic(version) else name
