"""The best frozen network trained further behind a cut, once it is known which one that is."""

from collections.abc import Callable
from dataclasses import replace

from ..errors import UsageError
from ..records import Probabilities, Progress, Regime, Silent, Spec
from ..zoo import ARCHITECTURES, FINETUNED, LOGISTIC
from .material import Fitted, Material, Member
from .tunables import defaults
from .whole_networks import train_finetune

Choose = Callable[[Material], Spec]


def train_further(
    spec: Spec, material: Material, progress: Progress, engine: str | None = None
) -> Fitted:
    """Fine-tune a frozen network from its own scales, features and head.

    Its head is fitted again over the features that are kept, which gives the same one; the network
    that results is no worse than that on what is monitored.

    Args:
        spec: the cut, and how the layers behind it are trained.
        material: with the one member, and the weights of its backbone.
        progress: told of stages and epochs.
        engine: in place of the member's engine.

    Raises:
        UsageError: there is no member.
    """
    member = _member(material)
    fitted = train_finetune(further(spec, member.spec), material, progress, engine)
    facts = {**fitted.facts, "members": member.arch}
    return replace(fitted, facts=facts, params=None, tried=())


def further_in_fold(
    spec: Spec, fold: Material, engine: str | None = None, choose: Choose | None = None
) -> Probabilities:
    """Return what the images held out of a fold are told by a network made in it from the start.

    The frozen network is chosen and fitted anew on what the fold may learn from, and then
    fine-tuned on it. The arguments are those of `answer_out_of_fold`.
    """
    asked = _member(fold).asked if choose is None else choose(fold)
    return train_finetune(further(spec, asked), fold, Silent(), engine).test


def further(spec: Spec, frozen: Spec) -> Spec:
    """Return the recipe of a frozen network and, behind it, of its fine-tuning.

    Args:
        spec: of the composite: what it says of a parameter counts for both stages.
        frozen: of the network that it begins from.
    """
    head = str(frozen.params.get("head", LOGISTIC))
    usual = defaults(ARCHITECTURES[frozen.arch], Regime.FINETUNE, head)
    return replace(
        frozen,
        regime=Regime.FINETUNE,
        params=usual.having(frozen.params).having(spec.params),
        epochs=spec.epochs,
        patience=spec.patience,
        search=None,
    )


def _member(material: Material) -> Member:
    if not material.members:
        raise UsageError(f"{FINETUNED} needs a finished frozen network, and there is none.")
    return material.members[0]
