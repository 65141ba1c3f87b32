"""Anonymised DICOM: what stands where a patient was removed is no patient."""

from pathlib import Path
from typing import Any

import pytest

from benchmark.cache import Cache
from benchmark.data import ReadOptions, read_index
from benchmark.data.placeholders import is_placeholder
from benchmark.records import Index
from tests.data.pictures import dicom, noise


@pytest.mark.parametrize(
    "text",
    ["ANONYMOUS", "Anonymized", "anonymised^", "0", "000000", "UNKNOWN", "n/a", "None", "XXXX",
     "De-Identified", "de_identified", "-", "?", "no name", "REMOVED"],
)  # fmt: skip
def test_what_stands_for_a_removed_patient(text: str) -> None:
    assert is_placeholder(text)


@pytest.mark.parametrize(
    "text", ["7", "0001", "100", "ANON0001", "patient7", "LIDC-IDRI-0001", "Xu", "Nan Li", "X1"]
)
def test_what_tells_a_patient(text: str) -> None:
    assert not is_placeholder(text)


def read(tmp_path: Path, patients: list[dict[str, Any]], **options: Any) -> Index:
    for number, tags in enumerate(patients):
        folder = tmp_path / "set" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:02d}.dcm").write_bytes(dicom(noise(f"p{number}", 8, 8), **tags))
    wanted = ReadOptions(needs_parts=False, **options)
    return read_index(str(tmp_path / "set"), wanted, Cache(tmp_path / "cache"))


REAL = [{"PatientID": f"P{number // 2}"} for number in range(4)]


def test_placeholders_among_patients_are_not_one_patient(tmp_path: Path) -> None:
    index = read(tmp_path, [*REAL, *[{"PatientID": "ANONYMOUS"}] * 4])
    known = [patient for patient in index.patients if patient]
    assert (len(known), len(set(known))) == (4, 2)
    assert any("4 of 8 images state a placeholder as patient" in note for note in index.notes)


def test_a_study_keeps_images_together_where_the_patient_was_removed(tmp_path: Path) -> None:
    studies = [{"PatientID": "0", "StudyInstanceUID": f"1.2.{n // 2}"} for n in range(4)]
    index = read(tmp_path, [*REAL, *studies])
    assert len(set(index.patients)) == 4
    assert any("4 of them are kept together by their study" in note for note in index.notes)


def test_nothing_is_said_of_them_where_a_pattern_tells_patients(tmp_path: Path) -> None:
    index = read(tmp_path, [{"PatientID": "ANONYMOUS"}] * 4 + REAL, patient_pattern=r"(\d+)\.dcm")
    assert len(set(index.patients)) == 8
    assert not any("placeholder" in note for note in index.notes)


def test_real_patients_need_no_note(tmp_path: Path) -> None:
    assert read(tmp_path, REAL).notes == ()


def table(tmp_path: Path, patients: list[str], files: list[dict[str, Any]]) -> Index:
    """Return the index of a table that names patients, and DICOM files that may name others."""
    lines = ["path,label,patient"]
    for number, (patient, tags) in enumerate(zip(patients, files, strict=True)):
        (tmp_path / f"{number}.dcm").write_bytes(dicom(noise(f"t{number}", 8, 8), **tags))
        lines.append(f"{number}.dcm,{'ab'[number % 2]},{patient}")
    (tmp_path / "table.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    wanted = ReadOptions(needs_parts=False)
    return read_index(str(tmp_path / "table.csv"), wanted, Cache(tmp_path / "cache"))


def test_a_placeholder_in_a_table_is_no_patient_and_0_is_one(tmp_path: Path) -> None:
    index = table(tmp_path, ["0", "0", "1", "1", "anonymous", "anonymous"], [{}] * 6)
    assert index.patients[4:] == (None, None)
    assert len(set(index.patients[:4])) == 2
    assert any("2 of 6 images state a placeholder" in note for note in index.notes)


def test_nothing_is_said_of_files_whose_patients_a_table_tells(tmp_path: Path) -> None:
    index = table(tmp_path, ["0", "0", "1", "1"], [{"PatientID": "ANONYMOUS"}] * 4)
    assert len(set(index.patients)) == 2
    assert not any("placeholder" in note for note in index.notes)
