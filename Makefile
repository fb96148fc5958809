# Everything is run from here. `make help` lists the commands; `make check` is what CI runs.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
CODE   := app.py chalicelib passback simulator bench tests

VERSION_OF = $(shell $(1) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)

# Whoever says PYTHON=... wants the environment of that one: one of another version is made anew.
ifneq ($(origin PYTHON),file)
  ifneq ($(wildcard $(STAMP)),)
    ifneq ($(call VERSION_OF,$(PYTHON)),$(call VERSION_OF,$(BIN)/python))
      ANOTHER := another-python
    endif
  endif
endif

.DEFAULT_GOAL := help
.PHONY: another-python help install demo run test check soak soak-long format format-check lint types security coverage bench package lock clean

help: ## List the commands
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1|/' | awk -F'|' '{printf "  %-14s %s\n", $$1, $$2}'

install: $(STAMP) ## Make the virtual environment

another-python:

$(STAMP): requirements.txt requirements-dev.txt pyproject.toml $(ANOTHER)
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || \
	  { echo "Passback needs Python 3.11, 3.12 or 3.13; say which with PYTHON=python3.12."; exit 1; }
	$(if $(ANOTHER),@echo "$(VENV) is of another Python than PYTHON says: it is made anew.")
	$(PYTHON) -m venv $(if $(ANOTHER),--clear )$(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $(STAMP)

demo: $(STAMP) ## From nothing to a verdict: outcomes of real clients, old Canvas beside new
	$(BIN)/python -m passback.demo

run: $(STAMP) ## The local stack in the foreground, with a demo class; Ctrl-C stops it
	$(BIN)/passback serve

test: $(STAMP) ## All tests
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
	  echo "NOTICE: no Chromium on this machine: the browser tests are skipped."
	$(BIN)/python -m pytest

format: $(STAMP) ## Put the code into its form
	$(BIN)/ruff format $(CODE)
	$(BIN)/ruff check --fix-only --quiet $(CODE)

format-check: $(STAMP)
	$(BIN)/ruff format --check $(CODE)

lint: $(STAMP)
	$(BIN)/ruff check $(CODE)

types: $(STAMP)
	$(BIN)/mypy

security: $(STAMP)
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml app.py chalicelib passback simulator

coverage: $(STAMP)
	@command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null || \
	  echo "NOTICE: no Chromium on this machine: the browser tests are skipped."
	$(BIN)/coverage run -m pytest
	$(BIN)/coverage report --fail-under=95

soak: $(STAMP) ## Faults, kills and lost messages for a minute; then the gradebook must be right. SEED=N repeats one
	PYTHONPATH=tests $(BIN)/python -m soak $(if $(SEED),--seed $(SEED)) $(if $(BROKEN),--broken $(BROKEN))

soak-long: $(STAMP) ## The same for a quarter of an hour, with thousands of outcomes
	PYTHONPATH=tests $(BIN)/python -m soak --size long $(if $(SEED),--seed $(SEED))

check: SEED ?= 5
check: format-check lint types security coverage soak demo ## What CI runs: form, lint, types, security, tests with branch coverage, soak, demo

bench: $(STAMP) ## Measure one outcome, drain, breaker, cold start, load, a million mappings: about 18 minutes
	$(BIN)/python -m bench

package: $(STAMP) ## Template and zip for CloudFormation, in dist/. STAGE=prod; ARCH=x86_64 for other processors
	@test -n "$(STAGE)" || { echo "Say which stage: make package STAGE=prod"; exit 2; }
	$(BIN)/python -m passback.packaging --stage $(STAGE) $(if $(ARCH),--architecture $(ARCH))

lock: ## Resolve requirements-dev.in into requirements-dev.txt
	rm -rf build/lock && $(PYTHON) -m venv build/lock
	build/lock/bin/pip install --quiet -r requirements-dev.in
	{ echo "# Locked development set: made by \`make lock\` from requirements-dev.in. Do not edit by hand."; \
	  build/lock/bin/pip freeze; } > requirements-dev.txt
	rm -rf build/lock

clean: ## Take away what was made here
	rm -rf $(VENV) build dist .coverage .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
