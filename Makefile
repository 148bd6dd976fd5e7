# Every command of this repository; `make help` lists them.
# Needs Python >= 3.11, make and git; everything else is installed into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
COMPILE := $(BIN)/uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-header --no-annotate
# The rules of a linter of contracts, and what breaks clients (docs/decisions/0013).
CONTRACT_GATES := tests/contract/test_product_ordering_style.py tests/contract/test_compatibility.py
# What goes on for longer where there is time, beside tests/chaos.
MODELS_OF_THE_QUEUE := tests/ordering/inbound/test_machine.py tests/ordering/inbound/test_faults.py
# Two files at a time, each beside servers of its own; in order, since the longest come first so.
SIDE_BY_SIDE := --numprocesses 2 --dist loadfile --no-loadscope-reorder
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help up demo test check fuzz chaos format install lock clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: $(VENV)/.embedded ## Run the service here, with its own PostgreSQL and Valkey and a demo catalog
	@$(BIN)/ordering up

demo: $(VENV)/.embedded ## Start, place the two example orders, tell what became of them, stop
	@$(BIN)/ordering demo

test: check ## Everything that CI runs: the gates, then the tests with their coverage
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest $(SIDE_BY_SIDE) $(ARGS)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

check: $(VENV)/.test ## The gates without the tests: lint, types, layers, sizes, contract, containers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/basedpyright --level error
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/openapi-spec-validator --subschema-errors all openapi/*.yaml
	@$(BIN)/pytest --quiet --no-header $(CONTRACT_GATES)
	@$(BIN)/yamllint --strict .
	@$(BIN)/hadolint docker/Dockerfile

fuzz: $(VENV)/.test ## Fuzz the contract at length: EXAMPLES=1000 for each operation, SEED=random
	@FUZZ_EXAMPLES=$(or $(EXAMPLES),1000) FUZZ_SEED=$(or $(SEED),$(shell date +%s)) \
		$(BIN)/pytest tests/fuzz -o faulthandler_timeout=0 $(ARGS)

chaos: $(VENV)/.test ## Break everything at random for MINUTES=10, SEED=random; then every fault of the queue
	@CHAOS_MINUTES=$(or $(MINUTES),10) CHAOS_SEED=$(or $(SEED),$(shell date +%s)) \
		$(BIN)/pytest tests/chaos $(MODELS_OF_THE_QUEUE) -o faulthandler_timeout=0 $(ARGS)

format: $(VENV)/.test ## Format the sources and fix what can be fixed
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

install: $(VENV)/.embedded ## Install without starting anything

lock: $(VENV)/.test ## Choose dependency versions anew and pin them with hashes
	@$(PIP_INSTALL) uv
	@$(COMPILE) --all-extras --output-file requirements/test.txt
	@$(COMPILE) --extra build --extra embedded --constraints requirements/test.txt --output-file requirements/embedded.txt
	@$(COMPILE) --extra build --extra embedded --extra bench --constraints requirements/test.txt --output-file requirements/bench.txt
	@$(COMPILE) --extra build --constraints requirements/test.txt --output-file requirements/runtime.txt

clean: ## Remove what was installed and built; data in var/ stays
	rm -rf $(VENV) dist .coverage .coverage.* .hypothesis .pytest_cache .ruff_cache

# One rule per set of dependencies. The stamp is written last, so that an interrupted
# installation is taken up again by the next call.
$(VENV)/.%: requirements/%.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the $* dependencies into $(VENV) ..."
	@$(PIP_INSTALL) --require-hashes -r requirements/$*.txt
	@$(PIP_INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

.PRECIOUS: $(VENV)/.%
