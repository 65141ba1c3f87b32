"""Every network of `keras.applications`: its figures, and where its weights are.

Figures and hashes are those of Keras 3.15's source; a test holds the table to the Keras that is
installed. Hashes are of the file without the top.
"""

from typing import NamedTuple

from ..catalog import Catalog
from .architecture import Preprocessing

PREFIX = "keras:"


class _Module(NamedTuple):
    """What the networks of a module of `keras.applications` have in common."""

    preprocessing: Preprocessing
    folder: str
    reference: str
    doi: str
    smallest_side_px: int = 32


class _Row(NamedTuple):
    """A network: its figures at its native side, and its file of weights."""

    keras_class: str
    module: str
    native_side_px: int
    parameters: int
    gflops: float
    published_hash: str
    file: str = "{}_weights_tf_dim_ordering_tf_kernels_notop.h5"  # {}: the class, in small letters
    file_in_url: str = ""


# fmt: off
MODULES: dict[str, _Module] = {
    "convnext": _Module(
        Preprocessing.BUILTIN, "tensorflow/keras-applications/convnext/",
        "Z. Liu et al., A ConvNet for the 2020s, CVPR, 2022",
        "10.1109/CVPR52688.2022.01167"),
    "densenet": _Module(
        Preprocessing.TORCH, "tensorflow/keras-applications/densenet/",
        "G. Huang et al., Densely Connected Convolutional Networks, CVPR, 2017",
        "10.1109/CVPR.2017.243"),
    "efficientnet": _Module(
        Preprocessing.BUILTIN, "keras-applications/",
        "M. Tan, Q. V. Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural "
        "Networks, ICML, 2019",
        "10.48550/arXiv.1905.11946"),
    "efficientnet_v2": _Module(
        Preprocessing.BUILTIN, "tensorflow/keras-applications/efficientnet_v2/",
        "M. Tan, Q. V. Le, EfficientNetV2: Smaller Models and Faster Training, ICML, 2021",
        "10.48550/arXiv.2104.00298"),
    "inception_resnet_v2": _Module(
        Preprocessing.TF, "tensorflow/keras-applications/inception_resnet_v2/",
        "C. Szegedy et al., Inception-v4, Inception-ResNet and the Impact of Residual "
        "Connections on Learning, AAAI, 2017",
        "10.1609/aaai.v31i1.11231", 75),
    "inception_v3": _Module(
        Preprocessing.TF, "tensorflow/keras-applications/inception_v3/",
        "C. Szegedy et al., Rethinking the Inception Architecture for Computer Vision, CVPR, 2016",
        "10.1109/CVPR.2016.308", 75),
    "mobilenet": _Module(
        Preprocessing.TF, "tensorflow/keras-applications/mobilenet/",
        "A. G. Howard et al., MobileNets: Efficient Convolutional Neural Networks for Mobile "
        "Vision Applications, 2017",
        "10.48550/arXiv.1704.04861"),
    "mobilenet_v2": _Module(
        Preprocessing.TF, "tensorflow/keras-applications/mobilenet_v2/",
        "M. Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, CVPR, 2018",
        "10.1109/CVPR.2018.00474"),
    "mobilenet_v3": _Module(
        Preprocessing.BUILTIN, "tensorflow/keras-applications/mobilenet_v3/",
        "A. Howard et al., Searching for MobileNetV3, ICCV, 2019",
        "10.1109/ICCV.2019.00140"),
    "nasnet": _Module(
        Preprocessing.TF, "tensorflow/keras-applications/nasnet/",
        "B. Zoph et al., Learning Transferable Architectures for Scalable Image Recognition, "
        "CVPR, 2018",
        "10.1109/CVPR.2018.00907"),
    "resnet": _Module(
        Preprocessing.CAFFE, "tensorflow/keras-applications/resnet/",
        "K. He et al., Deep Residual Learning for Image Recognition, CVPR, 2016",
        "10.1109/CVPR.2016.90"),
    "resnet_v2": _Module(
        Preprocessing.TF, "tensorflow/keras-applications/resnet/",
        "K. He et al., Identity Mappings in Deep Residual Networks, ECCV, 2016",
        "10.1007/978-3-319-46493-0_38"),
    "vgg16": _Module(
        Preprocessing.CAFFE, "tensorflow/keras-applications/vgg16/",
        "K. Simonyan, A. Zisserman, Very Deep Convolutional Networks for Large-Scale Image "
        "Recognition, ICLR, 2015",
        "10.48550/arXiv.1409.1556"),
    "vgg19": _Module(
        Preprocessing.CAFFE, "tensorflow/keras-applications/vgg19/",
        "K. Simonyan, A. Zisserman, Very Deep Convolutional Networks for Large-Scale Image "
        "Recognition, ICLR, 2015",
        "10.48550/arXiv.1409.1556"),
    "xception": _Module(
        Preprocessing.TF, "tensorflow/keras-applications/xception/",
        "F. Chollet, Xception: Deep Learning with Depthwise Separable Convolutions, CVPR, 2017",
        "10.1109/CVPR.2017.195", 71),
}

CLASSES: Catalog[_Row] = Catalog("network in keras.applications", [
    (PREFIX + row.keras_class, row)
    for row in (
        _Row("ConvNeXtBase", "convnext", 224, 87_566_464, 30.707,
             "40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45",
             "convnext_base_notop.h5"),
        _Row("ConvNeXtLarge", "convnext", 224, 196_230_336, 68.720,
             "96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd",
             "convnext_large_notop.h5"),
        _Row("ConvNeXtSmall", "convnext", 224, 49_454_688, 17.366,
             "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab",
             "convnext_small_notop.h5"),
        _Row("ConvNeXtTiny", "convnext", 224, 27_820_128, 8.910,
             "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
             "convnext_tiny_notop.h5"),
        _Row("ConvNeXtXLarge", "convnext", 224, 348_147_968, 121.838,
             "de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05",
             "convnext_xlarge_notop.h5"),
        _Row("DenseNet121", "densenet", 224, 7_037_504, 5.666, "30ee3e1110167f948a6b9946edeeb738"),
        _Row("DenseNet169", "densenet", 224, 12_642_880, 6.716, "b8c4d4c20dd625c148057b9ff1c1176b"),
        _Row("DenseNet201", "densenet", 224, 18_321_984, 8.579, "c13680b51ded0fb44dff2d8f86ac8bb1"),
        _Row("EfficientNetB0", "efficientnet", 224, 4_049_571, 0.769,
             "50bc09e76180e00e4465e1a485ddc09d", "efficientnetb0_notop.h5"),
        _Row("EfficientNetB1", "efficientnet", 240, 6_575_239, 1.371,
             "74c4e6b3e1f6a1eea24c589628592432", "efficientnetb1_notop.h5"),
        _Row("EfficientNetB2", "efficientnet", 260, 7_768_569, 1.984,
             "111f8e2ac8aa800a7a99e3239f7bfb39", "efficientnetb2_notop.h5"),
        _Row("EfficientNetB3", "efficientnet", 300, 10_783_535, 3.651,
             "af6d107764bb5b1abb91932881670226", "efficientnetb3_notop.h5"),
        _Row("EfficientNetB4", "efficientnet", 380, 17_673_823, 8.784,
             "ebc24e6d6c33eaebbd558eafbeedf1ba", "efficientnetb4_notop.h5"),
        _Row("EfficientNetB5", "efficientnet", 456, 28_513_527, 20.529,
             "38879255a25d3c92d5e44e04ae6cec6f", "efficientnetb5_notop.h5"),
        _Row("EfficientNetB6", "efficientnet", 528, 40_960_143, 38.131,
             "9ecce42647a20130c1f39a5d4cb75743", "efficientnetb6_notop.h5"),
        _Row("EfficientNetB7", "efficientnet", 600, 64_097_687, 75.487,
             "cbcfe4450ddf6f3ad90b1b398090fe4a", "efficientnetb7_notop.h5"),
        _Row("EfficientNetV2B0", "efficientnet_v2", 224, 5_919_312, 1.434,
             "893217f2bb855e2983157299931e43ff", "efficientnetv2-b0_notop.h5"),
        _Row("EfficientNetV2B1", "efficientnet_v2", 240, 6_931_124, 2.391,
             "0e80663031ca32d657f9caa404b6ec37", "efficientnetv2-b1_notop.h5"),
        _Row("EfficientNetV2B2", "efficientnet_v2", 260, 8_769_374, 3.392,
             "1dfe2e7a5d45b6632553a8961ea609eb", "efficientnetv2-b2_notop.h5"),
        _Row("EfficientNetV2B3", "efficientnet_v2", 300, 12_930_622, 6.020,
             "f6abf7b5849ac99a89b50dd3fd532856", "efficientnetv2-b3_notop.h5"),
        _Row("EfficientNetV2L", "efficientnet_v2", 480, 117_746_848, 112.157,
             "b0b66b5c863aef5b46e8608fe1711615", "efficientnetv2-l_notop.h5"),
        _Row("EfficientNetV2M", "efficientnet_v2", 480, 53_150_388, 49.162,
             "1b8dc055df72dde80d614482840fe342", "efficientnetv2-m_notop.h5"),
        _Row("EfficientNetV2S", "efficientnet_v2", 384, 20_331_360, 16.729,
             "af0682fb74e8c54910f2d4393339c070", "efficientnetv2-s_notop.h5"),
        _Row("InceptionResNetV2", "inception_resnet_v2", 299, 54_336_736, 26.309,
             "d19885ff4a710c122648d3b5c3b684e4",
             "inception_resnet_v2_weights_tf_dim_ordering_tf_kernels_notop.h5"),
        _Row("InceptionV3", "inception_v3", 299, 21_802_784, 11.422,
             "bcbd6486424b2319ff4ef7d526e38f63",
             "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"),
        _Row("MobileNet", "mobilenet", 224, 3_228_864, 1.135, "", "mobilenet_1_0_224_tf_no_top.h5"),
        _Row("MobileNetV2", "mobilenet_v2", 224, 2_257_984, 0.599,
             "", "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224_no_top.h5"),
        _Row("MobileNetV3Large", "mobilenet_v3", 224, 2_996_352, 0.428,
             "07fb09a5933dd0c8eaafa16978110389",
             "weights_mobilenet_v3_large_224_1.0_float_no_top_v2.h5"),
        _Row("MobileNetV3Small", "mobilenet_v3", 224, 939_120, 0.110,
             "d3e8ec802a04aa4fc771ee12a9a9b836",
             "weights_mobilenet_v3_small_224_1.0_float_no_top_v2.h5"),
        _Row("NASNetLarge", "nasnet", 331, 84_916_818, 47.559,
             "d81d89dc07e6e56530c4e77faddd61b5",
             "nasnet_large_no_top.h5", "NASNet-large-no-top.h5"),
        _Row("NASNetMobile", "nasnet", 224, 4_269_716, 1.125,
             "1ed92395b5b598bdda52abe5c0dbfd63",
             "nasnet_mobile_no_top.h5", "NASNet-mobile-no-top.h5"),
        _Row("ResNet101", "resnet", 224, 42_658_176, 15.136, "88cf7a10940856eca736dc7b7e228a21"),
        _Row("ResNet101V2", "resnet_v2", 224, 42_626_560, 14.385,
             "c0ed64b8031c3730f411d2eb4eea35b5"),
        _Row("ResNet152", "resnet", 224, 58_370_944, 22.561, "ee4c566cf9a93f14d82f913c2dc6dd0c"),
        _Row("ResNet152V2", "resnet_v2", 224, 58_331_648, 21.809,
             "ed17cf2e0169df9d443503ef94b23b33"),
        _Row("ResNet50", "resnet", 224, 23_587_712, 7.712, "4d473c1dd8becc155b73f8504c6f6626"),
        _Row("ResNet50V2", "resnet_v2", 224, 23_564_800, 6.960, "fac2f116257151a9d068a22e544a4917"),
        _Row("VGG16", "vgg16", 224, 14_714_688, 30.693, "6d6bbae143d832006294945121d1f1fc"),
        _Row("VGG19", "vgg19", 224, 20_024_384, 39.017, "253f8cb515780f3b799900260a226db6"),
        _Row("Xception", "xception", 299, 20_861_480, 16.711, "b0042744bf5b25fce3cb969f33bebb97"),
    )
])
# X. Mei et al., RadImageNet: An Open Radiologic Deep Learning Research Dataset for Effective
# Transfer Learning, Radiology: Artificial Intelligence, 2022, doi:10.1148/ryai.210315
RADIMAGENET = {
    "DenseNet121": "RadImageNet-DenseNet121_notop.h5",
    "InceptionResNetV2": "RadImageNet-IRV2_notop.h5",
    "InceptionV3": "RadImageNet-InceptionV3_notop.h5",
    "ResNet50": "RadImageNet-ResNet50_notop.h5",
}
# fmt: on
