# make demo    an environment, the default model and a first verdict
# make test    the tests
# make check   lint, format, types, import contracts
# make bench   the measurements behind the figures in README and docs   (BENCH=benchmarks/FILE.py for one)
# make trust   the long form of the promises: simulations and kills, up to an hour
# make clean   removes the environment and the caches of the tools
#
# PYTHON=python3.12                                        another interpreter (3.11, 3.12 or 3.13)
# TORCH_INDEX=https://download.pytorch.org/whl/cpu         the CPU build of torch, where the default is the CUDA build
# PIP_ARGS="…"                                             anything else for pip
# PYTEST_ARGS="-k verdict"                                 anything else for pytest
# WORKERS=4                                                tests that run side by side, 2 where nothing is said; 0 for one process

PYTHON ?= python3
VENV ?= .venv
TORCH ?= $(shell sed -n 's/^\(torch==[^ ;]*\).*/\1/p' constraints.txt)
TORCH_INDEX ?=
PIP_TORCH_ARGS ?= $(if $(TORCH_INDEX),--index-url $(TORCH_INDEX))
PIP_ARGS ?=
PYTEST_ARGS ?=
WORKERS ?= 2
BENCH ?= $(sort $(wildcard benchmarks/bench_*.py))

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo install test check bench trust clean

help:
	@sed -n 's/^# \{0,1\}//p;/^$$/q' Makefile

demo: $(VENV)/.installed
	$(BIN)/crossover run examples/support_tickets.csv

install: $(VENV)/.installed

# HF_HUB_OFFLINE: no test may lean on a model hub.
test: $(VENV)/.installed-dev
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -n $(WORKERS) $(PYTEST_ARGS)

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy src tests $(if $(wildcard benchmarks/*.py),benchmarks) $(if $(wildcard scripts/*.py),scripts)
	$(BIN)/lint-imports

bench: $(VENV)/.installed-dev
	@test -n "$(BENCH)" || { echo "error: no benchmarks/bench_*.py here" >&2; exit 2; }
	@set -e; for script in $(BENCH); do echo "$(BIN)/python $$script"; $(BIN)/python $$script; done

trust: $(VENV)/.installed-dev
	HF_HUB_OFFLINE=1 $(BIN)/python -m pytest -m trust --timeout 3600 $(PYTEST_ARGS)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist

# The stamps stand for what was installed; a change to what is asked for installs again.
$(VENV)/.created:
	@command -v $(PYTHON) >/dev/null || { echo "error: there is no \"$(PYTHON)\" here." >&2; \
	  echo "  name Python 3.11, 3.12 or 3.13: make PYTHON=python3.12 $(or $(MAKECMDGOALS),demo)" >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "error: Crossover needs Python 3.11, 3.12 or 3.13; \"$(PYTHON)\" is $$($(PYTHON) --version 2>&1)." >&2; \
	  echo "  name another one: make PYTHON=python3.12 $(or $(MAKECMDGOALS),demo)" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "error: \"$(PYTHON) -m venv\" failed. On Debian and Ubuntu the package python3-venv brings it." >&2; exit 2; }
	@touch $@

# torch goes first and alone, so that its index can be chosen; what it depends on comes from the usual one.
$(VENV)/.installed: pyproject.toml constraints.txt $(VENV)/.created
	$(PIP) install $(PIP_ARGS) $(PIP_TORCH_ARGS) --no-deps $(TORCH)
	$(PIP) install $(PIP_ARGS) -c constraints.txt -e .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(PIP) install $(PIP_ARGS) -c constraints.txt -e '.[dev]'
	@touch $@
