"""MobileNetV2: inverted residuals; the quickest of the ImageNet backbones."""

from .keras_applications import published

# The 224 px weights serve every side. Keras itself loads those trained at 96, 128, ... when the
# side happens to be one of these, so that the features would jump from side to side.
MOBILENETV2 = published(
    "MobileNetV2",
    name="mobilenetv2",
    family="mobilenet",
    taps=("block_12_add", "block_15_add", "out_relu"),
    cuts=("block_15_add", "block_14_add", "block_12_add"),
)
