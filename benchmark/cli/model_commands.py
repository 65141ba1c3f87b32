"""The commands that use a registered model."""

from collections.abc import Mapping

from ..request import path, unless, yes_or_no
from .parser import Asked, Command, other_option


def _predict(asked: Asked) -> int:
    from ..jobs import predict_files

    values = asked.values()
    images = [values["images"]] if values["images"] else []
    return predict_files(
        values["model"],
        [*asked.words, *images],
        values["csv"],
        unverified=values["unverified"],
    )


MODELS: Mapping[str, Command] = {
    "predict": Command(
        about="classify images with a registered model",
        do=_predict,
        words=("FILE", "images, and folders of them"),
        options=(
            other_option(
                "model",
                "models:/phantom@champion",
                "a registered model (models:/NAME@champion), or a model's folder",
                path,
            ),
            other_option(
                "images", "none", "an image or a folder, beside FILE", unless("none", path)
            ),
            other_option("csv", "-", "the file for the table, - to show it", unless("-", path)),
            other_option(
                "unverified",
                "no",
                "yes: load the model though its files are not known to be those registered",
                yes_or_no,
            ),
        ),
        example="benchmark predict --model models:/chest-ct@champion scans/ --csv out.csv",
    ),
}
"""Their table, in the order of help."""
