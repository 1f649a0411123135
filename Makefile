# Works on a fresh machine with Python 3.11 or newer; a second run finds everything in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The CPU build: a bare "torch" brings gigabytes of CUDA packages.
TORCH := torch==2.13.0

.PHONY: demo test check clean

demo: $(VENV)/.installed
	$(BIN)/babilong demo --out demo

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet $(TORCH)
	$(BIN)/python -m pip install --quiet --editable '.[eval]'
	touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --editable '.[eval,dev]'
	touch $@

clean:
	rm -rf $(VENV) demo dist
