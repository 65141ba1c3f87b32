"""What each command does: the main job and the smaller ones around it."""

from .evaluating import Evaluating, evaluate_models
from .exporting import Exporting, export_model, read_formats
from .finalizing import Finalizing, finalize_model
from .image_jobs import audit_data, explore_data, fetch_data, show_cache
from .main_job import run_benchmark
from .plan_job import show_plan
from .predicting import Predicting, predict_files
from .reporting import Reporting, Showing, report_results
from .store_jobs import Registry, Rescoring, register_best, rescore_runs, show_leaderboard
from .studying import show_spaces
from .versions import roll_back, show_models

__all__ = [
    "Evaluating",
    "Exporting",
    "Finalizing",
    "Predicting",
    "Registry",
    "Reporting",
    "Rescoring",
    "Showing",
    "audit_data",
    "evaluate_models",
    "explore_data",
    "export_model",
    "fetch_data",
    "finalize_model",
    "predict_files",
    "read_formats",
    "register_best",
    "report_results",
    "rescore_runs",
    "roll_back",
    "run_benchmark",
    "show_cache",
    "show_leaderboard",
    "show_models",
    "show_plan",
    "show_spaces",
]
