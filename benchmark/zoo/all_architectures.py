"""The list of all architectures, in the order in which they are shown and selected."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from ..catalog import Catalog
from . import own
from .architecture import Architecture
from .composites import COMPOSITES, FINETUNED
from .keras_applications import PUBLISHED, make_published


def _own() -> Iterator[Architecture]:
    """Yield the `ARCHITECTURE` of every module in `own/`."""
    for module in iter_modules(own.__path__, f"{own.__name__}."):
        yield import_module(module.name).ARCHITECTURE


ARCHITECTURES: Catalog[Architecture] = Catalog(
    "architecture",
    [
        (each.name, each)
        for each in (
            *sorted(_own(), key=lambda each: each.parameters),
            *PUBLISHED,
            *COMPOSITES,
        )
    ],
    make=make_published,
    aside=(FINETUNED,),
)
