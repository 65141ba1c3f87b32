"""What the measurements of growth and size count, and what they draw of it."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from .copies import write_copies
from .flops import multiply_adds
from .growth import Curve
from .growth_figure import draw
from .memory import Watch, held_mib, read_status
from .rates import Rate, sgemm_gflops
from .rates import table as rates_table
from .scaling import growth_table, main
from .sizes import Size
from .sizes import table as sizes_table


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "giga"), [("MobileNetV2", 0.300), ("ResNet50", 3.86), ("VGG16", 15.47)]
)
def test_multiply_adds_are_those_of_the_papers(name: str, giga: float) -> None:
    import keras

    network = getattr(keras.applications, name)(weights=None)
    assert multiply_adds(network) / 1e9 == pytest.approx(giga, rel=0.01)


@pytest.mark.slow
def test_each_kind_of_layer_is_counted_by_hand() -> None:
    import keras

    pixels = keras.Input((8, 8, 4))
    signal = keras.layers.Conv2D(6, 3, padding="same", groups=2)(pixels)
    signal = keras.layers.SeparableConv2D(5, 3, strides=2, padding="same")(signal)
    signal = keras.layers.DepthwiseConv2D(3, padding="valid")(signal)
    signal = keras.layers.Dense(7)(signal)
    signal = keras.layers.GlobalAveragePooling2D()(keras.layers.BatchNormalization()(signal))
    network = keras.Model(pixels, keras.layers.Dense(3)(signal))
    grouped = 64 * 3 * 3 * 2 * 6
    separable = 16 * (3 * 3 * 6 + 6 * 5)
    depthwise, dense = 4 * 3 * 3 * 5, 4 * 5 * 7
    assert multiply_adds(network) == grouped + separable + depthwise + dense + 7 * 3


@pytest.mark.slow
def test_a_layer_whose_uses_are_unknown_is_refused() -> None:
    import keras

    network = keras.Sequential([keras.Input((4, 3)), keras.layers.LSTM(2)])
    with pytest.raises(ValueError, match="multiply-adds of a layer LSTM"):
        multiply_adds(network)


def test_the_matrix_rate_is_of_finite_positive_flops() -> None:
    assert 0 < sgemm_gflops(size=256, repeats=2) < math.inf


def test_a_rates_share_is_of_the_matrix_rate() -> None:
    rate = Rate(arch="some", gflops=0.5, tensorflow=100.0, openvino=150.0, sgemm=200.0)
    assert rate.shares == (0.25, 0.375)
    assert "| some | 0.50 | 100.0 | 25% | 150.0 | 38% |" in rates_table([rate])


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_an_exponent_is_the_power_that_cost_follows(power: float) -> None:
    counts = (10, 32, 100, 320)
    curve = Curve(name="x", counts=counts, seconds=tuple(3.0 * n**power for n in counts))
    assert curve.exponent == pytest.approx(power)


def test_one_more_costs_the_slope_and_not_the_start() -> None:
    counts = (1, 2, 4, 8)
    curve = Curve(name="x", counts=counts, seconds=tuple(20.0 + 0.5 * n for n in counts))
    assert curve.further == pytest.approx(0.5)
    assert curve.exponent < 0.1


def test_a_growth_table_tells_ends_exponent_and_one_more() -> None:
    curve = Curve(name="decode", counts=(10, 1000), seconds=(0.5, 50.0))
    assert "| images | decode | 10: 0.50; 1,000: 50.0 | 1.00 | 0.05 |" in growth_table(
        {"images": [curve]}
    )


@pytest.mark.parametrize(
    ("words", "folder"),
    [
        (["files"], "xrays"),
        (["memory"], "xrays"),
        (["rates"], "data"),
        (["growth", "--only", "images"], "xrays"),
        (["growth", "--only", "seeds"], "data"),
    ],
)
def test_a_measurement_asks_for_the_folder_that_it_reads(
    words: list[str], folder: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert f"--{folder} must name a folder" in capsys.readouterr().err


def test_what_was_saved_is_drawn_again_without_measuring(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "kept.json"
    curve = {"name": "all", "counts": [1, 10, 100], "seconds": [1.0, 10.0, 100.0]}
    file.write_text(json.dumps({"growth": {"seeds": [curve]}}))
    main(["growth", "--only", "none", "--json", str(file)])
    assert "| seeds | all | 1: 1.00; 100: 100.0 | 1.00 | 1 |" in capsys.readouterr().out
    assert json.loads(file.read_text())["growth"]["seeds"] == [curve]


@pytest.mark.slow
def test_a_figure_has_a_panel_with_units_for_each_kind(tmp_path: Path) -> None:
    curve = Curve(name="decode", counts=(10, 100), seconds=(1.0, 9.0))
    draw({name: (name, [curve]) for name in ("images", "trials", "seeds")}, tmp_path / "x.png")
    with Image.open(tmp_path / "x.png") as image:
        assert image.width > 1000
        assert np.asarray(image.convert("L")).std() > 5


def test_copies_are_distinct_files_of_the_size_asked_for(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / "from" / name).mkdir(parents=True)
        Image.new("RGB", (30, 20), (128, 90, 40)).save(tmp_path / "from" / name / "one.jpg")
    mean_bytes = write_copies(tmp_path / "from", tmp_path / "into", 9, (64, 48))
    files = list((tmp_path / "into").rglob("*.jpeg"))
    assert len({each.read_bytes() for each in files}) == 9
    assert {each.parent.name for each in files} == {"a", "b"}
    assert mean_bytes == pytest.approx(np.mean([each.stat().st_size for each in files]))
    with Image.open(files[0]) as image:
        assert (image.size, image.mode) == ((64, 48), "L")


def test_copies_of_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must hold JPEG images"):
        write_copies(tmp_path, tmp_path / "into", 3)


def test_memory_is_read_in_mib() -> None:
    text = "Name:\tx\nVmRSS:\t    2048 kB\nRssAnon:\t    1024 kB\nRssFile:\t     512 kB\n"
    assert read_status(text) == {"VmRSS": 2.0, "RssAnon": 1.0, "RssFile": 0.5}


def test_what_a_phase_held_counts_for_it_and_not_for_the_next() -> None:
    before = held_mib()["RssAnon"]
    with Watch() as watch:
        with watch.phase("large"):
            held = np.ones(100 * 2**20, np.uint8)
        del held
        with watch.phase("small"):
            pass
    assert watch.peaks_mib["large"]["RssAnon"] > before + 90
    assert watch.peaks_mib["small"]["RssAnon"] < before + 50


def test_a_table_of_sizes_adds_decode_and_features() -> None:
    fields: dict[str, Any] = {"images": 5000, "file_kb": 200.0, "side": 224, "arch": "mobilenetv2"}
    size = Size(
        **fields,
        engine="openvino-f32",
        decode=10.0,
        features=20.5,
        resident=1500.0,
        anonymous_decode=200.0,
        anonymous_features=900.0,
    )
    assert "| 10.0 | 20.5 | 30.5 | 1,500 | 200 | 900 |" in sizes_table([size])
