"""Runs, models, data sets, the saved view and the registry: the only room that imports mlflow.

```python
tracker = Tracker.open(None, experiment=None, default_experiment="phantom")
tracker.close_stale()
parent = tracker.begin(Opening(...), resume=True)
done = tracker.finished(digests)              # records by spec digest
run = tracker.start(parent, spec)
run.epoch(epoch)                              # streamed, never waits
record = tracker.finish(run, Evidence(...))   # or tracker.fail(run, reason)
link = tracker.finish_benchmark(parent, BoardFiles(...))
version = tracker.register(record, Promotion(...))
```

Importing it does not import mlflow; opening a tracker does (3.5 s).
"""

from .evidence import Evidence
from .parents import Benchmark, Opening, Parent
from .pulling import Pulled
from .registry import CANDIDATE, CHAMPION, LARGEST_DIFFERENCE, Promotion, Version
from .runs import Run
from .store import open_store, store_exists
from .tracker import BoardFiles, Link, Tracker
from .trials import TrialRun

__all__ = [
    "CANDIDATE",
    "CHAMPION",
    "LARGEST_DIFFERENCE",
    "Benchmark",
    "BoardFiles",
    "Evidence",
    "Link",
    "Opening",
    "Parent",
    "Promotion",
    "Pulled",
    "Run",
    "Tracker",
    "TrialRun",
    "Version",
    "open_store",
    "store_exists",
]
