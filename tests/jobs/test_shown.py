"""What of a request is logged, and where a data set is found again."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.cache import Cache
from benchmark.errors import UsageError
from benchmark.jobs.shown import recall, remember, shown
from benchmark.request import Request


@pytest.mark.parametrize(
    ("option", "text", "logged"),
    [
        ("data", "/home/smith/ward 7/scans", "scans"),
        ("data", "../smith/scans/", "scans"),
        ("data", "chest-ct", "chest-ct"),
        ("output", "~/smith/results", "results"),
        ("cache", "C:\\Users\\smith\\cache", "cache"),
        ("split", "70/15/15", "70/15/15"),
        ("split", "/home/smith/split.csv", "split.csv"),
        ("storage", "postgresql://ann:geheim@db/x", "postgresql://ann:***@db/x"),
        ("storage", "sqlite:////home/smith/studies.db", "sqlite:///studies.db"),
        ("class_weight", "balanced", "balanced"),
        ("weights", "/home/smith/weights", "weights"),
        ("weights", "none,vgg16=/home/smith/a.h5:tf,vgg19=~/b", "none,vgg16=a.h5:tf,vgg19=b"),
    ],
)
def test_a_param_shows_no_folder_and_no_password(option: str, text: str, logged: str) -> None:
    request = Request.read({})
    assert shown(replace(request, texts={**request.texts, option: text}))[option] == logged


def test_options_of_an_entrys_own_are_shown_likewise() -> None:
    entry = {"arch": "cnn", "augmentation": "auto", "class_weight": "balanced"}
    request = Request.read({}, [entry])
    (own,) = json.loads(shown(request)["entries"])
    assert own == {"arch": "cnn", "class_weight": "balanced"}


def test_a_data_set_is_found_where_it_was_last(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    for name in ("first", "second"):
        place = tmp_path / name / "scans"
        place.mkdir(parents=True)
        remember(Request.read({"data": str(place)}), "d1", cache)
        assert recall("scans", "d1", cache) == str(place)
    with pytest.raises(UsageError, match="'scans' lies is not known to this cache: name it with"):
        recall("scans", "another", cache)


def test_a_data_set_that_is_gone_must_be_named(tmp_path: Path) -> None:
    cache, place = Cache(tmp_path / "cache"), tmp_path / "scans"
    place.mkdir()
    remember(Request.read({"data": str(place)}), "d1", cache)
    place.rmdir()
    with pytest.raises(UsageError, match="name it with --data"):
        recall("scans", "d1", cache)


def test_a_known_data_set_needs_no_place(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    remember(Request.read({"data": "phantom"}), "d1", cache)
    assert recall("phantom", "d1", cache) == "phantom"
    assert not any(each.entries for each in cache.usage())


def test_a_folder_that_bears_a_published_set_s_name_is_found_where_it_lies(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    place = tmp_path / "chest-ct"
    place.mkdir()
    remember(Request.read({"data": str(place)}), "d1", cache)
    assert recall("chest-ct", "d1", cache) == str(place)
    assert recall("chest-ct", "d2", cache) == "chest-ct"
    place.rmdir()
    assert recall("chest-ct", "d1", cache) == "chest-ct"
