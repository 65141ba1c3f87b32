"""Which alias a board's champion gets, and what a person is told of it."""

import json
from typing import Any, cast

import pytest

from benchmark.board import Board, BoardSubject, rank
from benchmark.errors import DataError
from benchmark.jobs.registering import Registered, Registering, register
from benchmark.records import Record
from benchmark.tracking import CANDIDATE, CHAMPION
from tests.board.made import Made, erring, spec, spread
from tests.jobs.known import Bytes, Known, version_of, with_model

SUBJECT = BoardSubject(synthetic=False, split="official", classes=("a", "b"), splits=("s",))


@pytest.fixture
def known() -> Known:
    return Known()


def board(known: Known, *made: Made) -> Board:
    """Rank runs that the tracker then knows."""
    own = [(with_model(record), evidence) for record, evidence in made]
    for record, each in own:
        known.add(record, each)
    evidence = {record.spec.digest: each for record, each in own}
    return rank([record for record, _ in own], evidence=evidence, subject=SUBJECT)


def older(known: Known, wrong: int, **tags: str) -> Record:
    """Crown a run on another split."""
    record, evidence = erring("older", spread(wrong), of=spec("older", split="before"))
    record = with_model(record)
    known.add(record, evidence)
    known.crown(record, **tags)
    return record


def registered(
    known: Known,
    ranked: Board,
    chosen: Record | None = None,
    *,
    force: bool = False,
    reader: Any = None,
) -> Registered:
    how = Registering(
        tracker=cast("Any", known),
        name="scans",
        reader=reader or Bytes(),
        say=lambda _: None,
        force=force,
    )
    return register(how, ranked, chosen)


def test_the_first_version_of_a_name_is_champion(known: Known) -> None:
    done = registered(known, board(known, erring("good", spread(6))))
    assert known.versions[CHAMPION].run_id in known.records
    assert done.said.startswith("scans version 2 is champion: good; reloaded")


def test_a_network_that_beats_the_champion_replaces_it_and_its_card_says_so(known: Known) -> None:
    older(known, 30)
    done = registered(known, board(known, erring("good", spread(6))))
    assert done.uri == "models:/scans@champion"
    assert "it is not worse and has the better probabilities" in done.said
    assert "It replaced version 1: it is not worse" in known.registered[0].description
    assert known.registered[0].tags["compared_with"] == "1"


def test_a_network_that_does_not_beat_the_champion_is_a_candidate(known: Known) -> None:
    first = older(known, 2)
    done = registered(known, board(known, erring("good", spread(20))))
    assert known.versions[CHAMPION].run_id == first.run_id
    assert done.uri == "models:/scans@candidate"
    assert "not champion: it is worse than the champion" in done.said
    run_id = known.versions[CANDIDATE].run_id
    wanted = f"benchmark register --register scans --run {run_id} --promote yes"
    assert done.said.endswith(wanted)
    assert "Candidate, not champion" in known.registered[0].description
    assert not done.failed


def test_a_comparison_is_not_made_twice(known: Known) -> None:
    older(known, 2)
    ranked = board(known, erring("good", spread(20)))
    first = registered(known, ranked)
    known.learnt.clear()  # whoever compares again finds that nothing can be compared
    assert registered(known, ranked).said == first.said


def test_what_a_person_went_back_from_is_champion_again_only_by_force(known: Known) -> None:
    older(known, 30)
    ranked = board(known, erring("good", spread(6)))
    known.left[ranked.rows[0].representative.model_id] = "7"
    done = registered(known, ranked)
    assert done.uri == "models:/scans@candidate"
    assert "a person went back from it, version 7 (benchmark rollback)" in done.said
    assert registered(known, ranked, force=True).uri == "models:/scans@champion"


def test_another_champion_is_compared_with_anew(known: Known) -> None:
    older(known, 2)
    ranked = board(known, erring("good", spread(20)))
    registered(known, ranked)
    known.versions[CHAMPION] = version_of(older(known, 30), "5", CHAMPION, {})
    assert registered(known, ranked).uri == "models:/scans@champion"


def test_a_person_can_force_a_champion_and_the_version_says_so(known: Known) -> None:
    older(known, 2)
    ranked = board(known, erring("good", spread(20)))
    done = registered(known, ranked, ranked.rows[0].representative, force=True)
    assert done.uri == "models:/scans@champion"
    assert known.registered[0].tags["forced"] == "yes"
    assert "Made champion by a person" in known.registered[0].description


def test_random_weights_over_a_pretrained_champion_are_a_candidate(known: Known) -> None:
    older(known, 30, weights="imagenet", arch="resnet50")
    done = registered(known, board(known, erring("good", spread(6), of=spec(weights="none"))))
    assert done.uri == "models:/scans@candidate"
    assert "random weights" in done.said


def test_other_classes_under_a_name_are_refused_and_nothing_is_registered(known: Known) -> None:
    older(known, 30, classes=json.dumps(["covid", "normal"]))
    done = registered(known, board(known, erring("good", spread(6))), force=True)
    assert done.is_mistake
    assert "the registered model scans tells covid, normal apart, not a, b" in done.said
    assert known.registered == []


def test_classes_that_a_version_does_not_say_are_those_of_its_run(known: Known) -> None:
    before, evidence = erring("older", [0], sizes=(3, 3, 3), of=spec("older", split="before"))
    known.add(before, evidence)
    known.crown(before)
    done = registered(known, board(known, erring("good", spread(6))))
    assert done.is_mistake
    assert "tells a, b, c apart" in done.said


def test_noise_is_not_registered_and_that_is_no_failure(known: Known) -> None:
    done = registered(known, board(known, erring("bad", spread(36))))
    assert known.registered == []
    assert (done.failed, done.is_mistake) == (False, False)
    assert done.said.startswith("nothing is promoted")


def test_the_champion_itself_is_left_alone(known: Known) -> None:
    ranked = board(known, erring("good", spread(6)))
    known.crown(ranked.rows[0].representative)
    assert "is the champion already" in registered(known, ranked).said
    assert known.registered == []


class Gone(Bytes):
    """A reader whose images are gone."""

    def read(self, path: str) -> bytes:
        raise DataError("there is no such file.")


class Another(Bytes):
    """A reader that gives another image."""

    def read(self, path: str) -> bytes:
        return b"another"


@pytest.mark.parametrize(
    ("reader", "said"), [(Gone(), "is not in this data set"), (Another(), "not the image it was")]
)
def test_no_version_is_made_of_a_model_whose_images_are_gone(
    known: Known, reader: Any, said: str
) -> None:
    done = registered(known, board(known, erring("good", spread(6))), reader=reader)
    assert done.failed
    assert said in done.said
    assert known.registered == []
