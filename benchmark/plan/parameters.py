"""Every parameter of an architecture's run: its defaults, and what a person set."""

from collections.abc import Iterable

from ..errors import UsageError
from ..records import Index, Params, ParamValue, Regime
from ..request import OWN_OPTION, Request
from ..training import among, check, class_weights, defaults, head_having, other_head, tunables
from ..zoo import LOGISTIC, Architecture
from .spaces import space_for


def params_for(
    request: Request, architecture: Architecture, regime: Regime, index: Index
) -> Params:
    """Return every parameter: the defaults, with what the request sets where it applies.

    Raises:
        UsageError: a value that a parameter cannot have.
    """
    for words in among({"class_weight": request.class_weight}, "class_weight"):
        class_weights(words, index.classes, index.labels)
    return read_params(request, architecture, regime)


def read_params(request: Request, architecture: Architecture, regime: Regime) -> Params:
    """Return every parameter as `params_for`, unchecked against the classes of any images.

    Raises:
        UsageError: a value that a parameter cannot have.
    """
    head = head_of(request, architecture, regime)
    if head != LOGISTIC:  # it chooses among nothing, whether a person or a space asks for it
        request = request.on(regime, head)
    known = {each.name: each for each in tunables(architecture, regime, head)}
    asked: dict[str, ParamValue] = {
        "batch": request.batch,
        "class_weight": request.class_weight,
        "augmentation": _policy_text(request),
        "views": request.views,
        "head": head,
    }
    applicable = {name: value for name, value in asked.items() if name in known}
    applicable |= {
        name: known[name].read(text) for name, text in request.params.items() if name in known
    }
    return check(applicable, architecture, regime)


def head_of(request: Request, architecture: Architecture, regime: Regime) -> str:
    """Return the head over a backbone: that asked for, else one that reads what is searched."""
    space = space_for(request, architecture, regime)
    searched = [each.name for each in space.parameters] if space else []
    return request.params.get("head") or head_having(searched, architecture, regime)


def check_known(request: Request, architectures: Iterable[tuple[Architecture, Regime]]) -> None:
    """Check that each parameter set belongs to at least one of the architectures.

    Raises:
        UsageError: one that none of them has.
    """
    known = {
        architecture.name: (regime, head_of(request, architecture, regime), architecture)
        for architecture, regime in architectures
    }
    own = {name: [*defaults(each, regime, head)] for name, (regime, head, each) in known.items()}
    for name in request.given_params:
        if any(name in each for each in own.values()):
            continue
        first, (regime, head, architecture) = next(iter(known.items()))
        left = [each for each in own[first] if each not in OWN_OPTION]
        raise UsageError(
            f"--params {name}: no architecture asked for has this parameter"
            f"{other_head(name, architecture, regime, head)}. {first}, {regime}, has: "
            f"{', '.join(left) or 'none'}."
        )


def _policy_text(request: Request) -> str:
    """Return a policy's words, or its text where it is in a file: the spec holds what it does."""
    words = request.resolved["augmentation"]
    return request.augmentation.text if words.endswith((".yaml", ".yml")) else words
