# One door to everything. Python 3.11, make and git are all it needs; it writes to .venv/ and .local/ alone.
PYTHON ?= python3.11
PORT ?= 8000
STAGE ?= prod
VENV := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help run stop reset test test-long check bench package python

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' $(MAKEFILE_LIST) | while IFS='	' read -r target what; do printf '  make %-10s %s\n' "$$target" "$$what"; done

run: python ## start the product on a local cloud (PORT=8000 DEMO=1 FRESHWIRE_API_KEY=... FRESHWIRE_EMAIL=...)
	@$(PYTHON) -m infra.local.environments run
	@$(VENV)/python -m infra.local.run start --port $(PORT)

stop: ## stop the local cloud; it keeps everything
	@[ ! -x $(VENV)/python ] || $(VENV)/python -m infra.local.run stop

reset: ## stop the local cloud and empty it
	@[ ! -x $(VENV)/python ] || $(VENV)/python -m infra.local.run reset

test: python ## run every test but the long ones, those on a local cloud included
	@$(PYTHON) -m infra.local.environments test
	@$(VENV)/python -m pytest -n auto --dist loadgroup -m "not long"

test-long: python ## run every test, with thousands of generated examples
	@$(PYTHON) -m infra.local.environments test
	@$(VENV)/python -m pytest -n auto --dist loadgroup -m "" --timeout 10800 --hypothesis-profile=long

check: python ## what every change must pass: format, lint, types, architecture, dead code, templates
	@$(PYTHON) -m infra.local.environments check
	$(VENV)/ruff format --check .
	$(VENV)/ruff check .
	$(VENV)/mypy
	$(VENV)/lint-imports
	$(VENV)/deptry .
	$(VENV)/vulture
	$(VENV)/cfn-lint infra/state.yaml

bench: python ## measure: CPU per record, calls per push, the lane, cold start, latency (FLIGHTS_CSV=... a large file too)
	@$(PYTHON) -m infra.local.environments test
	@$(VENV)/python -m tests.bench

package: python ## make the Lambda package and template of a stage (STAGE=prod)
	@$(PYTHON) -m infra.local.environments package
	@$(VENV)/python -m infra.package --stage $(STAGE)

python:
	@command -v $(PYTHON) >/dev/null || { echo "Freshwire needs Python 3.11 and $(PYTHON) is not on this machine: install it, or say make PYTHON=<where it is>."; exit 1; }
