"""The data sets known by name: what each is, where it comes from and what it must hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..catalog import Catalog
from ..records import Part


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSet:
    """What is known of a data set before it is read.

    Attributes:
        name: as on the command line, and of the registered model.
        title: what it is, in a line.
        modality: `ct` or `xray`.
        synthetic: whether a program drew it.
        classes: the class names, sorted.
        licence: under which it is published.
        source: where a person reads about it.
        citation: what to cite.
        via: what brings it: `drawn`, `kagglehub` or `pooch`.
        handle: what `via` is asked for: a Kaggle handle, or a URL.
        checksum: published hash of the download, as `md5:...`, empty where none is published.
        counts: images of each class, in the order of `classes`, for each part.
        patient_pattern: finds the patient in a relative path, empty where names do not tell.
        patient_note: what to know of those patients.
        side_px: the side at which its images are worth decoding, see docs/data.md.
    """

    name: str
    title: str
    modality: str
    classes: tuple[str, ...]
    licence: str
    source: str
    citation: str
    via: str
    synthetic: bool = False
    handle: str = ""
    checksum: str = ""
    counts: Mapping[Part, tuple[int, ...]] = field(default_factory=dict)
    patient_pattern: str = ""
    patient_note: str = ""
    side_px: int = 224


_DATA_SETS = (
    DataSet(
        name="phantom",
        title="SYNTHETIC chest CT slices, drawn by this project from a seed",
        modality="ct",
        synthetic=True,
        classes=("adenocarcinoma", "large.cell.carcinoma", "normal", "squamous.cell.carcinoma"),
        licence="Apache-2.0, as this project",
        source="benchmark/data/phantom",
        citation="none: drawn images, no evidence about any patient",
        via="drawn",
        side_px=96,
    ),
    DataSet(
        name="chest-ct",
        title="chest CT slices of three lung cancers and normal lungs",
        modality="ct",
        classes=("adenocarcinoma", "large.cell.carcinoma", "normal", "squamous.cell.carcinoma"),
        licence="unsettled: Kaggle states ODbL 1.0, the images' origin is not documented",
        source="https://www.kaggle.com/datasets/mohamedhanyyy/chest-ctscan-images",
        citation="Hany M. Chest CT-Scan images dataset. Kaggle, 2020.",
        via="kagglehub",
        handle="mohamedhanyyy/chest-ctscan-images",
        counts={
            Part.TRAIN: (195, 115, 148, 155),
            Part.VAL: (23, 21, 13, 15),
            Part.TEST: (120, 51, 54, 90),
        },
    ),
    DataSet(
        name="chest-xray",
        title="paediatric chest X-rays, normal and pneumonia",
        modality="xray",
        classes=("NORMAL", "PNEUMONIA"),
        licence="CC BY 4.0",
        source="https://www.kaggle.com/datasets/paultimothymooney/chest-xray-pneumonia",
        citation=(
            "Kermany D et al. Identifying medical diagnoses and treatable diseases by image-based "
            "deep learning. Cell, 2018. https://doi.org/10.1016/j.cell.2018.02.010"
        ),
        via="kagglehub",
        handle="paultimothymooney/chest-xray-pneumonia",
        counts={Part.TRAIN: (1341, 3875), Part.VAL: (8, 8), Part.TEST: (234, 390)},
        patient_pattern=r"(?:^|/)(person\d+(?=_)|(?:NORMAL2-)?IM-\d+(?=-))[^/]*$",
        patient_note=(
            "the set's numbering may start afresh in its test part, so some of these may be two "
            "patients; they are kept together, since a wrong parting leaks and a wrong joining "
            "does not"
        ),
    ),
    DataSet(
        name="pneumoniamnist",
        title="the same X-rays as chest-xray, cropped to 224 px squares by MedMNIST",
        modality="xray",
        classes=("normal", "pneumonia"),
        licence="CC BY 4.0",
        source="https://medmnist.com",
        citation=(
            "Yang J et al. MedMNIST v2. Scientific Data, 2023. "
            "https://doi.org/10.1038/s41597-022-01721-8"
        ),
        via="pooch",
        handle="https://zenodo.org/records/10519652/files/pneumoniamnist_224.npz",
        checksum="md5:d6a3c71de1b945ea11211b03746c1fe1",
        counts={Part.TRAIN: (1214, 3494), Part.VAL: (135, 389), Part.TEST: (234, 390)},
    ),
)

DATA_SETS: Catalog[DataSet] = Catalog("data set", [(each.name, each) for each in _DATA_SETS])
