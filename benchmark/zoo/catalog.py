"""The list of all architectures, in the order in which they are shown and selected."""

from ..catalog import Catalog
from .architecture import Architecture
from .cnn import CNN
from .composites import CHAINED, ENSEMBLE, STACKED, WEIGHTED_ENSEMBLE
from .convnext import CONVNEXTTINY
from .densenet import DENSENET121
from .efficientnet import EFFICIENTNETV2L
from .floor import PRIOR
from .inception import INCEPTIONV3, XCEPTION
from .keras_applications import make_published
from .mlp import MLP
from .mobilenet import MOBILENETV2
from .resnet import RESNET50
from .vgg import VGG16, VGG19

ARCHITECTURES: Catalog[Architecture] = Catalog(
    "architecture",
    [
        (each.name, each)
        for each in (
            PRIOR,
            MLP,
            CNN,
            MOBILENETV2,
            DENSENET121,
            RESNET50,
            INCEPTIONV3,
            XCEPTION,
            VGG16,
            VGG19,
            CONVNEXTTINY,
            EFFICIENTNETV2L,
            ENSEMBLE,
            WEIGHTED_ENSEMBLE,
            STACKED,
            CHAINED,
        )
    ],
    make=make_published,
)
