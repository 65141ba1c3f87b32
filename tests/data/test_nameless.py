"""What is logged of real images names none of their files, and finds them again."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from benchmark.data import NamedReader, hidden, named_again, shown_names, without_names
from benchmark.data.audit import Audit, Finding, Severity
from benchmark.data.audit.findings import Fault
from benchmark.records import Index, LeftOut

PATHS = ("train/mueller-1.png", "train/mueller-2.png", "test/meier.png")
HASHES = ("a" * 64, "b" * 64, "a" * 64)


class Reads:
    """Gives a file's own name as its bytes."""

    def read(self, path: str) -> bytes | npt.NDArray[np.uint8]:
        """Return the name."""
        assert path in PATHS
        return path.encode()


@pytest.fixture
def index() -> Index:
    return Index(
        name="scans", modality="ct", synthetic=False, classes=("ill",), paths=PATHS,
        labels=np.zeros(3, dtype=np.int64), parts=(None,) * 3, patients=(None,) * 3,
        hashes=HASHES, reader=Reads(), left_out=(LeftOut(path="x/schulze.png", reason="cut"),),
    )  # fmt: skip


def test_names_are_of_the_content_and_all_differ(index: Index) -> None:
    assert shown_names(index) == ("a" * 16, "b" * 16, f"{'a' * 16}-2")
    assert shown_names(replace(index, synthetic=True)) == PATHS


def test_images_are_read_by_either_name(index: Index) -> None:
    reader = NamedReader(index)
    assert [reader.read(name) for name in shown_names(index)] == [each.encode() for each in PATHS]
    assert reader.read(PATHS[1]) == PATHS[1].encode()


def test_a_copy_that_is_not_in_this_data_set_is_read_from_the_first(index: Index) -> None:
    assert NamedReader(index).read(f"{'b' * 16}-2") == PATHS[1].encode()


def test_findings_and_notes_name_no_file(index: Index) -> None:
    finding = Finding(
        kind=Fault.EXACT_DUPLICATE, severity=Severity.ERROR, summary="schulze.png is cut",
        files=(*PATHS, "x/schulze.png"), groups=(PATHS,), effect="", remedy="",
        figures={"'x/schulze.png' is no image": 1},
    )  # fmt: skip
    own = Audit(
        data="scans", data_digest="", split_digest="", synthetic=False, images=3, distinct=2,
        findings=(finding,),
    )  # fmt: skip
    text = without_names(own, index).text
    assert not any(name in text for name in ("mueller", "meier", "schulze"))
    assert "a" * 16 in text
    assert without_names(own, replace(index, synthetic=True)) == own
    assert hidden("'x/schulze.png' (cut)", index) == "a file (cut)"


def test_a_logged_split_gets_its_paths_back(index: Index) -> None:
    lines = [f"{name},train" for name in shown_names(index)]
    logged = "\r\n".join(["path,part", *lines, ""])
    own = "\r\n".join(["path,part", *(f"{path},train" for path in PATHS), ""])
    assert named_again(logged, index) == own
    assert named_again(own, index) == own
