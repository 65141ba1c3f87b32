"""Put a network, its card and its code into the form that MLflow logs as a model."""

from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ..errors import DataError
from .card import Card
from .closure import code_digest, copy_modules, needed_modules
from .model import ERROR, LABEL

_PACKAGE = Path(__file__).parent.parent
_ENTRY = "serving/model.py"
_NEEDED = ("mlflow", "keras", "numpy", "pandas", "pillow", "pydicom")
_BACKENDS = ("tensorflow", "tensorflow-cpu")
_OPTIONAL = ("pylibjpeg", "pylibjpeg-libjpeg", "pylibjpeg-openjpeg", "pylibjpeg-rle", "python-gdcm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A model's parts, ready to be logged.

    Attributes:
        code: the package folder that travels with the model.
        loader: the module in it that loads the model.
        data: a folder with the card, into which the network belongs.
        network: the network's file, left where it was: some are hundreds of megabytes.
        card: the card.
        requirements: what must be installed to load the model, pinned.
        example: an image the model can be tried with, the base64 text of a PNG.
    """

    code: Path
    loader: str
    data: Path
    network: Path
    card: Card
    requirements: tuple[str, ...]
    example: str


def package(network: Path, card: Card, into: Path) -> Packed:
    """Pack a saved network for the registry.

    Args:
        network: the `model.keras` file.
        card: what it says of itself.
        into: an empty folder for the parts.

    Raises:
        DataError: a class has the name of another column of the model's output.
    """
    taken = sorted({LABEL, ERROR} & set(card.classes))
    if taken:
        raise DataError(
            f"no class may be named {' or '.join(taken)}: the model's output has such a column; "
            "rename the class folder."
        )
    modules = needed_modules(_PACKAGE, _ENTRY)
    # The name holds the code's hash, so that two versions of a model live in one process.
    name = f"scan_model_{code_digest(_PACKAGE, modules)[:12]}"
    copy_modules(_PACKAGE, modules, into / "code" / name)
    data = into / "model"
    data.mkdir(parents=True)
    card.write(data)
    return Packed(
        code=into / "code" / name,
        loader=f"{name}.serving.model",
        data=data,
        network=network,
        card=card,
        requirements=_requirements(),
        example=_example(card.picture.side_px),
    )


def _requirements() -> tuple[str, ...]:
    """Pin what the model's code imports to the versions that are installed."""
    pinned = []
    for name in (*_NEEDED, *_BACKENDS, *_OPTIONAL):
        try:
            pinned.append(f"{name}=={version(name)}")
        except PackageNotFoundError:
            continue
    return tuple(pinned)


def _example(side_px: int) -> str:
    """Draw a bright ring on a dark ground, roughly a chest, as the base64 text of a PNG."""
    import base64
    import io

    import numpy as np
    from PIL import Image

    side = min(side_px, 64)  # a few hundred bytes: the example is copied into every model
    grid = np.linspace(-1, 1, side)
    radius = np.hypot(grid[:, None] * 1.2, grid[None, :])
    pixels = np.where(radius < 0.9, np.where(radius > 0.7, 200, 60), 0).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode("ascii")
