from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.records import Picture
from benchmark.serving.model import ScanClassifier, _load_pyfunc
from benchmark.serving.refusal import CallRefused
from tests.close import assert_close
from tests.data.pictures import pixels_of

from .conftest import CLASSES, encoded, png

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def model(model_folder: Path) -> ScanClassifier:
    return _load_pyfunc(str(model_folder))


def test_a_row_is_a_label_and_one_probability_a_class(model: ScanClassifier) -> None:
    answer = model.predict(pd.DataFrame({"image": [encoded(png(1)), encoded(png(2))]}))
    assert list(answer.columns) == ["label", *CLASSES]
    probabilities = answer[list(CLASSES)].to_numpy()
    assert_close(probabilities.sum(axis=1), np.ones(2), 1e-5)
    assert answer["label"].tolist() == [CLASSES[place] for place in probabilities.argmax(axis=1)]


def test_the_network_sees_the_pixels_that_training_decodes(
    model: ScanClassifier, model_folder: Path
) -> None:
    import keras

    network = keras.saving.load_model(model_folder / "model.keras")
    pixels = np.stack([pixels_of(png(seed), Picture(side_px=16)) for seed in range(3)])
    answer = model.predict(pd.DataFrame({"image": [png(seed) for seed in range(3)]}))
    assert_close(answer[list(CLASSES)].to_numpy(), network.predict_on_batch(pixels), 1e-4)


def test_every_kind_of_input_gives_the_same_answer(model: ScanClassifier) -> None:
    images = np.stack([pixels_of(png(seed), Picture(side_px=24)) for seed in range(2)])
    expected = model.predict(images)
    ragged = np.empty(2, dtype=object)
    ragged[:] = list(images)
    for given in (ragged, {"image": images}, list(images), images.astype(np.float32)):
        pd.testing.assert_frame_equal(model.predict(given), expected)


def test_more_images_than_a_chunk_keep_their_order(
    model: ScanClassifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [png(seed) for seed in range(7)]
    whole = model.predict(pd.DataFrame({"image": files}))
    monkeypatch.setattr(f"{ScanClassifier.__module__}._CHUNK", 3)
    chunked = model.predict(pd.DataFrame({"image": files}))
    pd.testing.assert_frame_equal(chunked, whole, check_exact=False, atol=1e-4)


def test_a_bad_image_refuses_the_call_and_names_its_row(model: ScanClassifier) -> None:
    with pytest.raises(CallRefused, match=r"^row 1: "):
        model.predict(pd.DataFrame({"image": [png(1), b"no picture"]}))


def test_a_bad_image_is_a_row_with_its_error_where_that_is_asked_for(
    model: ScanClassifier,
) -> None:
    table = pd.DataFrame({"image": [png(1), b"no picture", png(2)]})
    answer = model.predict(table, params={"on_error": "row"})
    good = model.predict(pd.DataFrame({"image": [png(1), png(2)]}))
    assert list(answer.columns) == ["label", *CLASSES, "error"]
    assert answer["error"].tolist()[::2] == ["", ""]
    assert answer["error"][1] != ""
    assert answer["label"][1] is None
    assert answer.loc[1, list(CLASSES)].isna().all()
    pd.testing.assert_frame_equal(
        answer.iloc[[0, 2], :4].reset_index(drop=True), good, check_exact=False, atol=1e-4
    )


def test_only_bad_images_are_rows_too(model: ScanClassifier) -> None:
    answer = model.predict(pd.DataFrame({"image": ["?", None]}), params={"on_error": "row"})
    assert (answer["error"] != "").all()


def test_another_word_for_errors_is_refused(model: ScanClassifier) -> None:
    with pytest.raises(CallRefused, match="on_error must be one of raise, row, not 'skip'"):
        model.predict(pd.DataFrame({"image": []}), params={"on_error": "skip"})


def test_no_images_give_no_rows(model: ScanClassifier) -> None:
    assert model.predict(pd.DataFrame({"image": []})).shape == (0, 4)
