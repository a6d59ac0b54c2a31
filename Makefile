# make demo | test | lint | bench | docs | clean. Needs Python 3.10+ with venv, a C++17 compiler, make.
# make bench SCENE=DIR measures radiance fields too, on a folder of posed photographs; DEVICE=cuda
# measures on a GPU.

PYTHON ?= python3
DEVICE ?= cpu
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
SOURCES := pyproject.toml constraints.txt CMakeLists.txt $(wildcard kernels/*)

.PHONY: demo test lint bench docs clean

demo: $(VENV)/installed
	$(BIN)/curvox demo --out runs/demo

test: $(VENV)/installed-test
	$(BIN)/python -m pytest

lint: $(VENV)/installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: FOLDER = docs/bench$(if $(filter cuda%,$(DEVICE)),/gpu)
bench: $(VENV)/installed
	mkdir -p $(FOLDER)
	$(BIN)/curvox bench curves --device $(DEVICE) --json $(FOLDER)/curves.json
	$(BIN)/curvox bench vector --device $(DEVICE) --json $(FOLDER)/vector.json
	$(if $(SCENE),$(BIN)/curvox bench fields --device $(DEVICE) --scene $(SCENE) --json $(FOLDER)/fields.json)
	$(BIN)/python -m curvox.bench.tables

docs: $(VENV)/installed-docs
	$(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) build dist site

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

# What lies outside the package (kernels, build files) is compiled anew when it changes; Python
# files are used where they are.
$(VENV)/installed: $(VENV)/bin/python $(SOURCES)
	$(PIP) --constraint constraints.txt --editable .
	touch $@

$(VENV)/installed-%: $(VENV)/bin/python $(SOURCES)
	$(PIP) --constraint constraints.txt --editable ".[$*]"
	touch $@ $(VENV)/installed
