# Everything from a fresh checkout: `make run` trains the demo and shows it, `make test` runs the tests.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
PIP     = $(BIN)/python -m pip --disable-pip-version-check --quiet
PINS    = constraints.txt

.PHONY: run test check format bench faults screenshots verdicts demo-data gpu-check gpu-wheels clean help

help:            ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

run: $(VENV)/.train      ## install, then train the demo with real 4-bit QLoRA, shown live
	$(BIN)/ftui run demo

test: $(VENV)/.dev       ## install what tests need and run them all
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m "not gpu"

check: $(VENV)/.dev      ## formatting, lint, types, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev     ## format and mend what can be mended by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev      ## measure start-up, keystrokes, the memory model, long and fast runs, the detectors
	$(BIN)/python -m tests.benchmarks.first_paint
	$(BIN)/python -m tests.benchmarks.keystroke
	$(BIN)/python -m tests.benchmarks.memory_cases tests/data/memory-cases.csv
	$(BIN)/python -m tests.benchmarks.follow
	$(BIN)/python -m tests.benchmarks.synthetic

faults: $(VENV)/.dev     ## break real runs in every way we know, print the table of them
	$(BIN)/python -m tests.faults

screenshots: $(VENV)/.dev  ## record demo runs and draw the pictures of the README
	$(BIN)/python -m tests.make_screenshots screenshots

verdicts: $(VENV)/.dev   ## write docs/verdicts.md and its pictures again
	$(BIN)/python -m tests.make_verdicts docs

demo-data: $(VENV)/.dev  ## make presets/demo again (five minutes)
	$(BIN)/python -P -m runner.train.make_demo presets/demo

# With the Python that holds torch and CUDA, e.g. `make gpu-check GPU_PYTHON=python3`: nothing is installed or fetched.
GPU_PYTHON ?= $(BIN)/python
gpu-check:       ## on a GPU box: the tests marked gpu and a short QLoRA run of an 8B-shaped model, figures as JSON
	tests/gpu/check.sh $(GPU_PYTHON)

gpu-wheels: $(VENV)/.dev ## pack what such a box may lack as wheels (Python 3.12, Linux x86-64) into wheels/
	$(BIN)/python -m tests.gpu.pack_wheels wheels

$(VENV)/.base:
	$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.train: $(VENV)/.base pyproject.toml $(PINS)
	@echo "installing the training stack into $(VENV) …"
	$(PIP) install -c $(PINS) -e '.[train]'
	@touch $@

$(VENV)/.dev: $(VENV)/.base pyproject.toml $(PINS)
	@echo "installing the training stack and the test tools into $(VENV) …"
	$(PIP) install -c $(PINS) -e '.[train,dev]'
	@touch $@ $(VENV)/.train

clean:           ## remove the virtual environment and caches; runs stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
