"""EfficientNetV2L: the largest backbone of the zoo; it rescales inside."""

from .keras_applications import published

EFFICIENTNETV2L = published(
    "EfficientNetV2L",
    name="efficientnetv2l",
    family="efficientnet",
    taps=("block5s_add", "block6y_add", "top_activation"),
    cuts=("block7f_add", "block7e_add", "block6y_add"),
)
