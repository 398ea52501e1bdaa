# Plain verbs; each sets up what it needs in .venv, from the package index alone.
PYTHON ?= $(firstword $(foreach p,python3 python3.13 python3.12 python3.11,$(shell $(p) -c 'import sys; sys.version_info >= (3, 11) and print("$(p)")' 2>/dev/null)))
BIN := $(CURDIR)/.venv/bin
COLLECTIONS := $(CURDIR)/build/collections
export PATH := $(BIN):$(PATH)
export ANSIBLE_COLLECTIONS_PATH := $(COLLECTIONS)
export PYTHONDONTWRITEBYTECODE := 1

.PHONY: help setup clean
help: ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:[^#]*##/\t/' | expand -t 16

setup: .venv/ready build/collections/ready ## create .venv and the collection path (every verb does)

.venv/ready: requirements-dev.txt extensions/embedded_aws/requirements.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 or later is needed: none found. Set PYTHON=..."; exit 1; }
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

# Ansible finds a collection by its path: the checkout stands there as a link.
build/collections/ready:
	@mkdir -p build/collections/ansible_collections/logreflector
	@ln -sfn ../../../.. build/collections/ansible_collections/logreflector/aws
	@touch $@

clean: ## remove what make created
	rm -rf .venv build .ansible .hypothesis .mypy_cache .pytest_cache .ruff_cache
