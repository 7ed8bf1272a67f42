# `make` prints the targets. Everything is installed into .venv and .vigil of this checkout, nothing outside it.
SHELL := /bin/sh
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
PYTHON ?= python3
BIN := .venv/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.PHONY: help demo test check lint types fmt sabotage bench up down docs picture migration lock clean

help: ## Show the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  \033[1m%-10s\033[0m %s\n", $$1, $$2}' Makefile

demo: .venv/.run ## Watch Vigil protect a conversation, on the embedded stack
	@$(BIN)/vigil demo

up: .venv/.run ## Leave a stack and a worker running, and print how to connect
	@$(BIN)/vigil local up --worker

down: .venv/.run ## Stop them
	@$(BIN)/vigil local down

test: .venv/.dev ## Run every test (set VIGIL_PG_BIN for another Postgres, 15 or later)
	@$(BIN)/python -m tests.run

check: .venv/.dev lint types ## What CI runs: linters, types, then the tests on every Postgres at hand
	@$(BIN)/python -m tests.run --every-postgres

lint: .venv/.dev ## Check style and migrations
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/python sql/build.py check
	@$(BIN)/python -m tests.squawk

types: .venv/.dev ## Check types
	@$(BIN)/mypy

fmt: .venv/.dev ## Format the code
	@$(BIN)/ruff check --quiet --fix .
	@$(BIN)/ruff format .

sabotage: .venv/.dev ## Break each guard in turn; every one must turn a test red
	@$(BIN)/python -m tests.sabotage
	@$(BIN)/python -m tests.gateway_sabotage

bench: .venv/.bench ## Measure beside the named peers and print the ratios (OPTIONS=--full)
	@$(BIN)/python -m bench $(OPTIONS)
	@$(BIN)/python -m bench.reads $(filter --quick --json,$(OPTIONS))
	@$(BIN)/python -m bench.twins $(filter --quick --json,$(OPTIONS))

docs: .venv/.dev ## Write the generated pages under docs/ and the TypeScript types
	@$(BIN)/python -m tests.docs

picture: .venv/.dev ## Play the demo and keep how it ended as docs/demo.svg
	@$(BIN)/python -m tests.picture

migration: .venv/.dev ## Turn changed sources of sql/ into a migration: make migration NAME=what_changed
	@test -n "$(NAME)" || { echo "Try: make migration NAME=what_changed" >&2; exit 2; }
	@$(BIN)/python sql/build.py migration "$(NAME)"

lock: ## Resolve the dependencies anew into the lock files
	@$(PYTHON) -m venv .venv-lock && .venv-lock/bin/python -m pip install -q uv
	@for set in "" dev bench; do \
	    .venv-lock/bin/uv pip compile -q --universal --no-header --no-emit-index-url --no-annotate --generate-hashes \
	        --python-version 3.11 --upgrade --extra local --extra build \
	        $$(test "$$set" = "" || echo --extra dev) $$(test "$$set" = bench && echo --extra bench) \
	        pyproject.toml -o requirements$$(test "$$set" = "" || echo -$$set).lock || exit 1; \
	done; rm -rf .venv-lock

clean: ## Stop the stack and remove what was installed here
	@test ! -x $(BIN)/vigil || $(BIN)/vigil local down
	@rm -rf .venv .vigil

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	    echo "Vigil needs Python 3.11 or later; $(PYTHON) is $$($(PYTHON) --version 2>&1)." >&2; \
	    echo "Try: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "Try: install Python's venv module, then make again." >&2; exit 1; }

.venv/.run: requirements.lock pyproject.toml | .venv/bin/python
	@echo "Installing into .venv (once) ..."
# The lock is complete, so nothing is resolved: an old pip would look past it for what is asked with an extra.
	@$(BIN)/python -m pip install --quiet --no-compile --no-deps -r requirements.lock
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch .venv/.run

.venv/.dev: .venv/.run requirements-dev.lock
	@echo "Installing the development tools into .venv (once) ..."
	@$(BIN)/python -m pip install --quiet --no-compile --no-deps -r requirements-dev.lock
	@$(BIN)/python -m pip check --quiet
	@touch .venv/.dev

.venv/.bench: .venv/.dev requirements-bench.lock
	@echo "Installing the peers of the bench into .venv (once) ..."
	@$(BIN)/python -m pip install --quiet --no-compile --no-deps -r requirements-bench.lock
	@$(BIN)/python -m pip check --quiet
	@touch .venv/.bench
