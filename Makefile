# `make demo` and `make test` do their own set-up: the virtual environment and, when root and
# missing, the system packages.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check
export PYTHON
unexport PYTHONDONTWRITEBYTECODE  # every test that starts a process would compile the package again

.PHONY: help demo gui test test-slow fuzz lint format bench screenshots clean
help:  ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# Stamps: each is remade when what it was made from changes.
$(VENV)/base: pyproject.toml
	packaging/system-packages.sh base
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --editable .
	touch $@

# With all that the tests need there is all that the program needs. Python compiles what it loads;
# to compile everything takes longer than to install it.
$(VENV)/tested: pyproject.toml packaging/system-packages.sh
	packaging/system-packages.sh test
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) --no-compile --editable '.[gui,test]'
	touch $(VENV)/base $@

$(VENV)/development: $(VENV)/tested
	$(PIP) --editable '.[dev]'
	touch $@

demo: $(VENV)/base  ## Audit the built-in model on the built-in images
	$(BIN)/iaside-audit demo

gui: $(VENV)/base  ## Open the window
	packaging/system-packages.sh gui
	$(PIP) --editable '.[gui]'
	$(BIN)/iaside-audit gui

test: $(VENV)/tested  ## Run the tests
	$(BIN)/python -m pytest --numprocesses auto --dist worksteal

test-slow: $(VENV)/tested  ## Run the long checks too: simulations, every golden, every zoo model
	$(BIN)/python -m pytest -m 'slow or not slow' --hypothesis-profile thorough --timeout 3600

fuzz: $(VENV)/tested  ## Mutate 2,000 models and 2,000 images; nothing may crash or hang
	$(BIN)/python -m pytest tests/fuzz -m slow -s --timeout 3600

lint: $(VENV)/development  ## Check format, style, types and the direction of imports
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/development  ## Format the code
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: $(VENV)/tested  ## Measure audits against bare ONNX Runtime and the authors' algorithm, and start-up
	$(BIN)/python benchmarks/audit_speed.py
	$(BIN)/python benchmarks/start_up.py
	$(BIN)/python benchmarks/window.py

screenshots: $(VENV)/tested  ## Picture every page of the window, dark and light, in build/screenshots
	$(BIN)/python packaging/screenshots.py

clean:  ## Remove what was built, the virtual environment included
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
