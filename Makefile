# Needs Python 3.11 (or 3.12), Node 20 and make. Everything else is installed inside this folder.

SUPPORTED = import sys; ok = (3, 11) <= sys.version_info[:2] <= (3, 12)
ifndef PYTHON
PYTHON := $(shell for name in python3.11 python3.12 python3; do \
	$$name -c '$(SUPPORTED); sys.exit(not ok)' 2>/dev/null && break; done; echo $$name)
endif
NAME_ANOTHER = install Python 3.11 (or 3.12), or name it with make PYTHON=/path/to/python3.11

SCALE ?= full
export SCALE

.PHONY: help setup demo up traces down test test-fast simulate load mutants chaos attack bench bench-peers package sbom licences audit azure-tools azure-cli check-azure rehearse two-periods snapshots lint prose-baseline format lock

help: ## what there is to call
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1\t/p' Makefile

setup: ## install everything; a second run does nothing
	@command -v "$(PYTHON)" >/dev/null || { echo "Python was not found: $(NAME_ANOTHER)." >&2; exit 1; }
	@"$(PYTHON)" -c '$(SUPPORTED); ok or sys.exit("%s is Python %d.%d: $(NAME_ANOTHER)." % ((sys.executable,) + sys.version_info[:2]))'
	@"$(PYTHON)" -m infra.local.setup

demo: setup ## sync three sample tenants from nothing and print what happened (SCALE=small: 100 times smaller)
	@.venv/bin/python -m infra.local.demo

up: setup ## run the whole stack on 127.0.0.1 until Ctrl-C; addresses in .local/stack.json (HOST=groups: as many processes as in Azure)
	@exec .venv/bin/python -m infra.local.stack.up

traces: setup ## list what the stack has recorded, or print the traces of ARGS=(a tenant, a run, or a trace) as trees
	@.venv/bin/python -m infra.local.traces $(ARGS)

down: setup ## end what a crashed stack left running
	@.venv/bin/python -m infra.local.stack.down

# Many tests wait: three processes on two cores take less than half of the time of one.
PROCESSES ?= 3

test: setup ## all tests, in PROCESSES=3 processes
	@.venv/bin/python -m pytest --numprocesses $(PROCESSES) --dist loadfile $(ARGS)

test-fast: setup ## unit tests, in under a minute
	@.venv/bin/python -m pytest tests/unit $(ARGS)

simulate: setup ## histories of several workers with faults, then the mutants; CAMPAIGN=1 goes on to a million deliveries
	@.venv/bin/python -m tests.simulation.engine $(if $(CAMPAIGN),--campaign) $(ARGS)
	@$(if $(CAMPAIGN)$(ARGS),,.venv/bin/python -m tests.mutants)

load: setup ## put load on the local stack for some minutes: a tick of 500 tenants, people, files, hostile requests
	@.venv/bin/python -m tests.load $(ARGS)

mutants: setup ## plant defects one at a time, and require that a test or the simulation finds each
	@.venv/bin/python -m tests.mutants $(ARGS)

chaos: setup ## disturb and kill the parts of the local stack during work, and compare with a twin (ROUNDS=1 SMALL=1: a short round)
	@.venv/bin/python -m tests.chaos $(if $(ROUNDS),--rounds $(ROUNDS)) $(if $(SMALL),--small) $(ARGS)

attack: setup ## send bad inputs to every route and queue, which must be refused and change nothing; ARGS="--each 20" for fewer
	@.venv/bin/python -m tests.attack $(ARGS)

bench: setup ## measure speed, each figure against another of the same run; .local/bench.json
	@.venv/bin/python -m tests.bench

bench-peers: setup ## measure against other readers of directories, which are installed for it; takes minutes
	@.venv/bin/python -m tests.bench peers

package: setup ## build .local/package.zip, which is deployed
	@.venv/bin/python -m infra.package

sbom: setup .local/tools/sbom/ready ## list what is in the package: .local/sbom.cdx.json
	@.local/tools/sbom/bin/cyclonedx-py requirements requirements.lock --output-reproducible --output-file .local/sbom.cdx.json

licences: setup ## list the licence of every locked package; fails if one is not allowed
	@.venv/bin/python -m infra.supply_chain.licences

audit: setup .local/tools/audit/ready ## ask the registries for known vulnerabilities; what cannot be asked is counted as skipped
	@.venv/bin/python -m infra.supply_chain.audit

# Programs with packages of their own, as their locks specify.
.local/tools/checkov/ready: infra/azure/checkov/checkov.lock
.local/tools/sbom/ready: infra/package/sbom.lock
.local/tools/audit/ready: infra/supply_chain/audit.lock
.local/tools/azure-cli/ready: infra/azure/azure_cli/azure_cli.lock
.local/tools/%/ready:
	@.venv/bin/uv venv --quiet --clear --python .venv/bin/python $(@D)
	@.venv/bin/uv pip install --quiet --python $(@D)/bin/python --require-hashes -r $<
	@touch $@

azure-tools: setup .local/tools/checkov/ready .local/tools/actionlint ## install what check-azure runs, except bicep

azure-cli: setup .local/tools/azure-cli/ready ## install the Azure CLI, with which check-azure parses every az line (700 MB)

check-azure: azure-tools ## check everything about the deployment that needs no Azure
	@.venv/bin/python -m pytest -rs tests/unit/azure tests/unit/rehearsal tests/integration/azure \
		tests/integration/package tests/integration/rehearsal $(ARGS)

# Without Go, the test of the workflows is skipped and says so.
.local/tools/actionlint:
	@mkdir -p $(@D)
	@! command -v go >/dev/null || GOBIN="$(CURDIR)/$(@D)" go install github.com/rhysd/actionlint/cmd/actionlint@v1.7.12 \
		|| echo "actionlint could not be installed." >&2

rehearse: package ## sync the demo tenants from the package, with the settings and roles of a deployment
	@.venv/bin/python -m infra.rehearsal dev
	@.venv/bin/python -m infra.rehearsal prod

# azd calls it before anything is installed.
two-periods:
	@"$(PYTHON)" -m infra.azure.two_periods

snapshots: setup ## write again what infra/azure would create in each environment; needs bicep
	@.venv/bin/python -m infra.azure.bicep

lint: setup ## what CI checks besides the tests
	@.venv/bin/ruff check
	@.venv/bin/ruff format --check
	@.venv/bin/mypy function_app.py shared infra tests
	@.venv/bin/lint-imports --no-logo --no-cache
	@.venv/bin/python -m pytest -q tests/unit/test_prose.py

prose-baseline: setup ## list the prose check's counts per file, and store them as its baseline if they fell
	@.venv/bin/python -m tests.support.prose

format: setup ## rewrite the code as `lint` wants it
	@.venv/bin/ruff check --fix
	@.venv/bin/ruff format

LOCK = .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header

lock: setup ## renew the locks after a change of requirements*.txt, of infra/**/*.txt, of the peers or of a package.json
	@$(LOCK) requirements.txt -o requirements.lock
	@$(LOCK) requirements-dev.txt -o requirements-dev.lock
	@$(LOCK) --no-annotate infra/local/setup/uv.txt -o infra/local/setup/uv.lock
	@$(LOCK) --no-annotate infra/azure/checkov/checkov.txt -o infra/azure/checkov/checkov.lock
	@$(LOCK) --no-annotate infra/azure/azure_cli/azure_cli.txt -o infra/azure/azure_cli/azure_cli.lock
	@$(LOCK) --no-annotate infra/package/sbom.txt -o infra/package/sbom.lock
	@$(LOCK) --no-annotate infra/supply_chain/audit.txt -o infra/supply_chain/audit.lock
	@$(LOCK) --no-annotate --no-deps tests/bench/peers_cartography/cartography.txt -o tests/bench/peers_cartography/cartography.lock
	@$(LOCK) --no-annotate tests/bench/peers_cartography/requirements.txt -o tests/bench/peers_cartography/requirements.lock
	@cd tests/bench/peers_backstage && npm install --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund
	@cd infra/local/azurite && npm install --package-lock-only --omit-lockfile-registry-resolved --no-audit --no-fund
