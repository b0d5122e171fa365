# The two commands: `make run` and `make test`. Everything else they need, they install.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: run install test check bench messages clean

run: .venv/.ready
	$(BIN)/cxm demo --if-empty
	$(BIN)/cxm serve

install: .venv/.ready

.venv/.ready: pyproject.toml frontend/package-lock.json $(wildcard frontend/src/*) $(wildcard cxm/locale/*/LC_MESSAGES/django.po)
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --editable .
	$(BIN)/python frontend/build.py
	$(BIN)/python -m cxm.web.compile_messages
	$(BIN)/cxm migrate --verbosity 0
	touch $@

.venv/.ready-dev: .venv/.ready
	$(BIN)/python -m pip install --quiet --group dev
	sh bin/system-packages
	touch $@

check: .venv/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/cxm makemigrations --check --dry-run
	$(BIN)/python -m pytest tests/test_docs.py tests/test_rules.py tests/test_translations.py

test: check
	sh bin/test-all

bench: .venv/.ready-dev
	$(BIN)/python -m bench.$(NAME)

messages: .venv/.ready-dev
	$(BIN)/python -m cxm.web.extract_messages

clean:
	rm -rf .venv frontend/node_modules cxm/web/static/vendor
