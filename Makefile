# make demo    where the article's mail goes, a loaded day, a first sizing answer; results under reports/
# make test    what CI runs: ruff, mypy, pytest
#
# Both make their own virtual environment in .venv. Another Python: make demo PYTHON=/path/to/python3.12

PYTHON ?=
FUZZ_LINES ?= 100000
PYTEST_ARGS ?= -n auto --dist worksteal
VENV := .venv
BIN := $(VENV)/bin
export PYTHON VENV

# The tests start Python many times: what is compiled once is kept, also where the environment says otherwise.
unexport PYTHONDONTWRITEBYTECODE

# A log is read later, and not on a terminal. (PY_COLORS would not do: typer takes it, whatever it says, for a terminal.)
ifeq ($(CI),true)
export NO_COLOR := 1
PYTEST_ARGS += --color=no
unexport FORCE_COLOR PY_COLORS
endif

.DEFAULT_GOAL := help
# What is made from the models of a scenario; tests say when it is not current.
schema:
	$(BIN)/coexsim schema > coexsim/scenario/coexsim.schema.json
	cp coexsim/scenario/coexsim.schema.json scenarios/
	$(BIN)/coexsim explain --markdown > coexsim/KEYS.md

.PHONY: schema help demo test lint bench fuzz mutants validation gallery kill clean

help:
	@echo 'make demo    where mail goes, a loaded day, a first sizing answer: results under reports/'
	@echo 'make test    ruff, mypy and pytest, as CI does'
	@echo 'make lint    ruff and mypy only'
	@echo 'make bench   measure the speed (tests/bench)'
	@echo 'make fuzz    damaged logs, set-ups, scenarios and random worlds, hours of it (FUZZ_LINES=1000 FUZZ_ARGS="--minutes 5")'
	@echo 'make mutants single faults put into the code that no test notices (tests/mutants.py; MUTANTS_ARGS="--part mail --sample 20")'
	@echo 'make kill    kill -9 at 100 random moments of a run and of a sweep, 20 pairs of sweeps in one folder'
	@echo 'make schema  write the JSON Schema of scenarios and KEYS.md anew, from the models'
	@echo 'make validation  what real servers did beside what coexsim says: reports/validation.md'
	@echo 'make gallery the pictures of reports/example, from the commands that they are of (some minutes)'
	@echo 'make clean   remove the virtual environment, caches and reports'
	@echo
	@echo 'Each makes its own virtual environment in .venv first. Choose the Python: make demo PYTHON=python3.12'

demo:
	@.ci/venv.sh demo
	$(BIN)/coexsim check scenarios/article
	$(BIN)/coexsim trace scenarios/article/environment.yaml iUser1@corporate.com iUser2@corporate.com
	$(BIN)/coexsim run scenarios/load/corporate-20k.yaml
	$(BIN)/coexsim size scenarios/sizing/corporate-20k.yaml
	@echo 'Tables and pictures are under reports/'

lint:
	@.ci/venv.sh test
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

# The engine is compiled beside ruff and mypy, on the other core: else every process of the tests that begins before the first is done
# compiles it too. Nothing may be printed after pytest: its closing line is the verdict.
test:
	@.ci/venv.sh test
	$(BIN)/python -m coexsim.engine & compiling=$$!; $(MAKE) --no-print-directory lint && wait $$compiling
	$(BIN)/pytest --benchmark-disable $(PYTEST_ARGS)

bench:
	@.ci/venv.sh test
	$(BIN)/pytest -m bench -p no:xdist -s tests/bench

fuzz:
	@.ci/venv.sh test
	$(BIN)/python -m tests.intake.fuzz_logs $(FUZZ_LINES)
	$(BIN)/python -m tests.intake.fuzz_imports $(FUZZ_LINES) --readers
	$(BIN)/python -m tests.intake.fuzz_into $(FUZZ_LINES)
	$(BIN)/python -m tests.fuzz $(FUZZ_ARGS)

mutants:
	@.ci/venv.sh test
	$(BIN)/python -m tests.mutants $(MUTANTS_ARGS)

kill:
	@.ci/venv.sh test
	COEXSIM_KILLS=100 $(BIN)/pytest -p no:xdist -s tests/cli/test_kill.py

validation:
	@.ci/venv.sh test
	$(BIN)/python -m tests.validation_report

gallery:
	@.ci/venv.sh test
	$(BIN)/python -m tests.gallery

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
	find reports -mindepth 1 -maxdepth 1 ! -name README.md ! -name example ! -name 'validation*' -exec rm -rf {} +
