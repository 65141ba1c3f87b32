"""VGG16 and VGG19: plain stacks of 3×3 convolutions; a block is a stage."""

from .keras_applications import published

VGG16 = published(
    "VGG16",
    name="vgg16",
    family="vgg",
    taps=("block4_pool", "block5_conv2", "block5_pool"),
    cuts=("block4_pool", "block3_pool", "block4_pool"),
)
VGG19 = published(
    "VGG19",
    name="vgg19",
    family="vgg",
    taps=("block4_pool", "block5_conv3", "block5_pool"),
    cuts=("block4_pool", "block3_pool", "block4_pool"),
)
