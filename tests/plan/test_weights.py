"""Weights by architecture: checked over all entries that take them by the same words."""

from pathlib import Path

import pytest

from benchmark.errors import UsageError
from benchmark.plan.specs import check_request
from benchmark.request import Request, read_config, request_of

pytestmark = pytest.mark.slow  # scikit-learn and optuna take seconds to import


def asked(folder: Path, text: str, **given: str) -> Request:
    """Return what a configuration of one's own asks for."""
    path = folder / "own.yaml"
    path.write_text(text)
    return request_of(given, read_config(str(path)))


def test_a_mapping_of_weights_is_read_as_on_the_command_line(tmp_path: Path) -> None:
    text = f"arch: [vgg16, vgg19]\nweights: [none, {{vgg16: {tmp_path}, vgg19: auto}}]"
    wanted = Request.read({"arch": "vgg16,vgg19", "weights": f"none,vgg16={tmp_path},vgg19=auto"})
    assert asked(tmp_path, text) == wanted


def test_entries_share_a_mapping_and_may_have_their_own(tmp_path: Path) -> None:
    shared = "weights: {vgg16: none, vgg19: none}\nentries: [{arch: vgg16}, {arch: vgg19}, %s]"
    check_request(asked(tmp_path, shared % "{arch: cnn}"))
    check_request(asked(tmp_path, shared % "{arch: vgg16, weights: none, batch: 8}"))
    with pytest.raises(UsageError, match="--weights vgg19: not among the architectures"):
        check_request(asked(tmp_path, shared % "{arch: vgg16, weights: {vgg19: none}}"))


def test_an_architecture_given_by_hand_leaves_the_others_weights_unread(tmp_path: Path) -> None:
    text = "weights: {vgg16: none, vgg19: none}\nentries: [{arch: vgg16}, {arch: vgg19}]"
    with pytest.raises(UsageError, match="--weights vgg19: not among the architectures"):
        check_request(asked(tmp_path, text, arch="vgg16"))
