"""The experiment's note, and a saved view of its runs table that shows the leaderboard.

The view is an undocumented part of MLflow's UI (3.17: an experiment tag that the page reads), so
that it is checked against the version and said openly where it may not open.
"""

import base64
import json
import zlib

from .. import environment
from . import names
from .experiments import Experiment
from .store import Store

VIEW_KEY = "leaderboard"
TESTED_VERSION = "3.17"
_NOTE_LIMIT = 20_000  # characters of an experiment's tag
COLUMNS = (
    "params.`arch`",
    "tags.`rank`",
    "tags.`champion`",
    "metrics.`cv_macro_f1`",
    "metrics.`val_macro_f1`",
    "metrics.`test_macro_f1`",
    "metrics.`test_accuracy`",
    "metrics.`test_auroc`",
    "metrics.`total_seconds`",
    "metrics.`parameters`",
)


def set_note(store: Store, experiment: Experiment, markdown: str) -> None:
    """Show a Markdown text at the head of the experiment's page, cut at a line if it is long."""
    text = markdown
    if len(text) > _NOTE_LIMIT:
        text = text[: _NOTE_LIMIT - 100].rpartition("\n")[0] + "\n\n(cut; see leaderboard.md)"
    store.client.set_experiment_tag(experiment.id, "mlflow.note.content", text)


def save_view(store: Store, experiment: Experiment) -> tuple[str, str]:
    """Save the view of the runs table; return the path it opens at, and a warning or nothing."""
    import mlflow

    now = int(environment.now().timestamp() * 1000)  # a text here makes the page drop the view
    shared = {
        "name": "Leaderboard",
        "createdAt": now,
        "updatedAt": now,
        "state": _packed(_state()),
    }
    tag = f"mlflow.sharedViewState.{VIEW_KEY}"
    store.client.set_experiment_tag(experiment.id, tag, json.dumps(shared))
    path = f"/#/experiments/{experiment.id}/runs?viewStateShareKey={VIEW_KEY}"
    if mlflow.__version__.startswith(f"{TESTED_VERSION}."):
        return path, ""
    warning = (
        f"the saved view of the runs table was made for MLflow {TESTED_VERSION}; in "
        f"{mlflow.__version__} the link may open the plain table."
    )
    return path, warning


def _state() -> dict[str, object]:
    return {
        "searchFilter": f'tags.{names.KIND} = "{names.RUN}"',
        "orderByKey": "metrics.`val_macro_f1`",
        "orderByAsc": False,
        "lifecycleFilter": "Active",
        "selectedColumns": ["attributes.`Models`", *COLUMNS],
    }


def _packed(state: dict[str, object]) -> str:
    return "deflate;" + base64.b64encode(zlib.compress(json.dumps(state).encode())).decode("ascii")
