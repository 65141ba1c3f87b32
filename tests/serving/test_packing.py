import ast
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import benchmark
from benchmark.errors import DataError
from benchmark.serving import Card, package
from benchmark.serving.card import verify_network
from benchmark.serving.package import code_digest, copy_modules, needed_modules

from .conftest import card_of

ROOT = Path(benchmark.__file__).parent
MODULES = needed_modules(ROOT, "serving/model.py")


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
    packed = package(network, card_of(network), tmp_path / "parts")
    assert re.fullmatch(r"scan_model_[0-9a-f]{12}", packed.code.name)
    assert packed.loader == f"{packed.code.name}.serving.model"
    pinned = {line.partition("==")[0] for line in packed.requirements}
    assert {"mlflow", "keras", "numpy", "pandas", "pillow", "pydicom"} <= pinned
    assert pinned & {"tensorflow", "tensorflow-cpu"}
    assert Card.read(packed.data) == card_of(network)


def test_a_class_named_like_an_output_column_is_refused(network: Path, tmp_path: Path) -> None:
    card = replace(card_of(network), classes=("label", "normal"))
    with pytest.raises(DataError, match="no class may be named label"):
        package(network, card, tmp_path / "parts")


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
