"""The parameters of training: which an architecture has, and what values may be given them."""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import replace

from ..data.augmentation import read_policy
from ..errors import UsageError
from ..records import Params, ParamValue, Regime, Tunable
from ..zoo import (
    FINETUNED,
    HEAD,
    LAYERS,
    LOGISTIC,
    PENALTY_GIVEN,
    PENALTY_PATH,
    SCALES,
    Architecture,
)
from .declared import (
    BEHIND_CUT,
    BY_REGIME,
    COMMON,
    DEFAULT_VIEWS,
    LABEL_SMOOTHING,
    LOOP,
    OF_EPOCHS,
    OF_LAYERS,
    OF_LOGISTIC,
    OPTIMIZER,
    OVER_BACKBONES,
    OVER_FEATURES,
    PRECISION,
)


def tunables(
    architecture: Architecture, regime: Regime, head: str = LOGISTIC
) -> tuple[Tunable, ...]:
    """List every parameter that an architecture has when trained in a regime.

    Over a backbone it depends on the head which there are, and what their defaults are.
    """
    own = architecture.tunables
    if architecture.name == FINETUNED:  # all else is as the network has it that it begins from
        return (*BEHIND_CUT, *PRECISION)
    if regime is Regime.COMPOSITE:  # one that trains a head of its own has parameters, and a loop
        return (*own, OPTIMIZER, *LOOP, LABEL_SMOOTHING) if own else ()
    found = (*own, *BY_REGIME[regime])
    if regime not in OVER_BACKBONES:
        return _having_defaults(found, architecture.recipe)
    unread, usual = frozenset({"penalty"}), {**OVER_FEATURES, "head": head}
    if head == LOGISTIC:
        unread = OF_LAYERS | (OF_EPOCHS if regime is Regime.FROZEN else frozenset())
        usual = {**usual, **OF_LOGISTIC}
    return _having_defaults((each for each in found if each.name not in unread), usual)


def _having_defaults(
    found: Iterable[Tunable], usual: Mapping[str, ParamValue]
) -> tuple[Tunable, ...]:
    return tuple(replace(each, default=usual.get(each.name, each.default)) for each in found)


def head_having(names: Iterable[str], architecture: Architecture, regime: Regime) -> str:
    """Return the head that reads parameters: layers only for what nothing else would read."""
    if regime not in OVER_BACKBONES:
        return LOGISTIC
    known, others = (defaults(architecture, regime, head) for head in (LOGISTIC, LAYERS))
    return LAYERS if any(name in others and name not in known for name in names) else LOGISTIC


def defaults(architecture: Architecture, regime: Regime, head: str = LOGISTIC) -> Params:
    """Return every parameter its default."""
    return Params({each.name: each.default for each in tunables(architecture, regime, head)})


def is_logistic(params: Mapping[str, ParamValue]) -> bool:
    """Whether parameters of a network with a backbone are those of a convex head."""
    return params.get("head") == LOGISTIC


def check(values: Mapping[str, ParamValue], architecture: Architecture, regime: Regime) -> Params:
    """Complete some parameters by the defaults; augmentation without views gets some.

    Raises:
        UsageError: a parameter that the architecture does not have, a wrong value, or values
            that do not go together.
    """
    head = str(values.get("head", LOGISTIC))
    known = {each.name: each for each in tunables(architecture, regime, head)}
    for name in values:
        if name not in known:
            raise UsageError(
                f"{architecture.name}, trained {regime}, has no parameter {name!r}"
                f"{other_head(name, architecture, regime, head)}; it has: {', '.join(known)}."
            )
    checked = {name: known[name].check(value) for name, value in values.items()}
    params = defaults(architecture, regime, head).having(checked)
    if "l2" in values and "penalty" in known and "penalty" not in values:
        params = params.having(penalty=PENALTY_GIVEN)
    _check_fresh(params)
    _check_choosing(params, defaults(architecture, regime, head))
    # Written down, so that a run shows and its digest holds what was used.
    views = views_of(params) if "views" in known else 0
    return params.having(views=views) if views else params


def other_head(name: str, architecture: Architecture, regime: Regime, head: str) -> str:
    """Return words on which other head reads a parameter, none where none does."""
    if regime not in OVER_BACKBONES:
        return ""
    other = LAYERS if head == LOGISTIC else LOGISTIC
    known = defaults(architecture, regime, other)
    return (
        f" with head={head}, where nothing would read it (head={other} does)"
        if name in known
        else ""
    )


def _check_choosing(params: Params, usual: Params) -> None:
    """Make sure that somebody chooses where several values are given, or the penalty is to be.

    Raises:
        UsageError: nobody would.
    """
    several = [name for name, value in params.items() if len(among(params, name)) > 1 and value]
    if several and not is_logistic(params):
        named = ", ".join(f"{name}={params[name]}" for name in several)
        raise UsageError(
            f"only a network with head={LOGISTIC} chooses among alternatives, and {named} names "
            "several: name one."
        )
    if params.get("penalty") == PENALTY_PATH and params["l2"] != usual["l2"]:
        raise UsageError(
            f"penalty={PENALTY_PATH} chooses l2 itself, and nothing would read "
            f"l2={params.number('l2'):g}: leave one of the two out."
        )


_MAY_BE_SEVERAL = {each.name: each for each in (SCALES, *HEAD, *COMMON) if each.alternatives}


def among(params: Mapping[str, ParamValue], name: str) -> tuple[str, ...]:
    """Return the values that a parameter may get: those it names where it may name several."""
    if name not in _MAY_BE_SEVERAL:
        return (str(params[name]),)
    return tuple(map(str, _MAY_BE_SEVERAL[name].several(params[name])))


def combinations(params: Params) -> tuple[Params, ...]:
    """Return every combination of the alternatives that parameters name, the first ones first."""
    names = [name for name in _MAY_BE_SEVERAL if name in params]
    chosen = itertools.product(*(among(params, name) for name in names))
    return tuple(params.having(dict(zip(names, each, strict=True))) for each in chosen)


def is_choosing(params: Params) -> bool:
    """Whether anything of a convex head is left to be chosen."""
    return is_logistic(params) and (
        params["penalty"] == PENALTY_PATH or len(combinations(params)) > 1
    )


def policies(params: Params) -> tuple[str, ...]:
    """Return the augmentation policies in use, by their words: one, several, or none."""
    return tuple(each for each in among(params, "augmentation") if read_policy(each).in_use)


def views_of(params: Params) -> int:
    """Return how many augmented views each training image has over a frozen backbone; 0 for none.

    A policy without a number of views would otherwise do nothing there: it means `DEFAULT_VIEWS`.
    """
    return (params.integer("views") or DEFAULT_VIEWS) if policies(params) else 0


def is_fresh(params: Params) -> bool:
    """Say whether fine-tuning's second stage varies its images afresh every epoch."""
    return bool(params.get("fresh_augmentation", False))


def _check_fresh(params: Params) -> None:
    """Make sure that there is something to vary images by, where they are to be varied afresh.

    Raises:
        UsageError: there is no policy.
    """
    if is_fresh(params) and not policies(params):
        raise UsageError(
            "fresh_augmentation needs a policy to vary training images by, and augmentation is "
            f"{params.text('augmentation')!r}: name one, such as ct or xray, or leave "
            "fresh_augmentation out."
        )
