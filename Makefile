# Plain verbs; each sets up what it needs in .venv, from the package index alone.
# The first has the newest ansible-core (requirements-demo.txt) and the oldest (tests/integration/requirements-oldest.txt).
PYTHON ?= $(firstword $(foreach p,python3.13 $(wildcard $(HOME)/.pyenv/versions/3.13.*/bin/python3.13) python3.12 python3.14 python3.11 python3,$(shell $(p) -c 'import sys; (3, 11) <= sys.version_info < (3, 15) and print("$(p)")' 2>/dev/null)))
BIN := $(CURDIR)/.venv/bin
COLLECTIONS := $(CURDIR)/build/collections
COLLECTION := build/collections/ansible_collections/logreflector/aws
export PATH := $(BIN):$(PATH)
export ANSIBLE_COLLECTIONS_PATH := $(COLLECTIONS)
# Containers often set it. Then each of hundreds of processes would compile the collection and the tests again.
unexport PYTHONDONTWRITEBYTECODE
MYPY := mypy --config-file $(CURDIR)/pyproject.toml
# thousand takes half an hour, so it runs only by its name.
BENCHES := $(filter-out _% thousand,$(basename $(notdir $(wildcard bench/*.py))))

.PHONY: help setup generate demo demo-stop test lint sanity unit resources runtimes integration molecule check-aws coverage bench picture site test-eda community build installed release changelog clean
help: ## this list
	@grep -hE '^[a-z%-]+:.*##' $(MAKEFILE_LIST) | sed 's/:[^#]*##/\t/' | expand -t 16

setup: .venv/ready build/collections/ready build/lambda/ready ## create .venv and the collection path (every verb does)

# .venv has stages, so that the demo does not wait for the development tools, and the reflector's tests need nothing but a Python.
.venv/created: requirements-demo.txt extensions/embedded_aws/requirements.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11 to 3.14 is needed: none found. Set PYTHON=..."; exit 1; }
	$(PYTHON) -m venv --clear .venv
	@touch $@

.venv/demo-ready: .venv/created
	.venv/bin/pip install --quiet --disable-pip-version-check -r requirements-demo.txt
	@touch $@

.venv/ready: .venv/demo-ready requirements-dev.txt tests/runtimes/requirements-native.txt tests/integration/requirements-oldest.txt
	.venv/bin/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	.venv/bin/pip install --quiet --disable-pip-version-check --upgrade --target .venv/native -r tests/runtimes/requirements-native.txt
	rm -rf .venv/oldest
	.venv/bin/pip install --quiet --disable-pip-version-check --no-deps --target .venv/oldest -r tests/integration/requirements-oldest.txt
	@touch $@

# Ansible finds a collection by its path, which is a link to the checkout.
build/collections/ready:
	@mkdir -p build/collections/ansible_collections/logreflector
	@ln -sfn ../../../.. $(COLLECTION)
	@touch $@

# The package beside the handler in the subscriber's zip (module_utils/_parts/packages.py), as links for mypy.
build/lambda/ready:
	@mkdir -p build/lambda/logreflector
	@for part in _subscriptions _options _errors.py _retry.py; do \
	  ln -sfn ../../../plugins/module_utils/$$part build/lambda/logreflector/$$part; done
	@touch $@

demo: .venv/demo-ready build/collections/ready ## deploy to the embedded AWS; KEEP=1 leaves it running; MODE=centralized
	python examples/demo.py $(if $(KEEP),--keep) $(if $(MODE),--mode $(MODE))

demo-stop: .venv/demo-ready ## stop what `make demo KEEP=1` left running
	python extensions/embedded_aws down --state build/demo/embedded-aws.json

# Four run at a time, because each has phases that leave a core idle. The longest begins first and has priority; next is
# resources, which mostly waits. The reflector's tests have Pythons of their own, and run while .venv gets its packages.
# A failure does not keep the others from reporting.
test: ## all tests and checks
	$(MAKE) NICE='nice -n 5' --no-print-directory --jobs 4 --keep-going --output-sync=target integration resources sanity molecule lint unit runtimes

generate: setup ## write the files that follow from options and modules
	python tools/generate.py

lint: setup ## ruff, mypy, generated files, shellcheck, ansible-lint, the documentation, licences, the changelog
	python tools/generate.py --check
	ruff check
	ruff format --check
	cd build/collections && $(MYPY) -p ansible_collections.logreflector.aws.plugins
	cd lambda_src/reflector && $(MYPY) .
	cd lambda_src/subscriber && MYPYPATH=$(CURDIR)/build/lambda $(MYPY) .
	cd extensions && $(MYPY) -p embedded_aws
	cd extensions/agents && $(MYPY) -p mcp_server
	cd extensions/eda/plugins/event_source && $(MYPY) .
	cd tools && MYPYPATH=$(COLLECTIONS):$(CURDIR)/extensions $(MYPY) -p check_aws
	shellcheck .ci/run
	$(NICE) ansible-lint roles playbooks examples extensions changelogs meta galaxy.yml
	$(NICE) python tools/lint_docs.py $(COLLECTION)
	reuse lint --lines
	antsibull-changelog lint
	antsibull-changelog lint-changelog-yaml --strict changelogs/changelog.yaml

sanity: setup ## ansible-test sanity, every test, nothing ignored
	$(NICE) python tests/sanity/run.py

unit: setup ## unit tests, the reflector's excepted; EXAMPLES=500 for more of each property
	$(NICE) pytest -n 2 tests/unit --ignore tests/unit/lambda_src/reflector

runtimes: .venv/created build/collections/ready ## the reflector's unit tests, under each Python of Lambda's that this machine has, or else under this one
	$(NICE) python tests/runtimes/lambda_pythons.py -n 2 tests/unit/lambda_src/reflector

# `installed` is no prerequisite: make would run the other suites first.
integration: setup ## modules and playbooks against the embedded AWS
	$(MAKE) --no-print-directory installed
	pytest -n 5 --dist loadfile --no-loadscope-reorder tests/integration

resources: setup ## every AWS resource against the embedded AWS and moto
	$(NICE) pytest -n 2 --dist loadfile tests/resources

coverage: setup ## share of lines that the unit tests and the resource tests run, by folder
	rm -rf build/coverage
	pytest -q -n 2 --cov --cov-report= tests/unit
	pytest -q -n 2 --dist loadfile --cov --cov-append --cov-report= tests/resources
	python tools/coverage_table.py

molecule: setup ## every molecule scenario
	MOLECULE_EPHEMERAL_DIRECTORY=$(CURDIR)/build/molecule $(NICE) molecule test --all --no-command-borders

check-aws: .venv/demo-ready build/collections/ready ## measure in an AWS account what is assumed: PROFILE=, REGION=, CONFIRM=yes, ARGS=
	python tools/check_aws $(if $(PROFILE),--profile $(PROFILE)) $(if $(REGION),--region $(REGION)) $(ARGS)

bench: $(addprefix bench-,$(BENCHES)) ## every bench; figures go to build/bench

bench-%: setup ## one bench: runs bench/%.py, which writes build/bench/%.json
	@mkdir -p build/bench
	python bench/$*.py

picture: setup ## docs/report.png, the README's picture of the report: needs Chromium and its driver
	python tools/report_picture.py

# The site has tools of its own, which tests do not need.
.venv/site-ready: .venv/ready requirements-site.txt
	.venv/bin/pip install --quiet --disable-pip-version-check -r requirements-site.txt
	@touch $@

site: setup .venv/site-ready ## the documentation site, in build/site; warnings are errors
	python tools/site/build.py

build/eda/ready: requirements-eda.txt
	@command -v java >/dev/null || { echo "ansible-rulebook needs Java 17 or later. Debian: apt-get install openjdk-17-jre-headless"; exit 1; }
	$(PYTHON) -m venv --clear build/eda
	build/eda/bin/pip install --quiet --disable-pip-version-check -r requirements-eda.txt
	@touch $@

test-eda: setup build/eda/ready ## rulebooks in ansible-rulebook, against the embedded AWS: needs Java 17 or later
	pytest tests/eda

# Needs git and ansible-galaxy only, so it does not wait for the development tools.
build: .venv/demo-ready ## the collection's tarball, in build/
	python tools/build_tarball.py

installed: build ## the tarball, installed into an empty path, build/installed, without network
	rm -rf build/installed
	ANSIBLE_COLLECTIONS_PATH=$(CURDIR)/build/installed \
	  ansible-galaxy collection install --offline -p build/installed build/logreflector-aws-*.tar.gz

build/release/ready: requirements-release.txt
	$(PYTHON) -m venv --clear build/release
	build/release/bin/pip install --quiet --disable-pip-version-check -r requirements-release.txt
	@touch $@

build/nox/ready: requirements-nox.txt
	$(PYTHON) -m venv --clear build/nox
	build/nox/bin/pip install --quiet --disable-pip-version-check -r requirements-nox.txt
	@touch $@

community: build/nox/ready ## the Ansible community's checks of collections (antsibull-nox.toml), as its own tool runs them
	build/nox/bin/nox

release: setup build/release/ready community ## tarball, checked by Galaxy's importer, and release notes, in build/; SIGN=key signs
	python tools/release.py $(if $(SIGN),--sign $(SIGN))

changelog: setup ## CHANGELOG.md, from changelogs/fragments and the plugins
	antsibull-changelog release --update-existing --reload-plugins --refresh

clean: ## remove what make created
	rm -rf .venv build .ansible .hypothesis .mypy_cache .pytest_cache .ruff_cache changelogs/.plugin-cache.yaml
