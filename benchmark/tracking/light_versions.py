"""A further version of a registered run that needs neither TensorFlow nor Keras.

Its alias is that of the full version and `-light`: `champion-light` is the champion's network, or
there is no such alias. Whatever moves or removes an alias calls `drop_stale`.
"""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..files import file_digest
from ..records import Record
from ..serving import DATA, GRAPH_FILE, NETWORK_FILE, WEIGHTS_FILE, Card
from . import names
from .models import log_light
from .pulling import kept_model
from .store import TrackingStore

if TYPE_CHECKING:
    from .aliases import Version, Versions
    from .registry import ModelRegistry, Registration

Convert = Callable[[Path, Path], None]
"""From the path of `model.keras` to a folder in which it leaves `model.xml` and `model.bin`."""

_ALIASES = ("champion", "candidate")


def light_alias(alias: str) -> str:
    """Return the alias of the light version beside that of an alias."""
    return f"{alias}-light"


def register_light(
    store: TrackingStore,
    registry: "ModelRegistry",
    record: Record,
    wanted: "Registration",
    convert: Convert,
) -> "Version":
    """Register a run's network once more as a light model, tried as every other.

    A light version that has the alias already is left as it is.

    Args:
        store: where the run is.
        registry: its registered models.
        record: the run, whose model is registered.
        wanted: the light version's alias, tags and description, and the recorded probabilities.
        convert: what makes the light network.

    Raises:
        PromotionError: the light model does not give the recorded probabilities, or it does not
            load without TensorFlow and Keras; the alias stays where it was.
        StoreError: the run's own model was changed, or is gone.
    """
    present = registry.find(wanted.name, wanted.alias)
    if present is not None and present.run_id == record.run_id:
        return present
    full = kept_model(store, record.model_id).fetch(store) / DATA
    with tempfile.TemporaryDirectory(prefix="benchmark-light-") as work:
        folder = Path(work) / "network"
        folder.mkdir()
        convert(full / NETWORK_FILE, folder)
        card = replace(
            Card.read(full),
            sha256=file_digest(folder / WEIGHTS_FILE),
            graph_sha256=file_digest(folder / GRAPH_FILE),
        )
        model_id = log_light(store, record, folder, card)
    tags = {**wanted.tags, names.FLAVOUR: "openvino"}
    return registry.register(replace(record, model_id=model_id), replace(wanted, tags=tags))


def drop_stale(store: TrackingStore, registry: "Versions", name: str) -> None:
    """Take the alias from a light version that is not of the run that has the full one's alias."""
    for alias in _ALIASES:
        full, light = registry.find(name, alias), registry.find(name, light_alias(alias))
        if light is not None and (full is None or full.run_id != light.run_id):
            store.client.delete_registered_model_alias(name, light.alias)
