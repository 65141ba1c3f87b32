"""Request bodies harmed at random: an answer, or one refusal without a stack trace.

By hand, longer: BODIES=100000 python -m pytest tests/serving/test_fuzz_bodies.py
"""

import base64
import copy
import json
import logging
import os
import random
import struct
import zlib
from typing import Any

import numpy as np
import pytest

from benchmark.records import Picture
from benchmark.serving import Card
from benchmark.serving.model import ScanClassifier

from .conftest import CLASSES, encoded, npy, png

pytestmark = pytest.mark.slow  # MLflow is imported

COUNT = int(os.environ.get("BODIES", "600"))
FILE = encoded(png(1))
ARRAY = encoded(npy(np.arange(60, dtype=np.uint8).reshape(4, 5, 3)))
PIXELS = np.random.default_rng(2).integers(0, 256, (4, 5, 3)).tolist()
WHOLE: tuple[dict[str, Any], ...] = (
    {"inputs": [FILE, FILE]},
    {"inputs": [PIXELS]},
    {"inputs": {"image": [FILE]}},
    {"inputs": [ARRAY]},
    {"instances": [{"image": FILE}, {"image": FILE}]},
    {"instances": [{"image": PIXELS}]},
    {"dataframe_split": {"columns": ["image"], "data": [[FILE], [FILE]]}},
    {"dataframe_records": [{"image": FILE}]},
    {"inputs": [FILE, "no picture"], "params": {"on_error": "row"}},
)


def header(width: int, height: int) -> str:
    """Return a small PNG that says it is large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    start = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    data = chunk(b"IDAT", zlib.compress(bytes(10_000)))
    return encoded(b"\x89PNG\r\n\x1a\n" + start + data + chunk(b"IEND", b""))


def nested(depth: int) -> list[Any]:
    """Return a list in a list in a list."""
    found: list[Any] = []
    for _ in range(depth):
        found = [found]
    return found


ODD: tuple[Any, ...] = (
    *(None, True, 0, -1, 255, 256, 1.5, 10**20, 1e308, float("nan"), float("inf")),
    *(
        "",
        "?",
        "image",
        "/etc/passwd",
        "data:image/png;base64,",
        "base64," * 9,
        "\0",
        "é",
        "A" * 999,
    ),
    *([], {}, [[]], [1, 2], [[1, 2], [3]], [[0, 255]], [[[1, 2, 3, 4, 5]]], [["a"]], [{}], [None]),
    *(
        nested(30),
        nested(60),
        {"a": {"b": [1]}},
        {"image": {"image": "image"}},
        PIXELS,
        [FILE] * 1025,
    ),
    *(header(1, 64_000_000), header(64_000_000, 1), header(2**31 - 1, 2**31 - 1), header(0, 5)),
    *(
        header(7999, 7999),
        FILE[:-40],
        encoded(png(1)[:200]),
        encoded(b"\0" * 128 + b"DICM" + b"\2" * 90),
    ),
)


class Stub:
    """A network that tells nothing apart."""

    def predict(self, pixels: Any, **_: Any) -> Any:
        """Return the same for each image, where it is given images."""
        assert pixels.shape[1:] == (16, 16, 3)
        assert pixels.dtype == np.uint8
        return np.full((len(pixels), 3), 1 / 3)


@pytest.fixture(scope="module")
def classifier() -> ScanClassifier:
    card = Card(
        classes=CLASSES,
        picture=Picture(side_px=16),
        data="phantom",
        synthetic=True,
        spec_digest="5" * 64,
        sha256="0" * 64,
    )
    return ScanClassifier(card, Stub())


def harmed(draw: random.Random) -> dict[str, Any]:
    """Return a whole body with one to three places changed."""
    body = copy.deepcopy(draw.choice(WHOLE))
    for _ in range(draw.randint(1, 3)):
        owner, key = draw.choice(places(body))
        how = draw.randrange(5)
        if how == 0:
            del owner[key]
        elif how == 1 and isinstance(owner, dict):
            owner[draw.choice(("image", "label", "inputs", "", "columns"))] = owner.pop(key)
        elif how == 2 and isinstance(owner[key], str):
            owner[key] = scratched(owner[key], draw)
        else:
            owner[key] = copy.deepcopy(draw.choice(ODD))
    return body


def scratched(text: str, draw: random.Random) -> str:
    """Return the base64 text of a file with a few bits flipped, or another text."""
    try:
        content = bytearray(base64.b64decode(text))
    except ValueError:
        return text[::-1]
    for _ in range(draw.randint(1, 4) if content else 0):
        content[draw.randrange(min(len(content), draw.choice((60, 2000))))] ^= 1 << draw.randrange(
            8
        )
    return encoded(bytes(content))


def places(body: Any) -> list[tuple[Any, Any]]:
    """Return every place in a body, as its owner and the key."""
    keys = body.keys() if isinstance(body, dict) else range(min(len(body), 6))
    found = []
    for key in keys:
        found.append((body, key))
        if isinstance(body[key], dict | list):
            found += places(body[key])
    return found or [({"inputs": []}, "inputs")]


class Asked:
    """MLflow's server before a model that notes whether a call came so far.

    What MLflow cannot parse it answers itself; so a body that did not come to the model is its
    own, whatever came of it.
    """

    def __init__(self, classifier: ScanClassifier) -> None:
        from mlflow.models import Model
        from mlflow.pyfunc import PyFuncModel

        from benchmark.tracking.models import _signature

        described = Model(signature=_signature(CLASSES), flavors={"python_function": {}})
        self._classifier = classifier
        self._model = PyFuncModel(described, self)
        self._came = False

    def predict(self, model_input: Any, params: Any = None) -> Any:
        """Note that a call came, and let it be answered."""
        self._came = True
        return self._classifier.predict(model_input, params)

    def ask(self, body: str) -> str:
        """Return what the server tells of a refusal, "answered", or "MLflow" for its own."""
        from mlflow.exceptions import MlflowException
        from mlflow.pyfunc import scoring_server

        self._came = False
        try:
            answer = scoring_server.invocations(
                body, "application/json", self._model, self._model.metadata.get_input_schema()
            )
            return "answered" if answer.status == 200 else f"{answer.status} {answer.response}"
        except MlflowException as error:
            told = f"{error.get_http_status_code()} {error.serialize_as_json()}"
            return told if self._came else "MLflow"
        except Exception:
            if self._came:
                raise
            return "MLflow"


def test_any_body_is_an_answer_or_one_line_without_a_stack_trace(
    classifier: ScanClassifier, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, "mlflow")
    asked = Asked(classifier)
    draw = random.Random(12)
    told = []
    for _ in range(COUNT):
        body = json.dumps(harmed(draw))
        told.append(asked.ask(body))
        if told[-1] not in ("answered", "MLflow"):
            assert told[-1].startswith("400 {"), (told[-1], body[:300])
            assert "stack_trace" not in told[-1], body[:300]
            assert r"\n" not in told[-1], body[:300]
    assert told.count("answered") > COUNT // 20
    assert told.count("MLflow") < COUNT // 2
    assert len(set(told)) > 25  # of the ways to say it
