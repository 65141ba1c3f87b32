"""DenseNet121: every layer of a block sees the outputs of all before it."""

from .keras_applications import published

DENSENET121 = published(
    "DenseNet121",
    name="densenet121",
    family="densenet",
    taps=("pool4_relu", "conv5_block8_concat", "relu"),
    cuts=("conv5_block15_concat", "conv5_block14_concat", "pool4_pool"),
)
