import pytest

from benchmark.catalog import Catalog
from benchmark.errors import UsageError

ZOO = Catalog(
    "architecture",
    [(name, name.upper()) for name in ("prior", "cnn", "densenet121", "resnet50", "vgg16")],
    make=lambda name: name if name.startswith("keras:") else None,
)


def test_all_gives_every_name_in_the_catalogs_order() -> None:
    assert ZOO.select("all") == ("prior", "cnn", "densenet121", "resnet50", "vgg16")


def test_what_stands_aside_is_selected_by_its_name_and_is_no_part_of_all() -> None:
    zoo = Catalog("architecture", [(name, 1) for name in ("cnn", "tuned")], aside=("tuned",))
    assert zoo.select("all") == zoo.select("-tuned") == ("cnn",)
    assert zoo.select("all,tuned") == ("cnn", "tuned")
    assert list(zoo) == ["cnn", "tuned"]


def test_a_list_keeps_its_own_order_and_says_each_name_once() -> None:
    assert ZOO.select("vgg16, cnn,v*") == ("vgg16", "cnn")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("vgg16, cnn,vgg16", "'vgg16' stands twice"),
        ("*net*,*net*", r"'\*net\*' stands twice"),
        ("all,-vgg16,-vgg16", "'-vgg16' stands twice"),
        *(
            (words, "a list without empty items")
            for words in ("", ",", "cnn,,vgg16", "cnn,", ",cnn")
        ),
    ],
)
def test_a_list_with_an_empty_item_or_one_twice_is_refused(words: str, message: str) -> None:
    with pytest.raises(UsageError, match=f"^must .*{message}"):
        ZOO.select(words)


def test_a_glob_gives_the_names_that_match_it() -> None:
    assert ZOO.select("*net*") == ("densenet121", "resnet50")


def test_an_exclusion_counts_wherever_it_stands() -> None:
    assert ZOO.select("-vgg*,all") == ("prior", "cnn", "densenet121", "resnet50")


def test_exclusions_alone_start_from_all() -> None:
    assert ZOO.select("-prior,-vgg16") == ("cnn", "densenet121", "resnet50")


def test_a_name_outside_the_list_is_made_when_it_can_be() -> None:
    assert ZOO.select("keras:ResNet101") == ("keras:ResNet101",)
    assert ZOO["keras:ResNet101"] == "keras:ResNet101"


def test_a_wrong_name_gets_the_nearest_one() -> None:
    with pytest.raises(
        UsageError, match=r"no architecture named 'densnet121'\. Did you mean densenet121"
    ):
        ZOO.select("densnet121")


def test_a_name_like_no_other_gets_the_list() -> None:
    with pytest.raises(UsageError, match="There are: prior, cnn, densenet121"):
        ZOO.select("qqqq")


def test_a_wrong_name_is_refused_in_an_exclusion_too() -> None:
    with pytest.raises(UsageError, match="Did you mean vgg16"):
        ZOO.select("all,-vgg61")


def test_a_glob_that_matches_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match=r"no architecture matches 'x\*'"):
        ZOO.select("x*")


def test_a_selection_of_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="selects no architecture"):
        ZOO.select("cnn,-cnn")
