# The two commands: `make run` and `make test`. Everything else they need, they install.
PYTHON ?= python3
BIN := .venv/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Some images forbid Python to keep what it compiled: then every process compiles two thousand files again.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run install test check check-types check-rest bench messages clean

run: .venv/.ready
	$(BIN)/cxm serve --demo

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

# mypy takes as long as all the rest, so they run beside each other.
check: .venv/.ready-dev
	$(MAKE) --jobs=2 check-types check-rest

check-types:
	$(BIN)/mypy

check-rest:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/cxm makemigrations --check --dry-run
	$(BIN)/python -m pytest tests/test_docs.py tests/test_rules.py tests/test_translations.py

test: check
	CXM_CHECKED=1 sh bin/test-all

bench: .venv/.ready-dev
	$(BIN)/python -m bench.$(NAME)

messages: .venv/.ready-dev
	$(BIN)/python -m cxm.web.extract_messages

clean:
	rm -rf .venv frontend/node_modules cxm/web/static/vendor
