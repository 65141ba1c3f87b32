"""The networks of `keras.applications` as architectures.

`PUBLISHED` are in the catalog by name, the others as `keras:<ClassName>`.
"""

from ..records import Regime
from .architecture import Architecture, Cut, Preprocessing, WeightFile
from .head import HEAD, TINY_HEAD
from .keras_table import CLASSES, MODULES, PREFIX, RADIMAGENET

_STORE = "https://storage.googleapis.com/"


def _radimagenet(keras_class: str) -> tuple[WeightFile, ...]:
    if keras_class not in RADIMAGENET:
        return ()
    file = WeightFile(
        name=RADIMAGENET[keras_class],
        url="https://github.com/BMEII-AI/RadImageNet",
        published_hash="",
        publisher="RadImageNet",
        preprocessing=Preprocessing.RADIMAGENET,
    )
    return (file,)


def _published(
    keras_class: str,
    *,
    name: str = "",
    family: str = "",
    taps: tuple[str, ...] = ("end",),
    cuts: tuple[str, str, str] = ("~0.95", "~0.90", "~0.75"),
) -> Architecture:
    """Return the architecture of a class in `keras.applications`.

    Args:
        keras_class: the class's exact name.
        name: its name in the catalog, `keras:<ClassName>` by default.
        family: its family, the Keras module by default.
        taps: where features are taken, the end alone by default.
        cuts: layers behind which the last block, the last two blocks and the last stage stand;
            by default found in the network's graph.
    """
    row = CLASSES[PREFIX + keras_class]
    module = MODULES[row.module]
    file = row.file.format(keras_class.lower())
    names = ("last-block", "last-two-blocks", "last-stage")
    return Architecture(
        name=name or PREFIX + keras_class,
        family=family or row.module,
        regimes=(Regime.FROZEN, Regime.FINETUNE),
        native_side_px=row.native_side_px,
        smallest_side_px=module.smallest_side_px,
        preprocessing=module.preprocessing,
        keras_class=keras_class,
        taps=taps,
        cuts=tuple(Cut(name=each, layer=at) for each, at in zip(names, cuts, strict=True)),
        explained=taps,
        weight_file=WeightFile(
            name=file,
            url=_STORE + module.folder + (row.file_in_url or file),
            published_hash=row.published_hash,
        ),
        further_weights=_radimagenet(keras_class),
        parameters=row.parameters,
        gflops=row.gflops,
        reference=module.reference,
        doi=module.doi,
        tunables=HEAD,
        tiny=TINY_HEAD,
    )


PUBLISHED = (
    # The 224 px weights serve every side. Keras itself loads those trained at 96, 128, ... when the
    # side happens to be one of these, so that the features would jump from side to side.
    _published(
        "MobileNetV2",
        name="mobilenetv2",
        family="mobilenet",
        taps=("block_12_add", "block_15_add", "out_relu"),
        cuts=("block_15_add", "block_14_add", "block_12_add"),
    ),
    _published(
        "DenseNet121",
        name="densenet121",
        family="densenet",
        taps=("pool4_relu", "conv5_block8_concat", "relu"),
        cuts=("conv5_block15_concat", "conv5_block14_concat", "pool4_pool"),
    ),
    _published(
        "ResNet50",
        name="resnet50",
        family="resnet",
        taps=("conv4_block6_out", "conv5_block2_out", "conv5_block3_out"),
        cuts=("conv5_block2_out", "conv5_block1_out", "conv4_block6_out"),
    ),
    _published(
        "InceptionV3",
        name="inceptionv3",
        family="inception",
        taps=("mixed7", "mixed8", "mixed10"),
        cuts=("mixed9", "mixed8", "mixed7"),
    ),
    # Its additions bear no names of their own: Add#12 ends block 13, Add#11 block 12. Its exit
    # flow, the last stage, is the last two blocks.
    _published(
        "Xception",
        name="xception",
        family="inception",
        taps=("block13_sepconv1_act", "block14_sepconv1_act", "block14_sepconv2_act"),
        cuts=("Add#12", "Add#11", "Add#11"),
    ),
    # A plain stack of convolutions, as is VGG19: a block is a stage.
    _published(
        "VGG16",
        name="vgg16",
        family="vgg",
        taps=("block4_pool", "block5_conv2", "block5_pool"),
        cuts=("block4_pool", "block3_pool", "block4_pool"),
    ),
    _published(
        "VGG19",
        name="vgg19",
        family="vgg",
        taps=("block4_pool", "block5_conv3", "block5_pool"),
        cuts=("block4_pool", "block3_pool", "block4_pool"),
    ),
    # Its additions bear no names either: 3 + 3 + 9 + 3 blocks, so Add#15 ends the third stage.
    _published(
        "ConvNeXtTiny",
        name="convnexttiny",
        family="convnext",
        taps=("Add#15", "Add#17", "end"),
        cuts=("Add#17", "Add#16", "Add#15"),
    ),
    _published(
        "EfficientNetV2L",
        name="efficientnetv2l",
        family="efficientnet",
        taps=("block5s_add", "block6y_add", "top_activation"),
        cuts=("block7f_add", "block7e_add", "block6y_add"),
    ),
)


def make_published(name: str) -> Architecture | None:
    """Return the architecture named `keras:<ClassName>`, None for a name without that prefix.

    Raises:
        UsageError: `keras.applications` has no such class; the message names the nearest.
    """
    return _published(CLASSES[name].keras_class) if name.startswith(PREFIX) else None
