"""The page: what stands on it, what never does, and that it is one file."""

import html
import re
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from benchmark.board import BoardEvidence
from benchmark.records import Record, Regime, State
from benchmark.report import Dossier, Maps, Searched, page
from benchmark.report.portraits import chosen_epoch, networks
from tests.board.made import board_of, erring, record, scored, spec, spread
from tests.report.made import CLASSES, SUBJECT, dossier, few, history, monitored

SECTIONS = {"limits", "board", "published", "costs", "side-by-side", "networks", "searches"}


class Tags(HTMLParser):
    """Checks that what is opened is closed, in its order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        """Take an opening tag."""
        if tag not in ("meta", "img", "path", "circle", "polyline"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Take a closing tag."""
        if tag not in ("path", "circle", "polyline"):
            assert self.open.pop() == tag


@pytest.fixture(scope="module")
def made() -> Dossier:
    """Return a dossier with curves and a search."""
    first, *others = few()
    first = monitored(first)
    digest = first[0].spec.digest
    searched = Searched(
        metric="macro_f1", more_is_better=True, values=(0.5, 0.7, 0.6),
        states={"complete": 3, "failed": 1}, names=("l2", "head"), best={"l2": "0.1", "head": "x"},
    )  # fmt: skip
    return dossier(
        first, *others, histories={digest: history([3, 1, 2])}, searches={digest: searched}
    )


@pytest.fixture(scope="module")
def text(made: Dossier) -> str:
    return page(made)


def test_it_is_one_sound_file_that_loads_nothing(text: str) -> None:
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    assert not re.search(r'(?:src|href)="(?!#|data:|[\w.]+")', text)
    assert "http" not in re.sub(r"github\.com\S*", "", text)
    assert set(re.findall(r'<section id="([\w-]+)"', text)) >= {*SECTIONS, "origin", "card"}


def test_anchors_lead_somewhere_and_ids_are_unique(text: str) -> None:
    ids = re.findall(r' id="([\w-]+)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([\w-]+)"', text)) <= set(ids)


def test_the_verdict_and_the_limits_stand_at_the_top(text: str) -> None:
    said = html.unescape(text)
    assert "densenet121 leads with validation macro-F1" in said
    assert said.index("vgg16 cannot be told from it") < said.index("stand in train too")


def test_cells_are_sorted_by_numbers(text: str) -> None:
    rows = re.findall(r"<tr class=.*?</tr>", text, re.DOTALL)
    keys = [re.findall(r'data-key="([^"]*)"', row) for row in rows]
    assert [each[0] for each in keys] == ["1.0", "2.0", "3.0"]
    assert {"5000.0", "900.0", "10.0"} == {each[-3] for each in keys}


def test_the_chosen_epoch_is_the_best_of_what_was_watched() -> None:
    loss, accuracy = (monitored(few()[0], each)[0] for each in ("val_loss", "val_accuracy"))
    assert chosen_epoch(loss, history([3, 1, 1])) == 1
    assert chosen_epoch(accuracy, history([3, 1, 1])) is None
    assert chosen_epoch(few()[0][0], history([3, 1])) is None


def test_curves_and_the_search_are_told(text: str) -> None:
    assert "Of 3 epochs the weights of epoch 2 were kept, the best by val_loss." in text
    assert "4 trials (3 complete, 1 failed) of 2 parameters." in text
    assert "The best macro_f1 was 0.700, with l2=0.1, head=x." in text
    assert "3 complete trials of 2 parameters are fewer than the 10" in text


def test_a_real_image_is_never_named_by_its_file(made: Dossier) -> None:
    text = page(made)
    assert ".png" not in text
    assert "row 0 of its table" in text
    drawn = dossier(*few(), subject=replace(SUBJECT, synthetic=True))
    assert "image test/0.png" in page(drawn)
    assert "SYNTHETIC: a program drew" in page(drawn)


def test_pictures_are_shown_only_where_they_are_given(made: Dossier) -> None:
    assert "<img" not in page(made)
    shown = replace(made, picture=lambda sha256: b"png of " + sha256.encode())
    assert "images of patients" in page(shown)
    assert page(shown).count("<img") == sum(len(each.mistakes) for each in networks(made))
    assert "<img" not in page(shown.without_pictures())


def test_maps_stand_beside_the_pictures_with_what_is_to_be_said_of_them(made: Dossier) -> None:
    asked: list[dict[str, int]] = []

    def maps(_: Record, called: Mapping[str, int]) -> Maps:
        asked.append(dict(called))
        return {sha256: b"jpeg of " + sha256.encode() for sha256 in called}, "Beside: Grad-CAM."

    shown = replace(made, picture=lambda sha256: b"png of " + sha256.encode(), maps=maps)
    found = networks(shown)
    for own, called in zip([each for each in found if each.mistakes], asked, strict=False):
        named = [CLASSES.index(each.called) for each in own.mistakes]
        assert list(called.values()) == named
        assert own.mistakes_said.endswith("Beside: Grad-CAM.")
    text = page(shown)
    assert text.count("data:image/jpeg") == text.count("data:image/png") > 0
    assert "data:image" not in page(shown.without_pictures())


def test_the_surest_mistakes_come_first() -> None:
    sure = [0.9 - place / 1000 for place in range(72)]
    own = dossier(erring("cnn", spread(6), sure=sure), subject=SUBJECT)
    (shown,) = networks(own)
    confidences = [each.confidence for each in shown.mistakes]
    assert confidences == sorted(confidences, reverse=True)
    assert {(each.true, each.called) for each in shown.mistakes} == {("a", "b"), ("b", "a")}
    assert shown.mistakes_said.startswith("6 of 72 test images are called wrong, 6 of them")


def test_a_run_whose_table_is_gone_is_a_row_without_figures() -> None:
    lost = dossier(*few())
    own = replace(lost, evidence={})
    text = page(own)
    assert text.count("Its prediction table is gone") == 3
    assert "No prediction table is there." in text


def test_an_experiment_in_which_nothing_finished_says_so() -> None:
    failed = record("cnn", state=State.FAILED, reason="killed <by> something")
    own = replace(dossier(), board=board_of((failed, few()[0][1]), subject=SUBJECT))
    text = page(own)
    assert "Nothing can be ranked: 1 rows, of which 0 finished." in text
    assert "killed &lt;by&gt; something" in text
    assert "Nothing has been run yet." in page(dossier(subject=None))


def test_composites_and_several_seeds_have_a_place() -> None:
    rows = [
        scored(arch, skill, of=spec(arch, seed=seed, regime=regime), noise=seed)
        for arch, skill, regime in (
            ("cnn", 1.5, Regime.SCRATCH),
            ("stacked", 2.0, Regime.COMPOSITE),
        )
        for seed in (0, 1, 2)
    ]
    evidence: dict[str, BoardEvidence] = {own.spec.digest: proof for own, proof in rows}
    own = replace(dossier(), board=board_of(*rows), evidence=evidence)
    assert "the run that stands for the row" in page(own)
