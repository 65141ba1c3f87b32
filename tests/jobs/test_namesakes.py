"""Two folders of one name are two data sets, and are told apart before any work."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from benchmark.cache import Cache
from benchmark.data import ReadOptions, read_index
from benchmark.errors import UsageError
from benchmark.jobs.namesakes import check_names
from benchmark.records import Index
from benchmark.request import Request
from benchmark.tracking import Benchmark
from tests.board.made import erring, spread
from tests.data.pictures import encode, noise
from tests.jobs.known import Known


@dataclass(frozen=True)
class Named:
    """An experiment of a name."""

    name: str


@dataclass(kw_only=True)
class Store(Known):
    """A store with an experiment's benchmarks."""

    experiment: Named = field(default_factory=lambda: Named("chest"))
    known: list[Benchmark] = field(default_factory=list)

    def benchmarks(self) -> tuple[Benchmark, ...]:
        """Return the benchmarks."""
        return tuple(self.known)

    def keep(self, run_id: str, index: Index) -> None:
        """Keep a benchmark on a data set."""
        self.known.insert(
            0,
            Benchmark(
                run_id=run_id,
                params={},
                splits=(),
                synthetic=False,
                data_digest=index.digest,
                touched=0,
            ),
        )
        lines = [f"{path},{each}" for path, each in zip(index.paths, index.hashes, strict=True)]
        self.texts[run_id, "split.csv"] = "\n".join(["path,hash", *lines]) + "\n"


def index_of(root: Path, *names: str) -> Index:
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(encode(noise(name + root.parent.name, 8, 8)))
    return read_index(str(root), ReadOptions(needs_parts=False), Cache(root.parent / "cache"))


@pytest.fixture
def first(tmp_path: Path) -> Index:
    return index_of(tmp_path / "a/chest", "ill/1.png", "ill/2.png", "well/1.png", "well/2.png")


@pytest.fixture
def other(tmp_path: Path) -> Index:
    return index_of(tmp_path / "b/chest", "ill/1.png", "ill/2.png", "well/1.png", "well/2.png")


def check(index: Index, store: Store, **texts: str) -> None:
    request = Request.read({"data": "b/chest", **texts})
    check_names(request, index, cast("Any", store))


def test_another_folder_of_the_name_needs_names_of_its_own(first: Index, other: Index) -> None:
    store = Store()
    store.keep("1", first)
    with pytest.raises(UsageError, match=r"--experiment b-chest --register b-chest,"):
        check(other, store)
    check(other, store, experiment="chest")


def test_the_same_images_and_more_of_them_stay_in_their_experiment(
    tmp_path: Path, first: Index
) -> None:
    store = Store()
    store.keep("1", first)
    check(first, store)
    check(index_of(tmp_path / "a/chest", "ill/3.png", "well/4.png"), store)


def test_any_of_the_latest_benchmarks_makes_it_the_same_data_set(
    first: Index, other: Index
) -> None:
    store = Store()
    store.keep("1", first)
    store.keep("2", other)
    check(first, store)
    check(other, store)


def test_a_benchmark_that_left_no_split_says_nothing(first: Index, other: Index) -> None:
    store = Store()
    store.keep("1", first)
    store.texts.clear()
    check(other, store)


def test_an_experiment_that_a_person_named_is_not_looked_at(first: Index, other: Index) -> None:
    store = Store(experiment=Named("mine"))
    store.keep("1", first)
    check(other, store)


def test_a_registered_model_of_other_images_needs_another_name(first: Index, other: Index) -> None:
    store = Store(experiment=Named("mine"))
    store.keep("benchmark", first)
    record, evidence = erring("cnn", spread(3))
    store.add(record, evidence)
    store.crown(record)
    with pytest.raises(UsageError, match=r"model 'chest' would mix.*as --register b-chest,"):
        check(other, store, experiment="mine")
    check(first, store, experiment="mine")
    check(other, store, experiment="mine", register="none")
    check(other, store, experiment="mine", register="chest")
