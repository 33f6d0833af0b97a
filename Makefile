# Tollhouse: the commands of the house. `make help` lists them.
VENV := .venv
BIN := $(VENV)/bin
INSTALL := scripts/install

.DEFAULT_GOAL := help

help: ## list these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: $(VENV)/.dev ## create the environment for development

demo: $(VENV)/.demo ## ask a real local model through the gateway (ONCE=1 ends after the answer)
	@$(BIN)/tollhouse demo $(if $(ONCE),--once) $(ARGS)

test: $(VENV)/.dev $(VENV)/.demo ## run every test: unit, contracts, journeys, security
	@$(BIN)/python -m pytest -n $(or $(JOBS),3) --dist loadgroup $(ARGS)

check: $(VENV)/.dev ## format, lint, types, import contracts, spelling
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/codespell src tests docs bench scripts *.md

format: $(VENV)/.dev ## put every file into the form that `check` wants
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix-only .

clients: $(VENV)/.dev $(VENV)-clients/.python ## the SDKs and agents that people use, each against a served gateway
	@scripts/install-node tests/clients/node tests/clients/agents
	@TOLLHOUSE_CLIENTS=1 $(BIN)/python -m pytest -n $(or $(JOBS),3) --dist loadgroup tests/clients $(ARGS)

fuzz: $(VENV)/.dev $(VENV)/.fuzz ## look for input that breaks a parser (SECONDS=60 a target, TARGET="sse_relay url", KEEP=1)
	@PYTHONPATH=tests $(BIN)/python -m fuzz --seconds $(or $(SECONDS),60) $(if $(KEEP),--keep) $(TARGET)

mutants: $(VENV)/.dev ## take guards out and see who notices (MODULES="upstream", TESTS="tests/upstream", AGAIN=1, NOTE=1)
	@$(BIN)/python -m scripts.mutate $(MODULES) $(if $(AGAIN),--again) $(if $(NOTE),--note) $(if $(TESTS),--tests $(TESTS))

torture: $(VENV)/.dev ## kill, cut and restart under 50,000 calls; the books must agree (CALLS=, PROCESSES=, ARGS="--restarts 0" is SQLite)
	@PYTHONPATH=tests $(BIN)/python -m torture --calls $(or $(CALLS),50000) --processes $(or $(PROCESSES),8) $(ARGS)

bench: $(VENV)/.dev ## measure against a bare proxy (RIVALS=1 adds LiteLLM)
	@$(BIN)/python -m bench $(if $(RIVALS),--rivals) $(ARGS)

evidence: $(VENV)/.dev ## which requirement is proved by which test, with its last result
	@$(BIN)/tollhouse evidence

docs: $(VENV)/.dev ## write the generated reference pages anew
	@$(BIN)/python -m scripts.reference
	@$(BIN)/python -m scripts.clients_page

lock: $(VENV)/.dev ## resolve requirements/*.in anew into hash-pinned files
	@scripts/lock

clean: ## remove the environment and everything made by tools
	@rm -rf $(VENV) $(VENV)-clients tests/clients/*/node_modules .demo build dist .mypy_cache .ruff_cache .hypothesis .fuzz .import_linter_cache

$(VENV)/.demo: requirements/runtime.txt requirements/local.txt requirements/bootstrap.txt pyproject.toml
	@PYTHON="$(PYTHON)" $(INSTALL) $(VENV) demo
	@touch $@

$(VENV)/.dev: requirements/dev.txt requirements/bootstrap.txt pyproject.toml
	@PYTHON="$(PYTHON)" $(INSTALL) $(VENV) dev
	@touch $@

$(VENV)/.fuzz: requirements/fuzz.txt $(VENV)/.dev
	@PYTHON="$(PYTHON)" $(INSTALL) $(VENV) fuzz
	@touch $@

$(VENV)-clients/.python: requirements/clients.txt requirements/bootstrap.txt
	@PYTHON="$(PYTHON)" $(INSTALL) $(VENV)-clients clients
	@touch $@

# Both kinds of environment are one directory.
.NOTPARALLEL:

.PHONY: help setup demo test check format clients fuzz mutants torture bench evidence docs lock clean
