# Everything from a fresh checkout: `make run` trains the demo and shows it, `make test` runs the tests.
PYTHON ?= python3
VENV   ?= .venv
BIN     = $(VENV)/bin
INSTALL = @$(PYTHON) -m make.install $(VENV)

.PHONY: run test test-failed test-all dearest check format bench faults fuzz screenshots verdicts reference demo-data gpu-check gpu-wheels clean help venv-train venv-dev

help:            ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 16

run: venv-train      ## install, then train the demo with real 4-bit QLoRA, shown live
	$(BIN)/ftui run demo

test: venv-dev       ## install what tests need and test everything that ftui does, with a few values of what is fuzzed
	$(BIN)/python -m pytest -n 2 --dist loadgroup

test-failed: venv-dev  ## run once more, one after the other, what failed in the last run
	$(BIN)/python -m pytest --last-failed --last-failed-no-failures none

test-all: venv-dev   ## the same, and all that is fuzzed
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m ""

dearest: venv-dev    ## run the tests and print which take longest, with the seconds of each folder
	$(BIN)/python -m tests.dearest

check: venv-dev      ## formatting, lint, types, import contracts, dead code
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/vulture

format: venv-dev     ## format and mend what can be mended by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: venv-dev      ## measure start-up, keystrokes, the memory model, long and fast runs, the detectors
	$(BIN)/python -m tests.benchmarks.first_paint
	$(BIN)/python -m tests.benchmarks.imports
	$(BIN)/python -m tests.benchmarks.keystroke
	$(BIN)/python -m tests.benchmarks.memory_cases tests/data/memory-cases.csv
	$(BIN)/python -m tests.benchmarks.follow
	$(BIN)/python -m tests.benchmarks.long_life
	$(BIN)/python -m tests.benchmarks.synthetic

faults: venv-dev     ## break real runs in every way we know, print the table of them
	$(BIN)/python -m tests.faults

fuzz: venv-dev       ## read more than ten thousand spoilt runs, others each time; FTUI_FUZZ_SEED=N repeats one
	@seed=$${FTUI_FUZZ_SEED:-$$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}; \
	echo "FTUI_FUZZ_SEED=$$seed"; \
	FTUI_FUZZ_SEED=$$seed $(BIN)/python -m pytest -n 2 -m large

screenshots: venv-dev  ## record demo runs and draw the pictures of the README
	$(BIN)/python -m tests.make_screenshots screenshots

verdicts: venv-dev   ## write docs/verdicts.md and its pictures again
	$(BIN)/python -m tests.make_verdicts docs

reference: venv-dev  ## write docs/settings.md, rules.md, commands.md, importing.md and presets' schema again
	$(BIN)/python -m tests.make_reference docs

demo-data: venv-dev  ## make presets/demo again (five minutes)
	$(BIN)/python -P -m runner.train.make_demo presets/demo

# With the Python that holds torch and CUDA, e.g. `make gpu-check GPU_PYTHON=python3`: nothing is installed or fetched.
GPU_PYTHON ?= $(BIN)/python
gpu-check:       ## on a GPU box: all that only a GPU can show, in ten minutes; GPU_ARGS=--rehearse without one
	tests/gpu/check.sh $(GPU_PYTHON) $(GPU_ARGS)

gpu-wheels: venv-dev ## pack what such a box may lack as wheels (Python 3.12, Linux x86-64) into wheels/
	$(BIN)/python -m tests.gpu.pack_wheels wheels

venv-train:
	$(INSTALL) train

venv-dev:
	$(INSTALL) train dev

clean:           ## remove the virtual environment and caches; runs stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
