# `make run` and `make test` are all a fresh machine needs: Python 3.11 or newer with pip.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
ARCH ?= all
ARGS ?=

.PHONY: help run test check fast format lint types layers bench mlproject pins ui clean

help:  ## list what can be made
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/installed: requirements-dev.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

run: $(VENV)/installed  ## install and run the main job (ARCH=cnn, ARGS='-P data=my-scans')
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/mlflow run . --env-manager local -P arch=$(ARCH) $(ARGS)

test: $(VENV)/installed  ## install and run every test
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/python -m pytest -n 2 --dist worksteal $(ARGS)

fast: $(VENV)/installed  ## the tests that need neither TensorFlow nor MLflow
	$(BIN)/python -m pytest -m "not slow and not browser and not real" $(ARGS)

check: format lint types layers test  ## everything that must hold

format: $(VENV)/installed
	$(BIN)/ruff format --check .

lint: $(VENV)/installed
	$(BIN)/ruff check .

types: $(VENV)/installed
	$(BIN)/mypy

layers: $(VENV)/installed
	$(BIN)/lint-imports

bench: $(VENV)/installed  ## speed beside plain Keras (ARGS='--data DIR --arch mobilenetv2')
	$(BIN)/python -m tests.performance.bench $(ARGS)

mlproject: $(VENV)/installed  ## write MLproject anew from the command line's options
	$(BIN)/python -m benchmark.cli.mlproject > MLproject.new && mv MLproject.new MLproject

pins: $(VENV)/installed  ## pin requirements.txt and requirements-dev.txt anew from the .in files
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate \
		--no-emit-index-url requirements.in -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-header --no-annotate \
		--no-emit-index-url requirements-dev.in -c requirements.txt -o requirements-dev.txt

ui: $(VENV)/installed  ## browse what was tracked, at http://127.0.0.1:5000
	MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false $(BIN)/mlflow ui -w 1 \
		--backend-store-uri $${MLFLOW_TRACKING_URI:-sqlite:///mlflow.db}

clean:  ## remove what was built here; runs, results and caches stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
