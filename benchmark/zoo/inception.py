"""InceptionV3 and its extreme form, Xception."""

from .keras_applications import published

INCEPTIONV3 = published(
    "InceptionV3",
    name="inceptionv3",
    family="inception",
    taps=("mixed7", "mixed8", "mixed10"),
    cuts=("mixed9", "mixed8", "mixed7"),
)

# Xception's additions bear no names of their own: Add#12 ends block 13, Add#11 block 12. Its exit
# flow, the last stage, is the last two blocks.
XCEPTION = published(
    "Xception",
    name="xception",
    family="inception",
    taps=("block13_sepconv1_act", "block14_sepconv1_act", "block14_sepconv2_act"),
    cuts=("Add#12", "Add#11", "Add#11"),
)
