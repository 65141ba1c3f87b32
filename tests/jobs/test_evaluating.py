"""What `evaluate` asks of whom, and what it refuses; the models are stand-ins."""

import hashlib
import io
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from benchmark.errors import DataError, StoreError, UsageError
from benchmark.evaluation import OperatingPoint, read_predictions
from benchmark.jobs import (
    Evaluating,
    evaluate_models,
    evaluating,
    evaluating_models,
    evaluating_report,
)
from benchmark.jobs.evaluating_images import Questions, ask
from benchmark.jobs.evaluating_models import Known, known_images
from benchmark.records import Index, Picture, Silent
from benchmark.serving import Card
from benchmark.tracking import Evaluation
from tests.jobs.conftest import draw

CARD = Card(
    classes=("dark", "bright"),
    picture=Picture(side_px=8),
    data="scans",
    synthetic=False,
    spec_digest="s",
    sha256="0",
)
POINT = OperatingPoint(positive=("bright",), rule="youden", threshold=0.6)


class Located:
    """A model that is found by any address; those of `models:` have a run."""

    cards: ClassVar[dict[str, Card]] = {}

    def __init__(self, uri: str, *, unverified: bool = False) -> None:
        self.uri, self.store = uri, None
        name, _, version = uri.removeprefix("models:/").partition("/")
        found = SimpleNamespace(name=name, version=version, run_id=f"run of {uri}")
        self.kept = found if uri.startswith("models:") else None
        self.card = self.cards.get(uri, CARD)


class Pulled:
    """A model that calls bright what is, as surely as its address says."""

    asked: ClassVar[list[int]] = []

    def __init__(self, model: Located) -> None:
        self._model = model

    def classify(self, images: Sequence[bytes]) -> pd.DataFrame:
        """Return a row an image."""
        self.asked.append(len(images))
        means = [self._mean(image) for image in images]
        sure = 1 / (1 + np.exp(-(np.array(means) - 100) / 20))
        if self._model.uri.endswith("blind"):
            sure = 10 * np.array(means) % 1
        columns = {"dark": 1 - sure, "bright": sure, "grey": 0 * sure}
        table = pd.DataFrame({name: columns[name] for name in self._model.card.classes})
        table.insert(0, "label", "?")
        table["error"] = ["" if np.isfinite(mean) else "it is no picture." for mean in means]
        return table

    @staticmethod
    def _mean(image: bytes) -> float:
        try:
            return float(np.asarray(Image.open(io.BytesIO(image))).mean())
        except OSError:
            return float("nan")


@dataclass
class Done:
    """What an evaluation left: its code, and what was logged."""

    code: int = 0
    logged: list[Evaluation] = field(default_factory=list)
    folder: Path = Path()


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> dict[str, Known]:
    """Return what models know, by run id, to be filled."""
    return {}


@pytest.fixture
def evaluate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: dict[str, Known]
) -> Callable[..., Done]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Pulled, "asked", [])
    monkeypatch.setattr(Located, "cards", {})
    monkeypatch.setattr(evaluating, "Pulled", Pulled)
    monkeypatch.setattr(evaluating_models, "Located", Located)
    monkeypatch.setattr(evaluating_models, "known_of", lambda _: None)
    monkeypatch.setattr(evaluating_models, "known_images", lambda _, run: known.get(run, Known()))
    monkeypatch.setattr(evaluating_models, "point_of", lambda model: POINT if model.kept else None)

    drawn = evaluating_report._drawn

    def run(data: Path | str, *, figures: bool = False, **options: Any) -> Done:
        done = Done()
        draws = drawn if figures else lambda *_: {}  # they take a second
        monkeypatch.setattr(evaluating_report, "_drawn", draws)

        def log(_: str | None, whole: Evaluation, each: Sequence[Evaluation]) -> tuple[str, str]:
            done.logged = [whole, *each]
            return "sqlite:///mlflow.db", "/#/runs"

        monkeypatch.setattr(evaluating, "log_evaluations", log)
        asked: dict[str, Any] = {
            "model": ("models:/scans/1",),
            "data": str(data),
            "part": "auto",
            "map": {},
            "by": (),
            "positive": None,
            "operating_point": None,
            "prevalence": None,
            "on_leak": "drop",
            "max_unreadable": 5.0,
            "experiment": None,
            "output": "results",
            "cache": "cache",
            "unverified": False,
        }
        done.code = evaluate_models(Evaluating(**{**asked, **options}), {}, quiet=True)
        done.folder = next(Path("results").glob("*/*"))
        return done

    return run


def table(done: Done, name: str) -> pd.DataFrame:
    return pd.read_csv(done.folder / f"{name}.csv")


def by_first(rows: pd.DataFrame) -> dict[Any, dict[Any, Any]]:
    """Return a table's rows by what stands in their first cell."""
    return {row[next(iter(row))]: row for row in rows.to_dict("records")}


def test_the_part_test_is_judged_where_there_is_one_and_otherwise_all(
    evaluate: Callable[..., Done], tmp_path: Path, scans: Path
) -> None:
    whole = evaluate(scans)
    assert len(read_predictions(whole.folder / "predictions.parquet").hashes) == 16
    assert Pulled.asked == [16]
    assert whole.logged[0].scores["test_accuracy"] == 1.0
    evaluate(scans, part="val")
    evaluate(scans, part="all")
    assert Pulled.asked == [16, 16, 32, 24]
    with pytest.raises(UsageError, match="--part val: alone has no such part; it has no parts"):
        evaluate(draw(tmp_path / "alone", {".": 4}), part="val")


def test_tables_say_how_good_a_model_is(evaluate: Callable[..., Done], scans: Path) -> None:
    done = evaluate(scans, figures=True, prevalence=0.1)
    metrics = by_first(table(done, "metrics"))
    assert metrics["Accuracy"]["by image"] == 1.0
    assert 0.7 < metrics["Accuracy"]["by image_low"] < 1.0
    assert metrics["ECE"]["by image"] < 0.2
    point = {
        name: row["by image"] for name, row in by_first(table(done, "operating_point")).items()
    }
    assert point == {"sensitivity": 1.0, "specificity": 1.0, "PPV": 1.0, "NPV": 1.0}
    page = (done.folder / "evaluation.md").read_text()
    assert "bright from 0.6 on (youden), prevalence 0.1" in page
    assert {path.name for path in (done.folder / "figures").iterdir()} >= {"confusion.png"}
    assert done.logged[0].files.keys() >= {"predictions.parquet", "figures/roc.png"}


def test_classes_are_matched_mapped_or_refused_before_a_model_is_loaded(
    evaluate: Callable[..., Done], tmp_path: Path
) -> None:
    for name, names in {"case": ("Bright", "dark_of_lung"), "other": ("sun", "dark")}.items():
        test = draw(tmp_path / "drawn" / name, {"test": 8}) / "test"
        (test / "bright").rename(test / names[0])
        (test / "dark").rename(test / names[1])
    drawn = tmp_path / "drawn"
    assert evaluate(drawn / "case").logged[0].scores["test_accuracy"] == 1.0
    Pulled.asked.clear()
    with pytest.raises(UsageError, match=r"not every class.*sun \(4 images\).*--map sun=CLASS"):
        evaluate(drawn / "other")
    with pytest.raises(UsageError, match="--map: the model knows no class 'brigt'"):
        evaluate(drawn / "other", map={"sun": "brigt"})
    with pytest.raises(UsageError, match="--map: other has no class 'moon'"):
        evaluate(drawn / "other", map={"moon": "bright"})
    (drawn / "other" / "test" / "dark").rename(drawn / "other" / "test" / "night")
    with pytest.raises(UsageError, match="no class of other is one of the model's"):
        evaluate(drawn / "other")
    assert Pulled.asked == []
    mapped = evaluate(drawn / "other", map={"sun": "bright", "night": "dark"})
    assert mapped.logged[0].scores["test_accuracy"] == 1.0


def test_images_that_a_model_was_made_from_are_left_out_or_reported(
    evaluate: Callable[..., Done], known: dict[str, Known], scans: Path
) -> None:
    judged = read_predictions(evaluate(scans).folder / "predictions.parquet")
    known["run of models:/scans/1"] = Known(
        trained=frozenset(judged.hashes[:3]), chosen=frozenset(judged.hashes[3:4])
    )
    done = evaluate(scans)
    rest = read_predictions(done.folder / "predictions.parquet")
    assert rest.hashes == judged.hashes[4:]
    listed = table(done, "known_images")
    assert list(listed["path"]) == list(judged.paths[:4])
    assert list(listed["known"]) == ["trained on"] * 3 + ["chosen on"]
    kept = evaluate(scans, on_leak="report")
    assert "test_clean_accuracy" in kept.logged[0].scores
    assert "by image, known ones left out" in table(kept, "metrics")
    known["run of models:/scans/1"] = Known(trained=frozenset(judged.hashes))
    with pytest.raises(DataError, match="every image of small-scans"):
        evaluate(scans)
    known.clear()
    assert not (evaluate(scans).folder / "known_images.csv").exists()  # an earlier evaluation's


def test_patients_of_whom_a_model_knows_other_images_are_told(
    evaluate: Callable[..., Done], known: dict[str, Known], tmp_path: Path
) -> None:
    folder = draw(tmp_path / "drawn", {"test": 12})
    paths = sorted(folder.rglob("*.png"))
    lines = [
        f"{path.relative_to(folder)},{path.parent.name},{place % 4}"
        for place, path in enumerate(paths)
    ]
    (folder / "list.csv").write_text("\n".join(["path,label,patient", *lines, ""]))
    first = hashlib.sha256(paths[0].read_bytes()).hexdigest()
    known["run of models:/scans/1"] = Known(trained=frozenset([first]))
    done = evaluate(folder / "list.csv")
    assert "2 images are of patients of whom" in (done.folder / "evaluation.md").read_text()


def test_an_unreadable_image_is_listed_and_too_many_are_refused(
    evaluate: Callable[..., Done], tmp_path: Path
) -> None:
    folder = draw(tmp_path / "drawn", {"test": 40})
    (folder / "test/dark/bad.png").write_bytes(b"\x89PNG\r\n\x1a\n no more")
    done = evaluate(folder)
    assert table(done, "unreadable")["path"].tolist() == ["test/dark/bad.png"]
    assert len(read_predictions(done.folder / "predictions.parquet").hashes) == 40
    with pytest.raises(DataError, match="1 of 41 images cannot be read, above 2 %"):
        evaluate(folder, max_unreadable=2.0)


def test_subgroups_have_a_row_a_value(evaluate: Callable[..., Done], tmp_path: Path) -> None:
    folder = draw(tmp_path / "drawn", {"test": 40})
    paths = sorted(folder.rglob("*.png"))
    lines = [
        f"{path.relative_to(folder)},{path.parent.name},{'fm'[place % 2]},{place}"
        for place, path in enumerate(paths)
    ]
    (folder / "list.csv").write_text("\n".join(["path,label,sex,age", *lines, ""]))
    done = evaluate(folder / "list.csv", by=("sex", "age"))
    rows = table(done, "subgroups")
    assert list(rows["column"]) == ["sex"] * 2 + ["age"] * 4
    assert list(rows["value"][:3]) == ["f", "m", "0 to 9"]
    assert list(rows["images"]) == [20, 20, 10, 10, 10, 10]
    assert list(rows["images of bright"][:3]) == [10, 10, 10]
    assert list(rows["sensitivity"][:2]) == [1.0, 1.0]


def test_models_are_compared_on_the_images_that_none_of_them_knows(
    evaluate: Callable[..., Done], known: dict[str, Known], scans: Path
) -> None:
    Located.cards["models:/scans/blind"] = Card(
        classes=("bright", "dark"),  # the same in another order
        picture=CARD.picture,
        data="scans",
        synthetic=True,
        spec_digest="t",
        sha256="1",
    )
    first = read_predictions(evaluate(scans, part="all").folder / "predictions.parquet")
    known["run of models:/scans/blind"] = Known(trained=frozenset(first.hashes[:2]))
    done = evaluate(scans, part="all", model=("models:/scans/1", "models:/scans/blind"))
    folder = Path("results/evaluate-small-scans/scans-1+scans-blind-all")
    compared = by_first(pd.read_csv(folder / "comparison.csv"))
    assert compared["Accuracy"]["verdict"] == "scans-1 is better"
    assert compared["Brier"]["verdict"] == "scans-1 is better"
    assert compared["Accuracy"]["difference_low"] > 0
    whole, one, other = done.logged
    assert (whole.model, len(whole.hashes), whole.scores) == (None, 54, {})
    assert one.scores["test_accuracy"] == 1.0
    assert 0.3 < other.scores["test_accuracy"] < 0.7
    assert read_predictions(folder / "scans-blind/predictions.parquet").classes == CARD.classes


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"model": ("models:/scans/1", "models:/scans/1")}, "names a model twice"),
        ({"model": ("models:/scans/1", "models:/odd/1")}, "tell the same classes apart"),
        ({"positive": ("dark",)}, "the operating point of models:/scans/1 is for bright"),
        ({"positive": ("gloom",)}, "--positive: there is no class 'gloom'"),
        ({"model": ("folder",), "positive": ("dark",)}, "was never fixed"),
        ({"model": ("folder",), "prevalence": 0.1}, "--prevalence would not be read"),
        ({"model": ("models:/odd/1",), "operating_point": 0.5}, None),
        ({"model": ("odd",), "operating_point": 0.5}, "needs --positive"),
    ],
)
def test_what_cannot_be_judged_is_refused(
    evaluate: Callable[..., Done], scans: Path, options: dict[str, Any], said: str | None
) -> None:
    three = Card(
        classes=("bright", "dark", "grey"),
        picture=CARD.picture,
        data="odd",
        synthetic=False,
        spec_digest="o",
        sha256="2",
    )
    Located.cards |= {"models:/odd/1": three, "odd": three}
    if said is None:
        assert evaluate(scans, **options).code == 0
        return
    with pytest.raises(UsageError, match=said):
        evaluate(scans, **options)
    assert Pulled.asked == []
    assert not Path("results").exists()


class Large:
    """A reader of large files, each of its own."""

    def read(self, path: str) -> bytes:
        """Return 200 kB that begin with the path."""
        return path.encode() + bytes(200_000)


def test_memory_does_not_grow_with_the_number_of_images() -> None:
    peaks = []
    for count in (70, 300):
        paths = tuple(map(str, range(count)))
        index = Index(
            name="large",
            modality="ct",
            synthetic=True,
            classes=CARD.classes,
            paths=paths,
            labels=np.zeros(count, dtype=np.int64),
            parts=(None,) * count,
            patients=(None,) * count,
            hashes=tuple(hashlib.sha256(Large().read(path)).hexdigest() for path in paths),
            reader=Large(),
        )
        asked = Questions(
            index=index,
            rows=np.arange(count),
            classes=CARD.classes,
            mapping={"dark": "dark"},
            is_known=np.zeros(count, dtype=bool),
        )
        tracemalloc.start()
        _, faults = ask(cast("Any", Pulled)(Located("models:/scans/1")), asked, Silent())
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert len(faults) == count  # they are no pictures, and have gone to the model
    assert peaks[1] < peaks[0] + 3 * 2**20  # the files themselves are 46 MB more


@dataclass
class Library:
    """Runs that a store knows: what each was trained and chosen on, and of what it is made."""

    trained: dict[str, frozenset[str] | None]
    members: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def record(self, run_id: str) -> Any:
        """Return a record, by what is asked of it here."""
        if run_id not in self.trained:
            raise StoreError(f"the run {run_id!r} cannot be read: there is none.")
        members = self.members.get(run_id, ())
        return SimpleNamespace(run_id=run_id, spec=SimpleNamespace(members=members, fold=None))

    def trained_on(self, record: Any) -> frozenset[str] | None:
        """Return the images that a run was trained on."""
        return self.trained[record.run_id]

    def parent_of(self, record: Any) -> str:
        """Return no benchmark."""
        return ""

    def predictions(self, record: Any) -> Any:
        """Return a table with one validation image, named after the run."""
        return SimpleNamespace(part=lambda _: SimpleNamespace(hashes=(f"val of {record.run_id}",)))

    def finished(self, digests: Sequence[str]) -> dict[str, Any]:
        """Return the records of runs by their digests, which are their ids here."""
        return {each: self.record(each) for each in digests if each in self.trained}


def test_a_composite_knows_what_its_members_were_made_from() -> None:
    runs = {"whole": frozenset[str](), "a": frozenset("1"), "b": frozenset("2")}
    library: Any = Library(trained=dict(runs), members={"whole": ("a", "b")})
    found = known_images(library, "whole")
    assert found.trained == {"1", "2"}
    assert found.chosen == {"val of whole", "val of a", "val of b"}
    assert (found.unknown, found.of("1"), found.of("val of a")) == ("", "trained on", "chosen on")
    library.members["whole"] = ("a", "gone")
    assert known_images(library, "whole").unknown == "the runs of some of its members are gone"


def test_what_is_not_known_of_a_model_is_said() -> None:
    library: Any = Library(trained={"old": None})
    assert "not known any more" in known_images(library, "old").unknown
    assert "cannot be read" in known_images(library, "none").unknown
    assert "folder does not say" in known_images(None, "").unknown


def test_what_is_logged_names_no_file_of_real_images(
    evaluate: Callable[..., Done], known: dict[str, Known], tmp_path: Path
) -> None:
    folder = draw(tmp_path / "drawn", {"test": 40})
    (folder / "test/dark/bad.png").write_bytes(b"\x89PNG\r\n\x1a\n no more")
    judged = read_predictions(evaluate(folder).folder / "predictions.parquet")
    known["run of models:/scans/1"] = Known(trained=frozenset(judged.hashes[:3]))
    done = evaluate(folder)
    told = (done.folder / "evaluation.md").read_text()
    assert "test/dark/bad.png" in told
    assert judged.paths[0] in told
    logged = dict(done.logged[0].files)
    table = pd.read_parquet(io.BytesIO(logged.pop("predictions.parquet")))
    assert list(table["hash"]) == list(judged.hashes[3:])
    assert [str(each) for each in table["path"]] == [each[:16] for each in judged.hashes[3:]]
    assert "evaluation.md" in logged
    assert not [name for name, held in logged.items() if b".png" in held and name.endswith(".md")]
    assert not {"known_images.csv", "unreadable.csv"} & set(logged)
