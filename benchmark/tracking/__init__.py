"""Runs, models, data sets, the saved view and the registry: the only room that imports mlflow.

```python
tracker = Tracker.open(None, experiment=None, default_experiment="phantom")
tracker.close_stale()
parent = tracker.begin(Opening(...), resume=True)
done = tracker.finished(digests)              # records by spec digest
run = tracker.start(parent, spec)
run.epoch(epoch)                              # streamed, never waits
record = run.finish(FinishedRun(...))         # or run.fail(reason)
link = tracker.finish_benchmark(parent, BoardFiles(...))
version = tracker.registry.register(record, Registration(...))
```

Importing it does not import mlflow; opening a tracker does (3.5 s).
"""

from .aliases import CANDIDATE, CHAMPION, FINAL, PREVIOUS, Version
from .benchmarks import Benchmark, Opening
from .champions import only_champion
from .evaluations import Evaluation, log_evaluations, point_of
from .finishing import FinishedRun
from .library import Library, known_of
from .light_versions import light_alias
from .names import COMPARED_WITH, COMPARISON, FORCED, GATE, SCORED, SCORED_RUN
from .patience import Patience
from .pulling import Located, Pulled, in_calls
from .registry import ModelRegistry, Registration
from .runs import Run, TrialRun
from .store import TrackingStore, open_registry, open_store, store_exists
from .tracker import Tracker
from .view import BoardFiles, Link

__all__ = [
    "CANDIDATE",
    "CHAMPION",
    "COMPARED_WITH",
    "COMPARISON",
    "FINAL",
    "FORCED",
    "GATE",
    "PREVIOUS",
    "SCORED",
    "SCORED_RUN",
    "Benchmark",
    "BoardFiles",
    "Evaluation",
    "FinishedRun",
    "Library",
    "Link",
    "Located",
    "ModelRegistry",
    "Opening",
    "Patience",
    "Pulled",
    "Registration",
    "Run",
    "Tracker",
    "TrackingStore",
    "TrialRun",
    "Version",
    "in_calls",
    "known_of",
    "light_alias",
    "log_evaluations",
    "only_champion",
    "open_registry",
    "open_store",
    "point_of",
    "store_exists",
]
