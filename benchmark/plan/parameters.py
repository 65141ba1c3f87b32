"""Every parameter of an architecture's run: its defaults, and what a person set."""

from collections.abc import Iterable, Mapping

from ..errors import UsageError
from ..records import Index, Params, ParamValue, Regime
from ..request import OWN_OPTION, Request
from ..training import check, class_weights, defaults, tunables
from ..zoo import Architecture


def params_for(
    request: Request, architecture: Architecture, regime: Regime, index: Index
) -> Params:
    """Return every parameter: the defaults, with what the request sets where it applies.

    Raises:
        UsageError: a value that a parameter cannot have.
    """
    class_weights(request.class_weight, index.classes, index.labels)
    return read_params(request, architecture, regime)


def read_params(request: Request, architecture: Architecture, regime: Regime) -> Params:
    """Return every parameter as `params_for`, unchecked against the classes of any images.

    Raises:
        UsageError: a value that a parameter cannot have.
    """
    known = {each.name: each for each in tunables(architecture, regime)}
    asked: dict[str, ParamValue] = {
        "batch": request.batch,
        "class_weight": request.class_weight,
        "augmentation": _policy_text(request),
        "views": request.views,
    }
    applicable = {name: value for name, value in asked.items() if name in known}
    applicable |= {
        name: known[name].read(text) for name, text in request.params.items() if name in known
    }
    return check(applicable, architecture, regime)


def check_known(
    params: Mapping[str, str], architectures: Iterable[tuple[Architecture, Regime]]
) -> None:
    """Check that each parameter set belongs to at least one of the architectures.

    Raises:
        UsageError: one that none of them has.
    """
    known = {
        architecture.name: (regime, [*defaults(architecture, regime)])
        for architecture, regime in architectures
    }
    for name in params:
        if all(name not in own for _, own in known.values()):
            first, (regime, own) = next(iter(known.items()))
            left = [each for each in own if each not in OWN_OPTION]
            raise UsageError(
                f"--params {name}: no architecture asked for has this parameter. {first}, "
                f"{regime}, has: {', '.join(left) or 'none'}."
            )


def _policy_text(request: Request) -> str:
    """Return a policy's words, or its text where it is in a file: the spec holds what it does."""
    words = request.resolved["augmentation"]
    return request.augmentation.text if words.endswith((".yaml", ".yml")) else words
