"""What a call to the model may hold, and how it is refused."""

import json
from typing import Any

import numpy as np
import pytest

from benchmark.records import Picture
from benchmark.serving import Card, model
from benchmark.serving.model import ScanClassifier
from benchmark.serving.refusal import CallRefused

from .conftest import png

pytestmark = pytest.mark.slow  # MLflow is imported


class Constant:
    """A network that tells nothing apart, and counts what it was asked."""

    asked = 0

    def predict(self, pixels: Any, **_: Any) -> Any:
        """Return the same for each image."""
        self.asked += len(pixels)
        return np.full((len(pixels), 2), 0.5)


def small(monkeypatch: pytest.MonkeyPatch) -> ScanClassifier:
    """Return a model that takes calls of 1,000 pixels."""
    monkeypatch.setattr(model, "MAX_CALL_PIXELS", 1000)
    monkeypatch.setattr(model, "_UNREADABLE", 400)
    card = Card(
        classes=("a", "b"),
        picture=Picture(side_px=16),
        data="",
        synthetic=True,
        spec_digest="",
        sha256="",
    )
    return ScanClassifier(card, Constant())


def test_images_beyond_a_calls_pixels_are_refused_undecoded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    files = [png(1), png(2), png(3), b"never looked at"]  # 480 pixels each
    classifier = small(monkeypatch)
    answer = classifier.predict({"image": files}, {"on_error": "row"})
    assert answer["error"].str.contains("in another call").tolist() == [False, False, False, True]
    assert answer["label"].tolist() == ["a", "a", "a", None]
    with pytest.raises(CallRefused, match=r"^row 3: a call may hold 1,000 pixels in all"):
        classifier.predict({"image": files})


def test_images_that_cannot_be_read_count_too(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = small(monkeypatch).predict({"image": [b"?"] * 4}, {"on_error": "row"})
    assert answer["error"].str.contains("in another call").tolist() == [False, False, False, True]


def test_a_refusal_stays_one_line_whatever_a_server_puts_before_it() -> None:
    refused = CallRefused("row 0:\n it is no picture")
    refused.message = f"Failed to predict data 'all of it'. \nError: {refused.message}"
    told = json.loads(refused.serialize_as_json())
    assert told["message"] == "row 0: it is no picture"
    assert told["error_code"] == "INVALID_PARAMETER_VALUE"
    assert refused.get_http_status_code() == 400
