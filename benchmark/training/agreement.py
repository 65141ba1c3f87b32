"""Whether two engines give the same features: to a head, which reads them standardised.

Three figures, since each misses what another sees. A cosine sees an image's features as a whole,
in which large ones drown small ones. Of nearest class means few images lie near the border. Errors
in units of each feature's own deviation are what a head adds up: random VGG16 features in bf16
have a cosine of 0.99999 with the reference's, and yet errors of a tenth of a deviation, which
moved probabilities by more than 0.02.
"""

import numpy as np
import numpy.typing as npt

from ..zoo import floor_variance

Features = npt.NDArray[np.float32]

COSINE = 0.9995  # the least agreement of one image's features with the reference's
AGREEMENT = 0.995  # the least share of probe images with the same nearest class mean
# The most root mean square error of features in their deviations over the probe images. chosen
# from measurements: ConvNeXtTiny in bf16 has 0.02, and Xception, VGG16 and VGG19 have 0.07 to 0.1;
# all moved probabilities by more than the 0.02 that a finished network is held to.
ERROR = 0.015


def agree(reference: Features, other: Features, labels: npt.NDArray[np.int64]) -> tuple[bool, str]:
    """Return whether two (p, D) feature matrices give the same answers, and in what figures.

    The least cosine over the images must reach `COSINE`; the nearest class mean (of the
    reference's features, by Euclidean distance) must be the same for `AGREEMENT` of them; the
    standardised error must not exceed `ERROR`.
    """
    lengths = np.linalg.norm(reference, axis=1) * np.linalg.norm(other, axis=1)
    products = np.einsum("ij,ij->i", reference, other)
    cosine = float(np.min(products / np.maximum(lengths, 1e-30)))
    classes = np.unique(labels)
    means = np.stack([reference[labels == each].mean(axis=0) for each in classes])
    same = float(np.mean(_nearest(reference, means) == _nearest(other, means)))
    error = standardised_error(reference, other)
    text = (
        f"least cosine {cosine:.6f}, same nearest class mean {same:.4f}, "
        f"error {error:.2g} deviations, {len(labels)} images"
    )
    return bool(cosine >= COSINE and same >= AGREEMENT and error <= ERROR), text


def standardised_error(reference: Features, other: Features) -> float:
    """Return the root mean square of (p, D) errors in units of each feature's deviation over p."""
    variance = floor_variance(reference.var(axis=0))
    return float(np.sqrt(np.mean((other - reference) ** 2 / variance)))


def _nearest(features: Features, means: Features) -> npt.NDArray[np.int64]:
    distances = [np.linalg.norm(features - mean, axis=1) for mean in means]
    nearest: npt.NDArray[np.int64] = np.argmin(distances, axis=0)
    return nearest
