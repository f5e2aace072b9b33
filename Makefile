# On a fresh Debian: sudo apt-get install git make python3-venv
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test check types lint rewritten fault test-boot bench lock wheel deb clean

BIN := .venv/bin
COMPILE := uv pip compile pyproject.toml --universal --generate-hashes --no-header --python-version 3.11 --quiet
# A file's tests stay together. Two reckon and a third waits, for a broker or a device; tests/conftest.py has the order.
PARALLEL := -n 3 --dist loadfile --no-loadscope-reorder
ARGS ?=
CHECKS := types lint
# A process finds compiled what another compiled, whatever the surroundings say: the tests start hundreds.
export PYTHONDONTWRITEBYTECODE :=

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-9s %s\n", $$1, $$2}' Makefile

demo: ## four simulated beds, a broker, the daemon and a viewer: make demo ARGS="--duration 60"
	@scripts/venv demo
	@$(BIN)/infusion-sim demo $(ARGS)

test: ## every check and every test, three at a time: make test ARGS="tests/unit -k ivy", or ARGS="-n 0"
	@scripts/debian mosquitto systemd chromium binutils
	@$(MAKE) --no-print-directory check CHECKS="types lint rewritten"
	$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

check: ## what needs no running: lint, format, types, import borders, schemas, guides, locks
	@scripts/venv dev
	@$(MAKE) --no-print-directory --jobs=2 --output-sync=target $(CHECKS)

types:
	$(BIN)/mypy
	$(BIN)/mypy debian/build.py

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m edge.schemas --check
	$(BIN)/python -m edge.alarm_guide --check
	$(BIN)/python -m edge.device_guide --check
	$(BIN)/python -m pytest -q --no-header tests/packaging/test_locks.py

# On a fresh clone each of the three would rewrite the assertions of each file for itself: 12 s of reckoning. Once is enough,
# beside mypy. What cannot be collected is told by the run.
rewritten:
	@$(BIN)/python -m pytest --collect-only -qq $(ARGS) >/dev/null || true

fault: ## kills -9 under load, with faults of network and disk: make fault ARGS="--kills 50 --seed 7"
	@scripts/debian mosquitto
	@scripts/venv dev
	$(BIN)/python -m tests.fault.campaign $(ARGS)

test-boot: ## the package in a Debian that is booted, with its faults; needs root: make test-boot ARGS="--suite trixie"
	@scripts/debian dpkg-deb binutils
	@scripts/venv dev
	$(BIN)/python -m tests.boot.campaign $(ARGS)

bench: ## figures of speed and cost, beside a plain script: make bench ARGS="--quick"
	@scripts/debian mosquitto chromium
	@scripts/venv dev
	$(BIN)/python -m bench $(ARGS)

lock: ## resolve the locks again (needs uv): make lock ARGS=--upgrade
	@command -v uv >/dev/null || { echo "uv is missing: pip install uv" >&2; exit 1; }
	$(COMPILE) $(ARGS) --extra demo --extra station --extra gpio --extra build --extra dev -o requirements/dev.lock
	$(COMPILE) $(ARGS) --extra demo --extra station --extra gpio --extra build -o requirements/demo.lock
	$(COMPILE) $(ARGS) --extra gpio -o requirements/runtime.lock
	$(COMPILE) $(ARGS) --extra station -o requirements/station.lock

wheel: ## the package for an installation, in dist/
	@scripts/venv demo
	$(BIN)/python -m hatchling build -t wheel

deb: ## the Debian packages for amd64 and arm64, in dist/: make deb ARGS="--arch arm64 infusion-edge"
	@scripts/debian dpkg-deb binutils
	@scripts/venv demo
	$(BIN)/python debian/build.py $(ARGS)

clean: ## remove what these commands made
	rm -rf .venv dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
