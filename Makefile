# Every command a contributor needs; `make` alone lists them. Each target makes what it needs, so any of them works first.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
INSTALLED_FROM := pyproject.toml src/tradewind/_version.py
TRADEWIND_HOME ?= $(HOME)/tradewind
WORKERS ?= 2

##@ Use
.PHONY: run
run: .venv/.run-stamp ## Start Tradewind with the example DAGs at http://localhost:8080 (TRADEWIND_HOME=~/tradewind)
	TRADEWIND_HOME="$(TRADEWIND_HOME)" TRADEWIND__CORE__LOAD_EXAMPLES=True exec $(BIN)/tradewind standalone

##@ Develop
.PHONY: setup test coverage check lint types floors dependencies format docs reference lock clean
setup: .venv/.dev-stamp ## Make .venv with everything for development, from the locked requirements

test: check ## Everything that must hold: check, then all tests on SQLite and PostgreSQL (ARGS=pytest arguments)
	PG_BIN="$$(scripts/ensure_postgres.sh)"; export PG_BIN; scripts/ensure_chromium.sh || true; $(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

coverage: .venv/.dev-stamp ## All tests, with the lines and branches that none of them reaches
	PG_BIN="$$(scripts/ensure_postgres.sh)"; export PG_BIN; scripts/ensure_chromium.sh || true; $(BIN)/python -m pytest -n $(WORKERS) --cov --cov-report=term $(ARGS)

check: lint types floors dependencies ## Lint, format, types, floors, dependencies: no test is run

lint: .venv/.dev-stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/.dev-stamp
	$(BIN)/basedpyright

# Its cache keeps what an import meant before the imported file existed.
floors: .venv/.dev-stamp
	$(BIN)/lint-imports --no-logo --no-cache
	$(BIN)/lint-imports --no-logo --no-cache --config cycles.toml

dependencies: .venv/.dev-stamp
	$(BIN)/deptry .

format: .venv/.dev-stamp ## Put the sources into shape
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

docs: .venv/.dev-stamp ## Build the documentation into site/; any warning is an error
	$(BIN)/zensical build --clean --strict

reference: .venv/.dev-stamp ## Write the reference pages of the documentation from the code
	$(BIN)/python scripts/docs_reference.py

lock: .venv/.dev-stamp ## Remake requirements/*.lock (UPGRADE=1 takes the newest versions)
	scripts/lock.sh $(if $(UPGRADE),--upgrade)

clean: ## Remove what was made: environment, caches, site
	rm -rf .venv site dist .cache .pytest_cache .ruff_cache .hypothesis .coverage*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

##@ Measure and prove
.PHONY: bench conformance chaos
bench: .venv/.dev-stamp ## Measure (ONLY=chain40,fanout500 picks, PEER=airflow adds ratios); writes benchmarks/results/latest.json
	$(BIN)/python -m benchmarks.run $(if $(ONLY),--only "$(ONLY)") $(if $(PEER),--peer "$(PEER)")

conformance: .venv/.dev-stamp ## Load and run real Airflow DAG files (MIRROR=folder of clones); writes conformance/results/latest.json
	$(BIN)/python -m conformance.run $(if $(MIRROR),--mirror "$(MIRROR)")

chaos: .venv/.dev-stamp ## Kill and restart parts under load (FAULTS=n SEED=n); ends with one line of JSON
	@$(BIN)/python -m chaos.run $(if $(FAULTS),--faults "$(FAULTS)") $(if $(SEED),--seed "$(SEED)")

.PHONY: help
help:
	@awk 'BEGIN { FS = ":.*## " } \
	  /^##@ / { printf "\n%s\n", substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.venv/bin/python:
	scripts/make_venv.sh

.venv/.run-stamp: requirements/run.lock $(INSTALLED_FROM) | .venv/bin/python
	$(PIP) install --require-hashes -r requirements/run.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

.venv/.dev-stamp: requirements/dev.lock $(INSTALLED_FROM) | .venv/bin/python
	$(PIP) install --require-hashes -r requirements/dev.lock
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@
