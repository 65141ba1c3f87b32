"""What of a request is shown to whoever sees the store, and where this machine has the data set.

A store may be a server's, and its pages are passed on. Of a path only the last part is logged, of
an address no password. Where a data set lies is kept in the cache, which stays on the machine.
"""

import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from ..cache import Cache
from ..data import DATA_SETS
from ..errors import UsageError
from ..records import digest
from ..request import Request
from ..texts import last_part, masked
from ..zoo import split_weights

_PLACES = ("data", "split", "augmentation", "space", "storage", "output", "cache")
_PLACE = "place"  # the cache's entries that say where a data set lies
_FILE = "path.txt"


def shown(request: Request) -> dict[str, str]:
    """Return a request's options as they are logged: no password, and no folders."""
    texts = shown_options(request.texts)
    if request.entries:
        texts["entries"] = json.dumps([shown_options(own) for own in request.own_texts])
    return texts


def shown_options(texts: Mapping[str, str]) -> dict[str, str]:
    """Return options' texts as they are logged, as in `shown`."""
    found = {name: _shown_place(text) if name in _PLACES else text for name, text in texts.items()}
    if "weights" in texts:
        parts = split_weights(texts["weights"])
        found["weights"] = ",".join(
            f"{name}={last_part(place)}" if name else last_part(place) for name, place in parts
        )
    return found


def _shown_place(text: str) -> str:
    if re.fullmatch(r"\d+(?:/\d+)+", text):  # a split's shares
        return text
    scheme, separator, rest = text.partition("://")
    if not separator:
        return last_part(text)
    return f"{scheme}:///{last_part(rest)}" if scheme.startswith("sqlite") else masked(text)


def remember(request: Request, data_digest: str, cache: Cache) -> None:
    """Keep where a data set lies on this machine, for `register` in a later process."""
    place = str(Path(request.data).absolute())
    if not Path(place).exists():  # a name, such as chest-ct
        return
    known = cache.find(_PLACE, digest([data_digest]))
    if known is not None and (known / _FILE).read_text("utf-8", "surrogateescape") != place:
        shutil.rmtree(known)

    def write(folder: Path) -> None:
        (folder / _FILE).write_text(place, "utf-8", "surrogateescape")

    cache.entry(_PLACE, digest([data_digest]), write)


def recall(asked: str, data_digest: str, cache: Cache) -> str:
    """Return what --data was for a benchmark, as it can be read here and now.

    Args:
        asked: the option as it was logged: a name, or a path of which older versions kept all.
        data_digest: the digest of the benchmark's data set.
        cache: where `remember` kept its place.

    Raises:
        UsageError: nobody knows where it lies.
    """
    known = cache.find(_PLACE, digest([data_digest]))
    place = asked if known is None else (known / _FILE).read_text("utf-8", "surrogateescape")
    if asked in DATA_SETS and (known is None or not Path(place).exists()):
        return asked  # and no folder that bears such a name
    if not asked or not Path(place).exists():
        raise UsageError(
            f"where the data set {asked or 'of the experiment'!r} lies is not known to this "
            "cache: name it with --data."
        )
    return place
