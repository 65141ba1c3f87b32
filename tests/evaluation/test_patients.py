from dataclasses import replace

import numpy as np
import pytest

from benchmark.evaluation import by_patient
from benchmark.records import Part
from tests.evaluation.made import Make, turned


def test_a_patient_has_the_mean_of_its_images_probabilities(make: Make) -> None:
    rows = make(images=60, per_unit=3)
    found = by_patient(rows)
    assert found is not None
    assert found.units is not None
    assert rows.units is not None
    for place, unit in enumerate(found.units.tolist()):
        own = rows.units == unit
        assert found.labels[place] == rows.labels[own][0]
        assert found.parts[place] is rows.parts[np.flatnonzero(own)[0]]
        wanted = rows.probabilities[own].mean(axis=0)
        assert found.probabilities[place] == pytest.approx(wanted)
    assert len(set(found.hashes)) == len(found.hashes) == len(set(rows.units.tolist()))


def test_the_order_of_rows_does_not_matter(make: Make) -> None:
    rows = make(images=60, per_unit=3)
    one, other = by_patient(rows), by_patient(turned(rows, 4))
    assert one is not None
    assert other is not None
    assert one.hashes == other.hashes
    assert (one.probabilities == other.probabilities).all()


def test_copies_of_an_image_count_once(make: Make) -> None:
    rows = make(images=4, classes=2)
    rows = replace(rows, units=np.zeros(4, dtype=np.int64), labels=np.zeros(4, dtype=np.int64))
    rows = replace(rows, parts=(Part.TEST,) * 4)
    said = rows.probabilities.copy()
    said[1:3] = said[0]
    found = by_patient(replace(rows, probabilities=said))
    assert found is not None
    assert found.probabilities[0] == pytest.approx((said[0] + said[3]) / 2)


def test_images_of_one_unit_that_are_the_same_picture_are_no_patient(make: Make) -> None:
    rows = make(images=30, per_unit=3)
    assert rows.units is not None
    firsts = np.array([np.flatnonzero(rows.units == unit)[0] for unit in rows.units])
    assert by_patient(replace(rows, probabilities=rows.probabilities[firsts])) is None
    assert by_patient(make(images=30, per_unit=1)) is None
    assert by_patient(make(images=30)) is None
    assert by_patient(rows.take(np.array([], dtype=np.int64))) is None


def test_a_patient_of_two_classes_has_a_row_for_each(make: Make) -> None:
    rows = make(images=30, classes=2)
    found = by_patient(replace(rows, units=np.arange(30) // 15, parts=(Part.TEST,) * 30))
    assert found is not None
    assert len(found.hashes) == 4


def test_a_patient_with_a_copy_is_one(make: Make) -> None:
    rows = make(images=60, per_unit=3, copies=0.1)
    found = by_patient(rows)
    assert found is not None
    assert found.units is not None
    assert rows.units is not None
    marked = set(rows.units[rows.is_copy].tolist())
    assert set(found.units[found.is_copy].tolist()) == marked
    assert 0 < len(marked) < len(found.hashes)
