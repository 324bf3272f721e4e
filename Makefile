# The whole interface: `make dev`, `make test`, `make test-quick`, `make lint`, `make docs`, `make bench`. Each sets
# up what it needs in .venv first.
.PHONY: dev test test-deploy test-quick lint format docs reference bench lock audit sbom clean
.DEFAULT_GOAL := install

VENV := .venv
BIN := $(VENV)/bin
export PYTHONUNBUFFERED := 1
# Whatever the caller's environment says: the tests start hundreds of interpreters, which would each compile Dagster anew.
unexport PYTHONDONTWRITEBYTECODE

# An interpreter that is 3.11, 3.12 or 3.13; PYTHON=... chooses another one.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)

install: $(VENV)/.installed
dev-tools: $(VENV)/.dev-tools

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "No Python 3.11, 3.12 or 3.13 found. Install one, or say: make PYTHON=/path/to/python"; exit 1; }
	@echo "==> Creating $(VENV) with $$($(PYTHON) --version)"
	@$(PYTHON) -m venv $(VENV)

# uv where it is there (seconds), pip otherwise (a minute or two).
define pip_install
	@if command -v uv >/dev/null 2>&1; then \
		uv pip install --python $(BIN)/python --constraint constraints.txt $(1); \
	else \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check "pip==26.2" \
		&& $(BIN)/python -m pip install --disable-pip-version-check --progress-bar off --constraint constraints.txt $(1) \
			| grep -v -e "^Requirement already" -e "^  "; test $${PIPESTATUS[0]} -eq 0; \
	fi
endef
SHELL := /bin/bash

# Local Sheets is a distribution of its own, in this repository.
BOTH := --editable packages/local-sheets --editable ".[embedded]"
PROJECTS := pyproject.toml packages/local-sheets/pyproject.toml constraints.txt

$(VENV)/.installed: $(PROJECTS) | $(BIN)/python
	@echo "==> Installing the pipeline into $(VENV) (once; a minute or two with pip)"
	$(call pip_install,$(BOTH))
	@touch $@

$(VENV)/.dev-tools: $(PROJECTS) $(VENV)/.installed
	@echo "==> Installing what the tests need (once)"
	$(call pip_install,$(BOTH) --group dev)
	@touch $@

dev: install
	@$(BIN)/sheets-pipeline dev

test: dev-tools
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

# The commands of compose.yaml, started as they stand: six processes, so not beside the others.
test-deploy: dev-tools
	@$(BIN)/python -m pytest -n 0 -m deploy sheets_pipeline_tests/test_deploy.py $(PYTEST_ARGS)

# What tells most mistakes in about a minute: what decides, declarations, the writer, what `sync` says, and what Local Sheets
# answers. Left to `make test`: Dagster's runs and processes, databases, pages, clients of others, and of the folders named
# here the files that fail each request in turn, hold limits or start a server for each test. Keep it below 90 s on 2 cores.
OURS := sheets_pipeline_tests
THEIRS := packages/local-sheets/local_sheets_tests
QUICK := $(OURS)/test_*.py $(OURS)/cli/test_db.py $(OURS)/cli/test_status.py $(OURS)/cli/test_sync.py \
	$(patsubst %,$(OURS)/%/test_*.py,sync components sheets) \
	$(THEIRS)/test_*.py $(patsubst %,$(THEIRS)/%/test_*.py,cell_values formulas model batch_update values_api)
LONG := $(patsubst %,$(OURS)/sheets/test_%.py,archive_moves archived inserts reliability shared_requests) \
	$(OURS)/components/test_project_folder.py $(patsubst %,$(THEIRS)/%.py,formulas/test_limits test_plugin test_store test_testing)

test-quick: dev-tools
	@$(BIN)/python -m pytest $(filter-out $(LONG),$(wildcard $(QUICK))) $(PYTEST_ARGS)

lint: dev-tools
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: dev-tools
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

# The site, in build/docs; a link or a heading that is not there ends it.
docs: dev-tools
	@rm -rf build/docs
	@$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going --fresh-env --doctree-dir build/doctrees docs build/docs
	@echo "Open build/docs/index.html"

# The pages of all commands and settings, and of what Local Sheets was checked against, from the code.
reference: dev-tools
	@$(BIN)/python -m docs.reference
	@$(BIN)/python -m docs.witnesses

bench: dev-tools
	@$(BIN)/python -m benchmarks $(BENCH_ARGS)

# Renews constraints.txt; needs uv.
lock:
	uv pip compile pyproject.toml packages/local-sheets/pyproject.toml --extra embedded --extra celery --extra otel --group dev --universal \
		--python-version 3.11 --upgrade --no-emit-package local-sheets --no-header --no-annotate --quiet \
		--output-file constraints.txt
	uv pip compile pyproject.toml --extra celery --extra mysql --extra otel --universal --python-version 3.11 --constraint constraints.txt \
		--generate-hashes --no-header --no-annotate --quiet --output-file deploy/requirements.txt

# Tools that look at what others have made, in an environment of their own.
SUPPLY := build/supply
$(SUPPLY)/.installed: | $(BIN)/python
	@$(PYTHON) -m venv $(SUPPLY)
	@$(SUPPLY)/bin/python -m pip install --quiet --disable-pip-version-check "pip-audit==2.10.1" "cyclonedx-bom==7.5.0"
	@touch $@

# What is known against the versions that an image gets; needs the internet.
audit: $(SUPPLY)/.installed
	@$(SUPPLY)/bin/pip-audit --disable-pip --require-hashes --requirement deploy/requirements.txt

# All that an installation holds, with versions and licences, in build/sbom.json (CycloneDX).
sbom: install $(SUPPLY)/.installed
	@$(SUPPLY)/bin/cyclonedx-py environment $(BIN)/python --output-file build/sbom.json

clean:
	rm -rf $(VENV) build .pytest_cache .mypy_cache .ruff_cache
