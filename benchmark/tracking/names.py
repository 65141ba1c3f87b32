"""Every tag, metric and artifact name that is written to MLflow and read back."""

import re

KIND = "benchmark"  # parent, run, trial, launcher, evaluation or final
PARENT = "parent"
RUN = "run"
TRIAL = "trial"
LAUNCHER = "launcher"
EVALUATION = "evaluation"
FINAL = "final"  # a run on train and validation together: on no board, and never scored
PARENT_ID = "benchmark.parent_run_id"
MLFLOW_PARENT = "mlflow.parentRunId"

PLAN_DIGEST = "plan_digest"
DATA_DIGEST = "data_digest"
SPLIT_DIGEST = "split_digest"
SPLITS = "split_digests"  # every split of a benchmark, a space between them
TEST_DIGEST = "test_digest"  # of the images that a run was tested on
SPEC = "spec"
SPEC_DIGEST = "spec_digest"
TRAINED = "trained_spec"
SYNTHETIC = "synthetic"
REASON = "reason"
NOTES = "notes"
MODEL_ID = "model_id"
MODEL_SHA256 = "model_sha256"
SEAL = "files_digest"  # of a model's files, as they were logged
FLAVOUR = "flavour"  # of a version: openvino for a light one
VERSION = "version"
CODE = "code_commit"
RESCORED = "rescored"
MACHINE = "machine"
OPERATING_POINT = "operating_point"  # of a run, and as it was fixed of a version
PREVALENCE = "prevalence"  # for which a run's predictive values are given
TEMPERATURE = "temperature"  # a metric of a run
PRESET = "preset"  # what `auto` stood for where a run was asked for
REQUEST = "request."  # before an option that a resumed benchmark was given otherwise
LEASE = "lease"  # the token of the process that a run belongs to, and until when it is alive
CLAIM = "claim"  # what only one run at a time is to make: a spec, or a search whatever its budget
TICKET = "ticket"  # the place in the queue of those that claim the same
GATE = "gate"  # of a version: what was decided when it was registered, and why
REFUSED = "refused"  # of a version: why it was given no alias
DIFFERENCE = "largest_difference"  # of a version: when it was tried in a fresh process
COMPARED_WITH = "compared_with"  # of a version: the champion it was compared with, and what came
COMPARISON = "comparison"
FORCED = "forced"  # of a version that a person made champion
LEFT = "left_by_a_person"  # of a version that a person went back from: no rule crowns it again
SCORED = "scored"  # `no` of a version whose run was never scored; and the run that was
SCORED_RUN = "scored_run"
CALL = "call"  # by chance: a call that is made again after an outage finds what it had made

PREDICTIONS_FILE = "predictions.parquet"
OUT_OF_FOLD_FILE = "out_of_fold.parquet"
TRAINED_ON_FILE = "trained_on.parquet"
CHOICES_FILE = "choices.csv"  # what the head of a run was chosen among
TRIALS_FILE = "trials.parquet"
CHECK_FILE = "check.parquet"
SPEC_FILE = "spec.json"

TAG_LIMIT = 8000  # characters; MLflow cuts what is longer, and a cut spec is none
PARAM_LIMIT = 6000
DATASET_DIGEST_LIMIT = 36  # characters that MLflow keeps of it
METRICS_LIMIT = 1000  # MLflow's, in one call
DESCRIPTION_LIMIT = 5000  # of a version; a database that is strict refuses what is longer

WORDS = (REASON, NOTES)  # tags that may quote what a person or a library said

_ILLEGAL = re.compile(r"[^\w\-. :/]")


def metric_name(name: str) -> str:
    """Return a metric's name as MLflow takes it; a class may be called `covid (19)`."""
    return _ILLEGAL.sub("_", name)
