import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from benchmark.errors import PromotionError
from benchmark.records import Predictions, Record
from benchmark.serving import check_maker
from benchmark.tracking import Registration
from benchmark.tracking import registry as room
from benchmark.tracking.reload import predict
from tests.close import assert_close

from .conftest import (
    CLASSES,
    SPEC,
    UNIFORM,
    Bench,
    Crowned,
    Drawn,
    promotion_of,
    says,
    seen,
)

pytestmark = pytest.mark.slow

STRANGER = """
import base64, json, sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        assert name.split(".")[0] != "benchmark", "the model imports the benchmark"
sys.meta_path.insert(0, Refuse())
import mlflow, numpy, pandas
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model(sys.argv[2])
files = json.load(sys.stdin)
table = model.predict(pandas.DataFrame({"image": files}))
arrays = model.predict(numpy.full((2, 16, 16, 3), 128, dtype=numpy.uint8))
rows = model.predict(pandas.DataFrame({"image": ["?"]}), params={"on_error": "row"})
example = model.predict(model.input_example)
import mlflow.keras
pixels = numpy.array(json.load(open(sys.argv[3])), dtype=numpy.uint8)
by_keras = mlflow.keras.load_model(sys.argv[2]).predict(pixels, verbose=0)
print(json.dumps({"columns": list(table.columns), "rows": table.iloc[:, 1:].values.tolist(),
    "arrays": len(arrays), "error": rows["error"][0], "example": len(example),
    "by_keras": by_keras.tolist(),
    "inputs": model.metadata.signature.inputs.input_names()}))
"""


def test_a_registered_model_serves_a_stranger(
    bench: Bench, finished: Callable[..., Record], network: Path, check: Predictions
) -> None:
    tracker = bench.open()
    record = finished(tracker, SPEC, network)
    champion = tracker.registry.register(record, promotion_of(check))
    assert (champion.uri, champion.run_id) == ("models:/phantom@champion", record.run_id)
    assert champion.difference < 1e-3
    assert champion.tags["arch"] == "tiny"
    pixels = bench.folder / "pixels.json"
    pixels.write_text(json.dumps([seen(path).tolist() for path in check.paths]))
    done = subprocess.run(
        [sys.executable, "-c", STRANGER, bench.uri, champion.uri, str(pixels)],
        input=json.dumps([room._as_json(Drawn().read(path)) for path in check.paths]),
        cwd="/",
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["columns"] == ["label", *CLASSES]
    assert_close(answer["rows"], check.probabilities, 1e-4)
    assert_close(answer["by_keras"], check.probabilities, 1e-4)
    assert (answer["arrays"], answer["example"], answer["inputs"]) == (2, 1, ["image"])
    assert "base64" in answer["error"]


def test_a_reader_of_pixels_is_checked_by_pixels(
    bench: Bench, finished: Callable[..., Record], network: Path, check: Predictions
) -> None:
    tracker = bench.open()
    record = finished(tracker, SPEC, network)
    folder = tracker.network_path(record).parents[2]
    images = [Drawn.pixels(path).tolist() for path in check.paths]
    answer = predict({"folder": str(folder), "loader": check_maker(folder), "images": images})
    assert tuple(answer["classes"]) == CLASSES
    assert_close(answer["rows"], check.probabilities, 1e-4)


FILE = room._as_json(Drawn().read("1.png"))


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": {"columns": ["image"], "data": [[FILE]]}},
        {"dataframe_records": [{"image": FILE}]},
        {"inputs": {"image": [FILE]}},
        {"inputs": [FILE]},
        {"instances": [{"image": FILE}]},
        {"instances": [{"image": Drawn.pixels("1.png").tolist()}]},
        {"inputs": [FILE], "params": {"on_error": "row"}},
    ],
)
def test_a_server_answers_every_form_of_request(
    bench: Bench,
    finished: Callable[..., Record],
    network: Path,
    check: Predictions,
    body: dict[str, Any],
) -> None:
    record = finished(bench.open(), SPEC, network)
    from mlflow.pyfunc import load_model, scoring_server  # after the room's own quiet import

    model = load_model(f"models:/{record.model_id}")
    answer = scoring_server.invocations(
        json.dumps(body), "application/json", model, model.metadata.get_input_schema()
    )
    (row,) = json.loads(answer.response)["predictions"]
    assert answer.status == 200
    assert_close([row[name] for name in CLASSES], check.probabilities[1], 1e-4)


def test_a_truncated_model_is_refused(
    bench: Bench, finished: Callable[..., Record], network: Path
) -> None:
    tracker = bench.open()
    record = finished(tracker, SPEC, network)
    logged = tracker.network_path(record)
    logged.write_bytes(logged.read_bytes()[:-100])
    with pytest.raises(PromotionError, match="not what was registered: its files have"):
        tracker.registry.register(record, promotion_of(UNIFORM))
    assert tracker.registry.find("phantom", "champion") is None


def test_a_model_that_tells_other_classes_is_refused(
    bench: Bench, finished: Callable[..., Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = {"classes": CLASSES[::-1], "rows": UNIFORM.probabilities.tolist()}
    tracker = bench.open()
    record = finished(tracker)
    monkeypatch.setattr(room, "Stranger", lambda: SimpleNamespace(ask=lambda _: answer))
    with pytest.raises(PromotionError, match="it tells squamous, normal, large cell apart, not"):
        tracker.registry.register(record, promotion_of(UNIFORM))


def test_the_process_that_was_expected_is_asked_and_one_that_nobody_asked_is_ended(
    bench: Bench, finished: Callable[..., Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    class Acting:
        def __init__(self) -> None:
            done.append("started")

        def ask(self, _: Any) -> dict[str, Any]:
            done.append("asked")
            return {"classes": CLASSES, "rows": UNIFORM.probabilities.tolist()}

        def close(self) -> None:
            done.append("closed")

    monkeypatch.setattr(room, "Stranger", Acting)
    tracker = bench.open()
    for _ in range(2):
        tracker.registry.expect()
    tracker.registry.register(finished(tracker), promotion_of(UNIFORM))
    tracker.registry.close()
    assert done == ["started", "asked"]
    tracker.registry.expect()
    tracker.registry.close()
    assert done == ["started", "asked", "started", "closed"]


def test_a_model_that_was_logged_without_a_seal_is_sealed_when_it_is_registered(
    bench: Bench, finished: Callable[..., Record], monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = bench.open()
    record = finished(tracker)
    sealed = tracker._store.client.get_logged_model(record.model_id).tags["files_digest"]
    tracker._store.client.delete_logged_model_tag(record.model_id, "files_digest")
    says(monkeypatch, UNIFORM.probabilities)
    version = tracker.registry.register(record, promotion_of(UNIFORM))
    assert version.tags["files_digest"] == sealed


def versions(crowned: Crowned) -> list[Any]:
    found = crowned.tracker._store.client.search_model_versions("name = 'phantom'")
    return sorted(found, key=lambda version: int(version.version))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (UNIFORM.probabilities + 2e-4, "may differ from the recorded ones by 0.0001, and differ"),
        (UNIFORM.probabilities * np.nan, "differ by nan"),
        (UNIFORM.probabilities[:, :2], r"gives \(6, 2\) probabilities, not \(6, 3\)"),
    ],
)
def test_the_alias_stays_when_a_reloaded_model_says_something_else(
    crowned: Crowned,
    monkeypatch: pytest.MonkeyPatch,
    answer: npt.NDArray[np.float64],
    reason: str,
) -> None:
    says(monkeypatch, answer)
    with pytest.raises(PromotionError, match=reason):
        crowned.tracker.registry.register(crowned.second, promotion_of(UNIFORM))
    assert crowned.tracker.registry.find("phantom", "champion") == crowned.champion
    assert "probabilities" in versions(crowned)[1].tags["refused"]


def test_a_better_run_takes_the_alias(crowned: Crowned) -> None:
    champion = crowned.tracker.registry.register(crowned.second, promotion_of(UNIFORM))
    assert (champion.version, champion.run_id) == ("2", crowned.second.run_id)


def test_the_champion_is_not_registered_twice(crowned: Crowned) -> None:
    again = crowned.tracker.registry.register(crowned.first, promotion_of(UNIFORM))
    assert again == crowned.champion
    assert len(versions(crowned)) == 1


def test_a_former_champion_returns_under_its_old_version(crowned: Crowned) -> None:
    crowned.tracker.registry.register(crowned.second, promotion_of(UNIFORM))
    again = crowned.tracker.registry.register(crowned.first, promotion_of(UNIFORM))
    assert again.version == crowned.champion.version
    assert len(versions(crowned)) == 2


def candidate_of(check: Predictions) -> Registration:
    return replace(promotion_of(check), alias="candidate", tags={"why": "unsure"})


def test_a_candidate_leaves_the_champion_where_it_is(crowned: Crowned) -> None:
    version = crowned.tracker.registry.register(crowned.second, candidate_of(UNIFORM))
    assert (version.alias, version.version) == ("candidate", "2")
    assert version.uri == "models:/phantom@candidate"
    assert crowned.tracker.registry.find("phantom", "champion") == crowned.champion
    assert crowned.tracker.registry.find("phantom", "candidate") == version


def test_a_candidate_that_becomes_champion_is_one_version_with_the_new_word(
    crowned: Crowned,
) -> None:
    crowned.tracker.registry.register(crowned.second, candidate_of(UNIFORM))
    promotion = replace(promotion_of(UNIFORM), description="forced", tags={"forced": "yes"})
    champion = crowned.tracker.registry.register(crowned.second, promotion)
    assert (champion.version, champion.tags["forced"]) == ("2", "yes")
    assert crowned.tracker.registry.find("phantom", "candidate") is None
    assert versions(crowned)[1].description == "forced"


def test_what_has_its_alias_already_is_not_loaded_again(
    crowned: Crowned, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = crowned.tracker.registry.register(crowned.second, candidate_of(UNIFORM))
    monkeypatch.setattr(room, "reload_and_predict", None)
    assert crowned.tracker.registry.register(crowned.second, candidate_of(UNIFORM)) == first
    assert (
        crowned.tracker.registry.register(crowned.first, candidate_of(UNIFORM)) == crowned.champion
    )


def test_the_description_travels_with_the_model_as_its_card(crowned: Crowned) -> None:
    import mlflow

    uri = f"{crowned.champion.uri}/card.md"
    assert Path(mlflow.artifacts.download_artifacts(uri)).read_text() == "the best"


def test_a_run_without_a_model_is_refused(crowned: Crowned) -> None:
    with pytest.raises(PromotionError, match="has no model"):
        crowned.tracker.registry.register(
            replace(crowned.first, model_id=""), promotion_of(UNIFORM)
        )


def test_a_name_that_was_never_registered_has_no_champion(crowned: Crowned) -> None:
    assert crowned.tracker.registry.find("chest-ct", "champion") is None


def test_a_description_is_cut_to_what_mlflow_s_tables_hold() -> None:
    assert room.fitting("short") == "short"
    assert len(room.fitting("x" * 6000)) == 5000
    cut = room.fitting("\n\n".join(["x" * 990] * 8))
    assert cut.startswith("x" * 990 + "\n\n")
    assert cut.endswith("x\n\n… The rest is in card.md, among the model's files.")
    assert cut.count("x") == 4 * 990
