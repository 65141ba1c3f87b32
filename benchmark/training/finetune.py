"""Fine-tuning: the head first, then the backbone behind a cut, over cached activations."""

from ..records import Progress, Spec
from .material import Fitted, Material


def train_finetune(
    spec: Spec, material: Material, progress: Progress, engine: str | None = None
) -> Fitted:
    raise NotImplementedError
