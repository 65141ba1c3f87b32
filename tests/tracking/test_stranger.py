"""The process that a model is tried in: it waits to be asked, and ends with who started it."""

from pathlib import Path
from typing import Any

import pytest

from benchmark.errors import PromotionError
from benchmark.tracking import stranger as room
from benchmark.tracking.stranger import Stranger


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let a script of one's own stand for the one that imports MLflow and Keras."""
    path = tmp_path / "reload.py"
    monkeypatch.setattr(room, "_SCRIPT", path)
    return path.write_text


def test_it_is_told_what_to_do_once_it_waits(script: Any) -> None:
    script("import json, sys\nprint('imported')\nprint(json.dumps({'told': json.load(sys.stdin)}))")
    assert Stranger().ask({"folder": "here"}) == {"told": {"folder": "here"}}


def test_what_it_says_last_is_why_a_model_does_not_load(script: Any) -> None:
    script("import sys\nsys.stdin.read()\nraise OSError('no such model')")
    with pytest.raises(PromotionError, match="it does not load: OSError: no such model"):
        Stranger().ask({})


def test_one_that_gives_no_answer_is_ended(script: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    script("import time\ntime.sleep(600)")
    monkeypatch.setattr(room, "_SECONDS", 0.05)
    one = Stranger()
    with pytest.raises(PromotionError, match=r"it gave no answer within 0.05 s"):
        one.ask({})
    assert one._process.returncode is not None


def test_one_that_nobody_asks_is_ended(script: Any) -> None:
    script("import time\ntime.sleep(600)")
    one = Stranger()
    one.close()
    assert one._process.returncode is not None
    assert not Path(one._elsewhere.name).exists()
