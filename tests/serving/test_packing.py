import ast
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import benchmark
from benchmark.errors import DataError
from benchmark.files import file_digest
from benchmark.serving import Card, Packed, package
from benchmark.serving.card import verify_network
from benchmark.serving.package import code_digest, copy_modules, needed_modules

from .conftest import card_of

ROOT = Path(benchmark.__file__).parent
MODULES = needed_modules(ROOT, "serving/model.py")


SMALL = {"mlflow-skinny", "alembic", "sqlalchemy", "numpy", "pandas", "pillow", "pydicom"}


def pinned(packed: Packed, where: Mapping[str, str] | None = None) -> set[str]:
    """Return the names of what is installed on a platform, by default this one; all are pinned."""
    found = [Requirement(line) for line in packed.requirements]
    assert all(re.fullmatch(r"==[\w.]+", str(each.specifier)) for each in found)
    return {each.name for each in found if not each.marker or each.marker.evaluate(where or {})}


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "model.keras"
    path.write_bytes(b"a network")
    return path


def test_the_model_takes_the_decoding_that_training_uses() -> None:
    assert {"data/decoding.py", "data/dicom.py", "errors.py", "records.py"} <= set(MODULES)


def test_the_model_takes_nothing_of_the_rooms_it_does_not_need() -> None:
    folders = {Path(module).parts[0] for module in MODULES if "/" in module}
    assert folders == {"data", "serving"}


def test_the_models_code_imports_nothing_of_the_benchmark_by_name() -> None:
    for module in MODULES:
        for node in ast.walk(ast.parse((ROOT / module).read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            assert not [name for name in names if name.split(".")[0] == "benchmark"], module


def test_an_import_of_a_front_door_is_refused(tmp_path: Path) -> None:
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "__init__.py").write_text("thing = 1\n")
    (tmp_path / "entry.py").write_text("from .room import thing\n")
    with pytest.raises(FileNotFoundError, match=r"entry\.py: line 1 must import from a module's"):
        needed_modules(tmp_path, "entry.py")


def test_a_changed_line_changes_the_codes_digest(tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text("x = 1\n")
    before = code_digest(tmp_path, ("one.py",))
    (tmp_path / "one.py").write_text("x = 2\n")
    assert code_digest(tmp_path, ("one.py",)) != before


def test_the_copied_code_imports_in_a_process_without_the_benchmark(tmp_path: Path) -> None:
    copy_modules(ROOT, MODULES, tmp_path / "scan_model_copy")
    program = (
        "import sys; import scan_model_copy.serving.model as model\n"
        "print(any(name.split('.')[0] == 'benchmark' for name in sys.modules),"
        " any(name.split('.')[0] in ('keras', 'mlflow') for name in sys.modules), model.LABEL)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, env={}
    )
    assert (done.stdout, done.stderr) == ("False False label\n", "")


def test_a_package_is_named_after_its_code_and_pins_what_it_needs(
    network: Path, tmp_path: Path
) -> None:
    packed = package(network.parent, card_of(network), tmp_path / "parts")
    assert re.fullmatch(r"scan_model_[0-9a-f]{12}", packed.code.name)
    assert packed.loader == f"{packed.code.name}.serving.model"
    assert {*SMALL, "keras"} <= pinned(packed)
    assert "openvino" not in pinned(packed)
    assert Card.read(packed.data) == card_of(network)


@pytest.mark.parametrize(
    ("platform", "backend"),
    [
        (("linux", "x86_64"), "tensorflow-cpu"),
        (("linux", "aarch64"), "tensorflow"),
        (("darwin", "arm64"), "tensorflow"),
        (("win32", "AMD64"), "tensorflow"),
    ],
)
def test_every_platform_has_one_backend_that_is_made_for_it(
    network: Path, tmp_path: Path, platform: tuple[str, str], backend: str
) -> None:
    where = dict(zip(("sys_platform", "platform_machine"), platform, strict=True))
    packed = package(network.parent, card_of(network), tmp_path / "parts")
    assert pinned(packed, where) & {"tensorflow", "tensorflow-cpu"} == {backend}


def test_a_light_package_pins_openvino_in_the_place_of_keras(network: Path, tmp_path: Path) -> None:
    card = replace(card_of(network), graph_sha256="1" * 64)
    packed = package(network.parent, card, tmp_path / "parts")
    assert pinned(packed) >= {*SMALL, "openvino"}
    assert not pinned(packed) & {"keras", "tensorflow", "tensorflow-cpu"}
    assert [path.name for path in packed.files] == ["model.xml", "model.bin"]


def test_a_light_network_needs_both_of_its_files(network: Path) -> None:
    graph, weights = network.with_name("model.xml"), network.with_name("model.bin")
    for path in (graph, weights):
        path.write_bytes(path.name.encode())
    card = replace(card_of(weights), graph_sha256=file_digest(graph))
    assert verify_network(network.parent, card) == graph
    weights.write_bytes(b"model.bin ")
    with pytest.raises(DataError, match=r"model\.bin must have the SHA-256"):
        verify_network(network.parent, card)
    weights.unlink()
    with pytest.raises(DataError, match=r"must hold model\.bin"):
        verify_network(network.parent, card)


def test_a_class_named_like_an_output_column_is_refused(network: Path, tmp_path: Path) -> None:
    card = replace(card_of(network), classes=("label", "normal"))
    with pytest.raises(DataError, match="no class may be named label"):
        package(network.parent, card, tmp_path / "parts")


def test_a_truncated_network_is_refused(network: Path) -> None:
    card = card_of(network)
    assert verify_network(network.parent, card) == network
    network.write_bytes(b"a netw")
    with pytest.raises(DataError, match="it is truncated or was replaced"):
        verify_network(network.parent, card)


def test_a_card_of_another_format_is_refused(network: Path) -> None:
    card_of(network).write(network.parent)
    path = network.parent / "model.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 9'))
    with pytest.raises(DataError, match="must be of format 1, not 9"):
        Card.read(network.parent)


def test_a_missing_card_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"must hold model\.json"):
        Card.read(tmp_path)
