# Everything that a newcomer types, on Linux and macOS; docs/install.md has the same for Windows.
PYTHON ?= python3
SOURCE ?=
export SOURCE
BIN := .venv/bin
# One more than there are cores: tests wait for a fifth of their time, for cameras, servers and sub-processes.
WORKERS = $$(( $$(getconf _NPROCESSORS_ONLN) + 1 ))
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help demo live test test-fast lint bench compact release clean
.DEFAULT_GOAL := demo

help:  ## these lines
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/.tools  ## see the camera program run on a simulated camera; SOURCE=photo.jpg for your own
	@$(BIN)/emotion-camera demo $${SOURCE:+"$$SOURCE"}

live: .venv/.tools  ## open the live page on your webcam, without a camera; SOURCE=video.mp4 for something else
	@$(BIN)/emotion-camera watch --source "$${SOURCE:-webcam}" || { [ -z "$$SOURCE" ] && \
	  echo "The bundled clip instead:" && $(BIN)/emotion-camera watch --source clip; }

test: .venv/.all  ## run all tests: about 14 minutes on two cores
	@echo "All tests: about 14 minutes on two cores. What needs a browser, a shell or recordings that are not here skips."
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile

test-fast: .venv/.all  ## run the quick tests of each part: 90 seconds on two cores
	@$(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile -m "not slow"

lint: .venv/.all  ## check style and types
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

bench: .venv/.tools  ## measure the camera program: detection, flicker, calibration, memory, models, costs
	@$(BIN)/python -m bench

compact: .venv/.all  ## compile device/main.py for the small boards, after a change of it
	@$(BIN)/python tools/compact.py

release: .venv/.all  ## build dist/: the wheel, a zip for each kind of board, package.json, parts list, checksums
	@$(BIN)/python tools/release.py

clean:  ## remove the virtual environment and what demo and release have made
	rm -rf .venv demo dist

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed; give it with make PYTHON=python3.12")'
	@echo "Making a virtual environment in .venv"
	@$(PYTHON) -m venv .venv || { rm -rf .venv; echo "No virtual environment: install Python's venv (Debian: apt install python3-venv)"; exit 1; }

# Pip would say nothing for minutes: a line tells what is going on.
.venv/.tools: pyproject.toml requirements.txt | .venv/bin/python
	@echo "Installing the tools into .venv: about 130 MB to fetch, once"
	@$(PIP) -c requirements.txt -e .
	@touch $@

.venv/.all: pyproject.toml requirements.txt | .venv/bin/python
	@echo "Installing the tools, training and checks into .venv: about 1.1 GB to fetch, once; TensorFlow, PyTorch and Ray are most of it."
	@echo "On Linux PyTorch brings its libraries for NVIDIA's GPUs, some GB more; requirements.txt says how to do without."
	@$(PIP) -r requirements.txt -e .
	@touch $@ .venv/.tools
