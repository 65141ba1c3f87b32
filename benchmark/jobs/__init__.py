"""What each command does: the main job and the smaller ones around it."""

from .evaluating import Evaluating, evaluate_models
from .image_jobs import audit_data, explore_data, fetch_data, show_cache
from .main_job import run_benchmark
from .plan_job import show_plan
from .predicting import Predicting, predict_files
from .store_jobs import Registry, Rescoring, register_best, rescore_runs, show_leaderboard
from .studying import show_spaces

__all__ = [
    "Evaluating",
    "Predicting",
    "Registry",
    "Rescoring",
    "audit_data",
    "evaluate_models",
    "explore_data",
    "fetch_data",
    "predict_files",
    "register_best",
    "rescore_runs",
    "run_benchmark",
    "show_cache",
    "show_leaderboard",
    "show_plan",
    "show_spaces",
]
