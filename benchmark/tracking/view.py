"""What a finished benchmark leaves in MLflow: its board's files, a note, and a view of the runs.

The view is an undocumented part of MLflow's UI (3.17: an experiment tag that the page reads), so
that it is checked against the version and said openly where it may not open.
"""

import base64
import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .. import environment
from . import names
from .experiments import Experiment
from .store import TrackingStore

_VIEW_KEY = "leaderboard"
_TESTED_VERSION = "3.17"
_NOTE_LIMIT = 20_000  # characters of an experiment's tag


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardFiles:
    """What a finished benchmark leaves on its own run.

    Attributes:
        files: texts by artifact path, such as `leaderboard.csv`.
        note: the Markdown for the head of the experiment's page.
        tags: further facts worth a tag, such as the winner.
        columns: what the saved view of the runs table shows, such as "tags.`rank`".
        ranked_on: the metric that it is sorted by.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    columns: Sequence[str] = ()
    ranked_on: str = "val_macro_f1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Where the leaderboard opens in MLflow's UI, behind the server's address; and a warning."""

    path: str
    warning: str


def leave_board(
    store: TrackingStore, experiment: Experiment, run_id: str, board: BoardFiles
) -> Link:
    """Leave the board on the benchmark's run and the experiment's page."""
    for path, text in board.files.items():
        store.keep_text(run_id, text, path)
    if board.tags:
        store.write_tags(run_id, board.tags)
    if board.note:
        _set_note(store, experiment, board.note)
    return _save_view(store, experiment, board)


def _set_note(store: TrackingStore, experiment: Experiment, markdown: str) -> None:
    """Show a Markdown text at the head of the experiment's page, cut at a line if it is long."""
    text = markdown
    if len(text) > _NOTE_LIMIT:
        text = text[: _NOTE_LIMIT - 100].rpartition("\n")[0] + "\n\n(cut; see leaderboard.md)"
    store.client.set_experiment_tag(experiment.id, "mlflow.note.content", text)


def _save_view(store: TrackingStore, experiment: Experiment, board: BoardFiles) -> Link:
    """Save the view of the runs table."""
    import mlflow

    now = environment.now_ms()  # a text here makes the page drop the view
    state = {
        "searchFilter": f'tags.{names.KIND} = "{names.RUN}"',
        "orderByKey": f"metrics.`{board.ranked_on}`",
        "orderByAsc": False,
        "lifecycleFilter": "Active",
        "selectedColumns": ["attributes.`Models`", *board.columns],
    }
    packed = base64.b64encode(zlib.compress(json.dumps(state).encode())).decode("ascii")
    view = {"name": "Leaderboard", "createdAt": now, "updatedAt": now, "state": f"deflate;{packed}"}
    tag = f"mlflow.sharedViewState.{_VIEW_KEY}"
    store.client.set_experiment_tag(experiment.id, tag, json.dumps(view))
    path = f"/#/experiments/{experiment.id}/runs?viewStateShareKey={_VIEW_KEY}"
    if mlflow.__version__.startswith(f"{_TESTED_VERSION}."):
        return Link(path=path, warning="")
    warning = (
        f"the saved view of the runs table was made for MLflow {_TESTED_VERSION}; in "
        f"{mlflow.__version__} the link may open the plain table."
    )
    return Link(path=path, warning=warning)
