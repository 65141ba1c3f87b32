"""The commands that look at images, spaces and the cache."""

from collections.abc import Mapping

from ..errors import UsageError
from ..request import Request, path, pick, unless
from .parser import Asked, Command, other_option


def _fetch(asked: Asked) -> int:
    from ..jobs import fetch_data

    values = asked.values()
    names = [*asked.words, *([values["data"]] if values["data"] else [])]
    if not names:
        raise UsageError("fetch needs a data set: benchmark fetch chest-ct")
    return fetch_data(names, values["cache"], quiet=asked.quiet)


def _explore(asked: Asked) -> int:
    from ..jobs import explore_data

    return explore_data(Request.read(asked.texts), quiet=asked.quiet)


def _audit(asked: Asked) -> int:
    from ..jobs import audit_data

    values = asked.values()
    return audit_data(
        Request.read(asked.texts), values["json"], values["write_manifest"], quiet=asked.quiet
    )


def _spaces(asked: Asked) -> int:
    from ..jobs import show_spaces

    return show_spaces(asked.words)


def _cache(asked: Asked) -> int:
    from ..jobs import show_cache

    action = " ".join(asked.words) or "show"
    if action not in ("show", "clear"):
        raise UsageError(f"invalid choice: {action!r}; cache takes show or clear.")
    return show_cache(asked.values()["cache"], clear=action == "clear")


_LOOK = pick(
    *("data", "split", "split_seed", "on_leak", "side", "channels", "fit", "window"),
    *("patient_pattern", "columns", "ignore", "classes", "one_label"),
    *("max_unreadable", "cache", "cache_limit"),
)

DATA_SETS: Mapping[str, Command] = {
    "fetch": Command(
        about="bring a published data set to where --data NAME finds it",
        do=_fetch,
        words=("NAME", "data sets, beside --data"),
        options=(
            other_option("data", "none", "chest-ct, chest-xray or pneumoniamnist", unless("none")),
            *pick("cache"),
        ),
    ),
    "explore": Command(
        about="draw what a data set looks like, as one page",
        do=_explore,
        options=(*_LOOK, *pick("augmentation", "output")),
    ),
    "audit": Command(
        about="show what makes scores on a data set wrong",
        do=_audit,
        options=(
            *_LOOK,
            other_option(
                "json", "none", "write the findings to this file too", unless("none", path)
            ),
            other_option(
                "write_manifest",
                "none",
                "write what was understood to this .csv, to be mended by hand and read by --data",
                unless("none", path),
            ),
        ),
    ),
    "spaces": Command(
        about="list and check search spaces",
        do=_spaces,
        words=("SPACE", "names, or .yaml files"),
        is_entry_point=False,
    ),
    "cache": Command(
        about="show or clear decoded images and features",
        do=_cache,
        words=("ACTION", "show or clear [show]"),
        options=pick("cache"),
        is_entry_point=False,
    ),
}
"""Their table, in the order of help."""
