"""Every parameter of an architecture's run: its defaults, and what a person set."""

from collections.abc import Iterable

from ..data import read_policy
from ..errors import UsageError
from ..records import Index, Params, ParamValue, Regime
from ..training import check, class_weights, defaults, tunables
from ..zoo import Architecture
from .request import Request

# Parameters with an option of their own.
_OWN_OPTION = ("batch", "class_weight", "augmentation", "views")


def params_for(
    request: Request, architecture: Architecture, regime: Regime, index: Index
) -> Params:
    """Return every parameter: the defaults, with what the request sets where it applies.

    Raises:
        UsageError: a value that a parameter cannot have.
    """
    known = {each.name: each for each in tunables(architecture, regime)}
    asked: dict[str, ParamValue] = {
        "batch": request.batch,
        "class_weight": request.class_weight,
        "augmentation": _policy_text(request.augmentation),
        "views": request.views,
    }
    class_weights(request.class_weight, index.classes, index.labels)
    applicable = {name: value for name, value in asked.items() if name in known}
    applicable |= {
        name: known[name].read(text)
        for name, text in read_params(request.params).items()
        if name in known
    }
    return check(applicable, architecture, regime)


def read_params(words: str) -> dict[str, str]:
    """Read `--params`: `none`, or `pooling=avg+max,l2=0.01`.

    Raises:
        UsageError: not pairs of names and values, a name twice, or one with an own option.
    """
    found: dict[str, str] = {}
    for pair in [] if words == "none" else words.split(","):
        name, _, value = (word.strip() for word in pair.partition("="))
        if not (name and value) or name in found:
            raise UsageError(
                f"--params must be none or NAME=VALUE,... with each name once; got {pair!r} in "
                f"{words!r}."
            )
        if name in _OWN_OPTION:
            option = "--" + name.replace("_", "-")
            raise UsageError(f"--params {pair} has an option of its own: {option} {value}.")
        found[name] = value
    return found


def check_known(words: str, architectures: Iterable[tuple[Architecture, Regime]]) -> None:
    """Check that each parameter set belongs to at least one of the architectures.

    Raises:
        UsageError: one that none of them has.
    """
    known = {
        architecture.name: (regime, [*defaults(architecture, regime)])
        for architecture, regime in architectures
    }
    for name in read_params(words):
        if all(name not in own for _, own in known.values()):
            first, (regime, own) = next(iter(known.items()))
            left = [each for each in own if each not in _OWN_OPTION]
            raise UsageError(
                f"--params {name}: no architecture asked for has this parameter. {first}, "
                f"{regime}, has: {', '.join(left) or 'none'}."
            )


def _policy_text(word: str) -> str:
    """Return a policy's name, or its text where it is in a file: the spec holds what it does."""
    policy = read_policy(word)
    return policy.text if word.endswith((".yaml", ".yml")) else word
