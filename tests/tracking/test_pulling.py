"""What is looked at before a model is loaded, and what a person is told."""

import json
import py_compile
import re
import shutil
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmark.errors import BenchmarkError, StoreError
from benchmark.tracking import Pulled, open_store
from benchmark.tracking.store import TrackingStore

from .kept import EVIL, PLANTED, Registered

pytestmark = pytest.mark.slow  # MLflow is imported

CHAMPION = "models:/scans@champion"


def answers(uri: str, *, unverified: bool = False) -> int:
    """Return how many rows a model answers with."""
    return len(Pulled(uri, unverified=unverified).classify([b"no image", b"none"]))


def reverse_classes(folder: Path) -> None:
    path = folder / "data/model/model.json"
    card = json.loads(path.read_text())
    path.write_text(json.dumps({**card, "classes": card["classes"][::-1]}, indent=2))


def described(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], None]:
    def harm(folder: Path) -> None:
        path = folder / "MLmodel"
        values = yaml.safe_load(path.read_text())
        change(values["flavors"])
        path.write_text(yaml.safe_dump(values))

    return harm


def unpickle(flavors: dict[str, Any]) -> None:
    flavors["python_function"] |= {
        "loader_module": "mlflow.pyfunc.model",
        "python_model": "model.pkl",
    }


def plant(place: str, text: str = PLANTED) -> Callable[[Path], None]:
    def harm(folder: Path) -> None:
        (package,) = (folder / "code").glob("scan_model_*")
        path = folder / place.format(package=package.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    return harm


def keras_flavor(**changes: Any) -> Callable[[Path], None]:
    return described(lambda flavors: flavors["keras"].update(changes))


HARMS = [
    keras_flavor(data=".."),
    keras_flavor(save_exported_model=True),
    keras_flavor(save_exported_model="False"),
    keras_flavor(keras_version={"a": 1}),
    keras_flavor(model_path="elsewhere"),
    described(lambda flavors: flavors["keras"].pop("save_exported_model")),
    described(lambda flavors: flavors.update(keras=None)),
    described(unpickle),
    described(lambda flavors: flavors.update(sklearn={"pickled_model": "model.pkl"})),
    described(lambda flavors: flavors["python_function"].update(loader_module="json")),
    described(lambda flavors: flavors["python_function"].update(code="..")),
    described(lambda flavors: flavors["python_function"].update(config={"a": 1})),
    plant("code/numpy.py"),
    plant("code/{package}/errors.py"),
    plant("code/{package}/data/__init__.py"),
    plant("code/{package}/errors.so"),
]


@pytest.mark.parametrize("uri", [CHAMPION, "models:/scans/1", "models:/scans/latest"])
def test_the_classes_of_a_registered_model_cannot_be_reversed_unseen(
    kept: Registered, marker: Path, uri: str
) -> None:
    assert answers(uri) == 2
    reverse_classes(kept.folder)
    wanted = (
        r"^models:/scans/1 is not what was registered: the digest of its files is \w{12}…, and was "
        r"\w{12}… when it was logged; nothing of it was loaded: restore its files, or load it all "
        r"the same with --unverified yes\.$"
    )
    with pytest.raises(StoreError, match=wanted):
        Pulled(uri)
    assert answers(uri, unverified=True) == 2


def test_a_pulled_model_says_what_it_is_and_where_its_network_lies(
    kept: Registered, marker: Path
) -> None:
    pulled = Pulled(CHAMPION)
    assert pulled.card.classes == ("large cell", "normal", "squamous")
    assert pulled.card.synthetic
    assert pulled.network == kept.folder / "data/model/model.keras"


def test_a_model_that_was_copied_from_a_server_is_there_until_it_is_loaded(
    kept: Registered, marker: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = iter("ab")

    def fetch(store: TrackingStore, _: str) -> Path:
        copy = shutil.copytree(kept.whole, tmp_path / next(copies))
        weakref.finalize(store, shutil.rmtree, copy)
        return copy

    monkeypatch.setattr(TrackingStore, "fetch", fetch)
    assert answers(CHAMPION) == 2
    assert answers(CHAMPION, unverified=True) == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("by", ["address", "folder"])
def test_what_would_run_other_code_is_refused_and_not_run(
    kept: Registered, marker: Path, harm: Callable[[Path], None], by: str
) -> None:
    harm(kept.folder)
    (kept.folder / "model.pkl").write_text(EVIL)
    with pytest.raises(StoreError):
        Pulled(CHAMPION if by == "address" else str(kept.folder))
    assert not marker.exists()


def test_a_pickle_is_not_even_loaded_where_nothing_is_verified(
    kept: Registered, marker: Path
) -> None:
    described(unpickle)(kept.folder)
    (kept.folder / "model.pkl").write_text(EVIL)
    with pytest.raises(StoreError, match="it is no model of this project"):
        Pulled(CHAMPION, unverified=True)
    assert not marker.exists()


def test_bytecode_beside_a_model_is_neither_run_nor_written(kept: Registered, marker: Path) -> None:
    (source,) = (kept.folder / "code").glob("scan_model_*/errors.py")
    honest = source.read_bytes()
    source.write_text(PLANTED)
    planted = py_compile.compile(
        str(source), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH
    )
    source.write_bytes(honest)
    assert planted is not None
    for uri in (CHAMPION, str(kept.folder)):
        assert answers(uri) == 2
    assert not marker.exists()
    assert [path.name for path in kept.folder.rglob("*.pyc")] == [Path(planted).name]


def test_a_version_without_a_digest_is_refused_with_the_way_on(
    kept: Registered, marker: Path
) -> None:
    client = open_store(None).client
    sealed = client.get_model_version("scans", "1").tags["files_digest"]
    client.delete_model_version_tag("scans", "1", "files_digest")
    wanted = (
        f"cannot be verified, .* register --run {kept.run_id} --register NAME.*--unverified yes"
    )
    with pytest.raises(StoreError, match=wanted):
        Pulled(CHAMPION)
    assert answers(CHAMPION, unverified=True) == 2
    client.set_model_version_tag("scans", "1", "files_digest", sealed)


def test_a_runs_own_model_is_held_to_its_seal_too(kept: Registered, marker: Path) -> None:
    assert answers(f"runs:/{kept.run_id}/tiny") == 2
    reverse_classes(kept.folder)
    with pytest.raises(StoreError, match="is not what was registered"):
        Pulled(f"runs:/{kept.run_id}/tiny")


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("models:/none@champion", "cannot be pulled"),
        ("models:/scans@nobody", "cannot be pulled"),
        ("models:/scans/99", "cannot be pulled"),
        ("models:/scans", "cannot be pulled"),
        ("models:/scans/1/2/3", "cannot be pulled"),
        ("models:", "cannot be pulled"),
        ("models:/m-0123456789abcdef0123456789abcdef", "cannot be pulled"),
        (f"models:/{'x' * 300}@champion", "cannot be pulled"),
        ("runs:/0123456789abcdef0123456789abcdef/tiny", "cannot be pulled"),
        ("runs:/", "cannot be pulled"),
        ("s3://bucket/model", "into a folder first"),
        ("gs://bucket/model", "into a folder first"),
        ("http://127.0.0.1:1/model", "into a folder first"),
        ("file:///tmp/model", "into a folder first"),
        ("mlflow-artifacts:/1/models", "into a folder first"),
        ("~nobody-of-that-name/model", "there is no user"),
        ("x" * 300, "may have 255 bytes"),
        ("a\0b", "holds a NUL"),
        ("", "must hold MLmodel"),
        ("/dev/null", "there is no such folder"),
        ("/proc", "must hold MLmodel"),
    ],
)
def test_an_address_that_leads_nowhere_is_one_line(marker: Path, uri: str, said: str) -> None:
    with pytest.raises(BenchmarkError, match=re.escape(said)) as refused:
        Pulled(uri)
    assert refused.value.exit_code == 2
    assert "\n" not in str(refused.value)


def test_another_network_in_the_store_is_not_handed_to_a_composite(
    kept: Registered, marker: Path
) -> None:
    from benchmark.tracking.models import network_path

    store = open_store(None)
    model_id = store.client.get_run(kept.run_id).data.tags["model_id"]
    path = network_path(store, model_id)
    path.write_bytes(path.read_bytes()[::-1])
    with pytest.raises(StoreError, match="is not the one that was logged"):
        network_path(store, model_id)
