"""ConvNeXtTiny: a convolutional network in the shape of a vision transformer."""

from .keras_applications import published

# Its residual additions bear no names: 3 + 3 + 9 + 3 blocks, so Add#15 ends the third stage.
CONVNEXTTINY = published(
    "ConvNeXtTiny",
    name="convnexttiny",
    family="convnext",
    taps=("Add#15", "Add#17", "end"),
    cuts=("Add#17", "Add#16", "Add#15"),
)
