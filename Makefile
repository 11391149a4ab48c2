# Headwater's commands. `make help` lists them; each sets up the virtual environment by itself.

VENV    := .venv
BIN     := $(VENV)/bin
SIZE    ?= s
SEED    ?= 7
# The first interpreter of a supported version; override with PYTHON=/path/to/python.
PYTHON  ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export DAGSTER_DISABLE_TELEMETRY := yes
export DBT_SEND_ANONYMOUS_USAGE_STATS := False

.PHONY: help setup demo dev test check score bench proof docs pins clean

help: ## Say what each command does
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

setup: $(VENV)/.ready ## Make the virtual environment from pinned dependencies

$(VENV)/.ready: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Headwater needs Python 3.11, 3.12 or 3.13. Install one, or say where it is: make PYTHON=/path/to/python ..." >&2; exit 1; }
	@echo "Making $(VENV) with $$($(PYTHON) --version) (some two minutes, once) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[sandbox,dev]'
	@touch $@

demo: $(VENV)/.ready ## Run two full cycles on the demo company (SIZE=xs|s|m) and show what happened
	@$(BIN)/python -m sandbox.demo --size $(SIZE) --seed $(SEED)

dev: $(VENV)/.ready ## Serve the Dagster UI on http://127.0.0.1:3000 (your accounts if there is a .env, else the demo)
	@if test -f .env; then $(BIN)/headwater dev; else $(BIN)/python -m sandbox run -- $(BIN)/headwater dev; fi

test: $(VENV)/.ready ## Run all tests
	@$(BIN)/python -m pytest --numprocesses auto

check: $(VENV)/.ready ## Lint, types, import directions, dbt parse
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@cd dbt_project && ../$(BIN)/dbt --quiet --warn-error parse

score: $(VENV)/.ready ## Compare the warehouse of the demo with the planted truth; writes var/score.json
	@$(BIN)/python -m sandbox.score

bench: $(VENV)/.ready ## Measure landing, dbt, identity and the sync difference; writes var/bench.json
	@$(BIN)/python -m benchmarks

proof: $(VENV)/.ready ## Measure the promises of the sync engine; writes var/proof.json
	@$(BIN)/python -m benchmarks.proof

docs: $(VENV)/.ready ## Build the dbt documentation of the warehouse and serve it on http://127.0.0.1:8081
	@cd dbt_project && ../$(BIN)/dbt docs generate --quiet && ../$(BIN)/dbt docs serve --host 127.0.0.1 --port 8081

pins: ## Resolve the dependencies anew and write constraints.txt
	@rm -rf .venv-pins && $(PYTHON) -m venv .venv-pins
	@.venv-pins/bin/python -m pip install --quiet --editable '.[sandbox,dev]'
	@{ echo "# Every package, pinned. Regenerate with: make pins"; .venv-pins/bin/python -m pip freeze --exclude-editable; } > constraints.txt
	@rm -rf .venv-pins

clean: ## Remove what the demo, the tests and dbt made (not the virtual environment)
	@rm -rf var dbt_project/target dbt_project/logs .pytest_cache .mypy_cache .ruff_cache .hypothesis
