"""From a request to a finished benchmark, and the smaller jobs around it."""

from .commands import (
    Registry,
    predict_files,
    register_best,
    show_cache,
    show_leaderboard,
    show_plan,
)
from .comparing import compare_searches
from .looking import audit_data, explore_data, fetch_data
from .main_job import run_benchmark
from .request import Look, Request
from .rescoring import rescore_runs
from .studying import join_study, show_spaces
from .tasks import find_journal

__all__ = [
    "Look",
    "Registry",
    "Request",
    "audit_data",
    "compare_searches",
    "explore_data",
    "fetch_data",
    "find_journal",
    "join_study",
    "predict_files",
    "register_best",
    "rescore_runs",
    "run_benchmark",
    "show_cache",
    "show_leaderboard",
    "show_plan",
    "show_spaces",
]
