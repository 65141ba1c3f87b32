"""Varies training images, and only those, by the policy that a spec names."""

import numpy as np
import numpy.typing as npt

from ..records import Rows, Spec
from ..seeds import derive
from .inputs import Vary
from .material import Material


def variation(spec: Spec, material: Material) -> Vary | None:
    """Give what varies a batch of training images afresh every epoch, None for nothing."""
    if spec.params.text("augmentation") == "none":
        return None
    from ..data import augment, read_policy

    policy = read_policy(spec.params.text("augmentation"))
    hashes = material.pixels.hashes
    seed = derive(spec.seed, "augmentation")

    def vary(images: npt.NDArray[np.uint8], rows: Rows, epoch: int) -> npt.NDArray[np.uint8]:
        return augment(images, policy, seed, [hashes[row] for row in rows.tolist()], epoch)

    return vary
