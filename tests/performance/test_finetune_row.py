"""That fine-tuning is compared with the same: the same layers, from the same head."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.records import Silent
from benchmark.training import train

from .finetune_row import Tuned, make_finetuning_spec, table, whole_network
from .setting import Setting, read


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    folder = tmp_path_factory.mktemp("images")
    random = np.random.default_rng(0)
    for part, count in (("train", 6), ("valid", 3), ("test", 3)):
        for name in ("dark", "light"):
            (folder / part / name).mkdir(parents=True)
            for number in range(count):
                pixels = random.integers(0, 100, (40, 40)) + 100 * (name == "light")
                image = Image.fromarray(pixels.astype(np.uint8))
                image.save(folder / part / name / f"{number}.png")
    return Setting(data=str(folder), weights="none", side=32)


@pytest.mark.slow
def test_plain_keras_trains_the_layers_that_ours_trains(setting: Setting, tmp_path: Path) -> None:
    material = read(setting, tmp_path, "mobilenetv2")
    spec = make_finetuning_spec("mobilenetv2", setting, material, 0)
    before = _weights(whole_network(spec, material))
    after = _weights(train(spec, material, Silent()).network)
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    trainable = {each.path for each in whole_network(spec, material).trainable_variables}
    assert trainable == changed
    assert "block_16_expand/kernel" in trainable
    assert "block_15_expand/kernel" not in trainable


def _weights(network: object) -> dict[str, np.ndarray]:
    return {each.path: np.array(each) for each in network.variables}  # type: ignore[attr-defined]


def test_a_table_has_ratios_and_the_spread_of_losses() -> None:
    rows = [
        Tuned(
            seed=seed,
            cold=seed == 0,
            plain=80.0,
            stage=20.0,
            whole=32.0,
            head_loss=0.5,
            plain_losses=(0.45, 0.4 + seed / 10),
            plain_loss_on_ours=0.41,
            losses=(0.44, 0.42),
        )
        for seed in (0, 1, 2)
    ]
    drawn = table(rows)
    assert "| 0 | cold | 80.0 | 20.0 | 4.0 | 32.0 | 2.5 | 0.5000 | 0.4000 | 0.4100 |" in drawn
    assert "plain, last epoch: 0.5000 ± 0.1000" in drawn
