"""On which images, and by whose answers, a new network is held against the champion."""

import csv
import io
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from benchmark.board import BoardEvidence, Duel
from benchmark.jobs.replacing import challenge
from benchmark.records import Part, Record
from tests.board.made import erring, spec, spread
from tests.jobs.known import Bytes, Known, with_model


@pytest.fixture
def known() -> Known:
    return Known()


def run(known: Known, arch: str, wrong: int, sure: float = 0.9) -> Record:
    """Add a run with so many errors among 72 validation images."""
    record, evidence = erring(arch, spread(wrong), sure=sure)
    record = with_model(record)
    known.add(record, evidence)
    return record


def held(known: Known, present: Record, new: Record) -> Duel:
    version = known.crown(present)
    tracker, reader = cast("Any", known), cast("Any", Bytes())
    return challenge(tracker, version, new, reader, lambda _: None)


def test_a_better_network_replaces_the_champion_by_the_recorded_answers(known: Known) -> None:
    found = held(known, run(known, "old", 30), run(known, "new", 4))
    assert found.replaces
    assert "on 72 units that neither learnt from" in found.said
    assert known.asked == []


def test_a_worse_network_does_not_replace_the_champion(known: Known) -> None:
    found = held(known, run(known, "old", 4), run(known, "new", 30))
    assert not found.replaces
    assert found.said.startswith("it is worse than the champion")


def test_the_same_answers_leave_the_champion_where_it_is(known: Known) -> None:
    assert not held(known, run(known, "old", 4), run(known, "new", 4)).replaces


@pytest.mark.parametrize("learner", ["old", "new"])
def test_images_that_either_was_trained_on_judge_nobody(known: Known, learner: str) -> None:
    old, new = run(known, "old", 30), run(known, "new", 4)
    table = known.tables[new.run_id].part(Part.VAL)
    of = {"old": old, "new": new}[learner]
    known.learnt[of.run_id] = frozenset(table.hashes[:12] + table.hashes[36:48])
    assert "on 48 units that neither learnt from" in held(known, old, new).said


def test_too_few_common_images_replace_nobody(known: Known) -> None:
    old, new = run(known, "old", 30), run(known, "new", 4)
    known.learnt[old.run_id] = frozenset(known.tables[new.run_id].part(Part.VAL).hashes[10:])
    found = held(known, old, new)
    assert not found.replaces
    assert "at least 30" in found.said


def test_the_champion_is_asked_only_about_images_that_its_tables_lack(known: Known) -> None:
    old, new = run(known, "old", 30), run(known, "new", 4)
    table = known.tables[old.run_id]
    known.answers = dict(zip(table.paths, table.probabilities, strict=True))
    known.tables[old.run_id] = table.where(np.arange(len(table.hashes)) >= 20)
    assert held(known, old, new).replaces
    assert known.asked == list(table.paths[:20])


def test_an_image_that_is_another_than_it_was_is_not_asked_about(known: Known) -> None:
    class Other(Bytes):
        def read(self, path: str) -> bytes:
            return b"another image"

    old, new = run(known, "old", 30), run(known, "new", 4)
    known.tables[old.run_id] = known.tables[old.run_id].part(Part.TEST)
    version = known.crown(old)
    found = challenge(cast("Any", known), version, new, Other(), lambda _: None)
    assert not found.replaces
    assert "is not the image it was" in found.said


def test_answers_out_of_fold_are_taken_before_those_of_a_network_stopped_on_the_images(
    known: Known,
) -> None:
    old, new = run(known, "old", 10), run(known, "new", 0)
    _, honest = erring("new", spread(40))
    known.folds[new.run_id] = honest.predictions.part(Part.VAL)
    found = held(known, old, new)
    assert not found.replaces
    assert found.said.startswith("it is worse")


def test_older_runs_are_known_by_the_split_of_their_benchmark(known: Known) -> None:
    old, new = run(known, "old", 30), run(known, "new", 4)
    hashes = known.tables[new.run_id].part(Part.VAL).hashes
    known.learnt.clear()
    text = io.StringIO()
    lines = csv.DictWriter(text, ["path", "hash", "label", "part"])
    lines.writeheader()
    for place, sha256 in enumerate(hashes):
        part = "train" if place % 6 == 0 else "val"
        lines.writerow({"path": f"{place}.png", "hash": sha256, "label": "a", "part": part})
    known.texts["benchmark", "split.csv"] = text.getvalue()
    assert "on 60 units that neither learnt from" in held(known, old, new).said


def test_a_run_whose_training_images_nobody_knows_is_not_replaced(known: Known) -> None:
    old, new = run(known, "old", 30), run(known, "new", 4)
    known.learnt.clear()
    found = held(known, old, new)
    assert not found.replaces
    assert "was trained on is not known any more" in found.said


def test_a_champion_whose_run_is_gone_is_not_replaced(known: Known) -> None:
    old, new = run(known, "old", 30), run(known, "new", 4)
    del known.records[old.run_id]
    found = held(known, old, new)
    assert not found.replaces
    assert found.said.startswith("the two cannot be compared: the run")


def test_a_champion_of_other_classes_is_not_replaced(known: Known) -> None:
    old, new = run(known, "old", 30), run(known, "new", 4)
    table = known.tables[old.run_id]
    known.add(old, BoardEvidence(predictions=replace(table, classes=("x", "y"))))
    assert "one tells x, y apart, the other a, b" in held(known, old, new).said


def test_a_recipe_is_not_judged_by_its_name(known: Known) -> None:
    old, _ = erring("same", spread(30), of=spec("same", seed=1))
    new, evidence = erring("same", spread(4), of=spec("same", seed=2))
    known.add(old, erring("same", spread(30))[1])
    known.add(new, evidence)
    assert held(known, old, new).replaces
