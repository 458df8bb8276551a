# make run    trains examples/laptop.toml: a small model teaches itself word problems (about ten minutes on two cores)
# make test   what CI runs: every real engine at least once, at most 20 minutes
# Every target sets up what it needs; a second call starts within seconds.

PYTHON := .venv/bin/python
READY  := .venv/ready
RUN    ?= examples/laptop.toml

.PHONY: run test test-all check bench trl symbols base clean

run: $(READY)
	$(PYTHON) -m envisions train $(RUN) $(SET)

test: $(READY)
	$(PYTHON) -m pytest -m "not slow"

test-all: $(READY)
	$(PYTHON) -m pytest

check: $(READY)
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy

bench: $(READY)
	$(PYTHON) benchmarks/engines.py
	$(PYTHON) benchmarks/sandbox.py
	$(PYTHON) benchmarks/browser.py
	$(PYTHON) benchmarks/logic.py
	$(PYTHON) benchmarks/memory.py

trl: $(READY)
	.venv/bin/pip install -q --no-deps --target build/trl -r requirements/trl.lock

symbols: $(READY)
	$(PYTHON) -m envisions inject examples/symbols/inject.toml
	$(PYTHON) -m envisions infuse examples/symbols/infuse.toml
	$(PYTHON) -m envisions train examples/symbols.toml

base: $(READY)
	$(PYTHON) -m envisions make-base examples/base/recipe.toml

clean:
	rm -rf .venv build

$(READY): requirements/cpu.lock requirements/setup.sh pyproject.toml
	sh requirements/setup.sh
