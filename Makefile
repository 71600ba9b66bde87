# `make example` shows what the package does, `make test` checks it; both prepare what they need in $(VENV).
# Python 3.10 to 3.13 with venv is all that has to be there. Another one: make test PYTHON=python3.12

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV ?= .venv
ARGS ?=

PYTHON_VERSION := $(shell "$(PYTHON)" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
INSTALLED := $(VENV)/.installed-$(PYTHON_VERSION)
RUN := $(VENV)/bin/python
PIP_INSTALL := $(RUN) -m pip install -qq --constraint constraints.txt

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# The SDK's data library reports to its makers at exit; this switch of azureml.telemetry keeps it silent and offline.
export HBI_WORKSPACE_JOB := true

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install example test test-all smoke lint format types contracts check clean

help: ## list these targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 12

install: $(INSTALLED) ## prepare the environment and nothing else
	@:

example: $(INSTALLED) ## turn the example pipeline into a sweep and rehearse it (ARGS="..." is passed on)
	@$(RUN) examples/basic_pipeline.py $(ARGS)

test: $(INSTALLED) ## run the quick tests
	@$(RUN) -m pytest -q -m "not slow and not browser" $(ARGS)

test-all: $(INSTALLED) ## run all tests
	@$(RUN) -m pytest -q $(ARGS)

smoke: $(INSTALLED) ## wrap a small pipeline, offline
	@$(RUN) tests/smoke.py

lint: $(INSTALLED) ## look for faults and misformatted files
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .

format: $(INSTALLED) ## format all files and mend what can be mended safely
	@$(RUN) -m ruff check --fix-only .
	@$(RUN) -m ruff format .

types: $(INSTALLED) ## check the types
	@$(RUN) -m mypy

contracts: $(INSTALLED) ## check who imports whom
	@$(VENV)/bin/lint-imports --no-logo

check: lint types contracts test ## all of the four above

clean: ## remove what make has made
	rm -rf .venv .venvs build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# One stamp per environment: made last, so that a broken installation is begun anew.
# azureml-pipeline-steps: see pyproject.toml. pip's --no-deps holds for a whole command, hence a second one.
$(INSTALLED): pyproject.toml constraints.txt
	@"$(PYTHON)" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || { \
	  echo "hyperdrive_retrofit needs Python 3.10 to 3.13; PYTHON is '$(PYTHON)', version '$(PYTHON_VERSION)'." >&2; \
	  echo "On Debian: apt-get install make python3 python3-venv. Or name another: make PYTHON=/path/to/python3.11" >&2; \
	  exit 1; }
	@"$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "'$(PYTHON)' cannot make virtual environments: it has no venv or no ensurepip." >&2; \
	  echo "On Debian: apt-get install make python3-venv (or python$(PYTHON_VERSION)-venv)" >&2; \
	  exit 1; }
	@echo "Preparing $(VENV) with Python $(PYTHON_VERSION); this takes a minute or two, once." >&2
	@"$(PYTHON)" -m venv --clear "$(VENV)"
	@$(PIP_INSTALL) --editable ".[dev]"
	@case "$(PYTHON_VERSION)" in 3.12|3.13) \
	  $(PIP_INSTALL) --no-deps --ignore-requires-python azureml-pipeline-steps azureml-train-automl-client;; esac
	@touch "$@"
