"""ResNet50: residual blocks."""

from .keras_applications import published

RESNET50 = published(
    "ResNet50",
    name="resnet50",
    family="resnet",
    taps=("conv4_block6_out", "conv5_block2_out", "conv5_block3_out"),
    cuts=("conv5_block2_out", "conv5_block1_out", "conv4_block6_out"),
)
