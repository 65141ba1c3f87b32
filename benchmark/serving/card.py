"""What a saved network must say of itself so that a stranger can use it rightly: its card."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ..errors import DataError, one_line
from ..files import file_digest
from ..records import Picture

NETWORK_FILE = "model.keras"
GRAPH_FILE = "model.xml"  # of a light model, as OpenVINO keeps it
WEIGHTS_FILE = "model.bin"
CARD_FILE = "model.json"
FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """The facts that travel beside a network: `model.keras`, or a light one's two files.

    Attributes:
        classes: k class names, in the order of the network's outputs.
        picture: how a file becomes the pixels that the network was trained on.
        data: the data set's name; `synthetic` whether a program drew it.
        spec_digest: the run that the network came from.
        sha256: digest of `model.keras`, without which a truncated file looks whole; of a light
            model's `model.bin`.
        graph_sha256: digest of a light model's `model.xml`, empty for one that Keras loads.
    """

    classes: tuple[str, ...]
    picture: Picture
    data: str
    synthetic: bool
    spec_digest: str
    sha256: str
    graph_sha256: str = ""

    @property
    def is_light(self) -> bool:
        """Whether the network is OpenVINO's, which needs neither TensorFlow nor Keras."""
        return bool(self.graph_sha256)

    @property
    def files(self) -> Mapping[str, str]:
        """The names of the network's files with their digests; the first is what is loaded."""
        if self.is_light:
            return {GRAPH_FILE: self.graph_sha256, WEIGHTS_FILE: self.sha256}
        return {NETWORK_FILE: self.sha256}

    def write(self, folder: Path) -> None:
        """Write the card into a folder, beside the network."""
        values = {"format": FORMAT, **asdict(self)}
        (folder / CARD_FILE).write_text(json.dumps(values, indent=2), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> "Card":
        """Read the card in a folder.

        Raises:
            DataError: there is none, or it is of another format.
        """
        path = folder / CARD_FILE
        if not path.is_file():
            raise DataError(f"a registered model must hold {CARD_FILE}; {folder} has none.")
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            written = values.pop("format", None)
            if written != FORMAT:
                raise DataError(
                    f"{path} must be of format {FORMAT}, not {written}; "
                    "load the model with the code that was registered with it."
                )
            picture = Picture(**values.pop("picture"))
            classes = tuple(map(str, values.pop("classes")))
            return cls(classes=classes, picture=picture, **values)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise DataError(f"{path} is damaged: {one_line(error)}.") from error


def verify_network(folder: Path, card: Card) -> Path:
    """Return the path of the network in a folder, its content checked against the card.

    Raises:
        DataError: a file is missing, truncated or another one.
    """
    for name, wanted in card.files.items():
        path = folder / name
        if not path.is_file():
            raise DataError(f"a registered model must hold {name}; {folder} has none.")
        found = file_digest(path)
        if found != wanted:
            raise DataError(
                f"{path} must have the SHA-256 {wanted[:12]}…, not {found[:12]}…: "
                "it is truncated or was replaced; download or register the model again."
            )
    return folder / next(iter(card.files))
