"""Which version a light one stands beside, and what a person is told."""

from typing import Any, cast

import pytest

from benchmark.cli import run_command
from benchmark.errors import DataError, PromotionError, UsageError
from benchmark.jobs.lightening import register_light
from benchmark.jobs.registering import Registered, Registering
from benchmark.records import Record
from benchmark.tracking import CANDIDATE
from tests.board.made import erring, spread
from tests.jobs.known import Bytes, Known, version_of, with_model


class Gone:
    """A reader that has none of the images."""

    def read(self, path: str) -> bytes:
        raise DataError("it is gone")


def made(known: Known, name: str) -> Record:
    record, evidence = erring(name, spread(6))
    record = with_model(record)
    known.add(record, evidence)
    return record


def lightened(known: Known, chosen: Record | None = None, reader: Any = None) -> Registered:
    how = Registering(
        tracker=cast("Any", known), name="scans", reader=reader or Bytes(), say=lambda _: None
    )
    return register_light(how, chosen)


def test_the_champion_s_network_becomes_champion_light() -> None:
    known = Known()
    champion = made(known, "good")
    known.crown(champion, arch="good", compared_with="1")
    done = lightened(known)
    assert done.uri == "models:/scans@champion-light"
    assert done.said.startswith("scans version 2 is champion-light: good without TensorFlow and")
    assert known.versions["champion-light"].run_id == champion.run_id
    (wanted,) = known.registered
    assert (wanted.tags["light_version_of"], wanted.tags["arch"]) == ("1", "good")
    assert "compared_with" not in wanted.tags


def test_a_run_that_is_candidate_becomes_candidate_light() -> None:
    known = Known()
    known.crown(made(known, "good"))
    other = made(known, "other")
    known.versions[CANDIDATE] = version_of(other, "2", CANDIDATE, {})
    assert lightened(known, other).uri == "models:/scans@candidate-light"


def test_without_a_full_version_there_is_no_light_one() -> None:
    known = Known()
    with pytest.raises(UsageError, match="and scans has no champion: register it first"):
        lightened(known)
    known.crown(made(known, "good"))
    with pytest.raises(UsageError, match=r"the run \S+ is neither champion nor candidate"):
        lightened(known, made(known, "other"))


def test_a_candidate_alone_is_no_champion_to_stand_beside() -> None:
    known = Known()
    known.versions[CANDIDATE] = version_of(made(known, "good"), "1", CANDIDATE, {})
    with pytest.raises(UsageError, match="register it first, without --flavour"):
        lightened(known)


def test_a_light_network_that_fails_is_told_and_not_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    known = Known()
    known.crown(made(known, "good"))
    assert lightened(known, reader=Gone()).failed

    def refuse(*_: object) -> None:
        raise PromotionError("its probabilities differ")

    monkeypatch.setattr(known, "register_light", refuse)
    done = lightened(known)
    assert (done.failed, done.said) == (True, "its probabilities differ")


def test_a_light_version_makes_nobody_champion(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["register", "--flavour", "openvino", "--promote", "yes"]) == 2
    assert "register the network first, then its light version" in capsys.readouterr().err
