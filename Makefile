# Python 3.11 or later builds the virtualenvs; everything else comes with them.
PYTHON ?= python3.11
# Lambda runs 3.13. A version manager's shim may be on PATH and yet not run, so ask it to.
LAMBDA_PYTHON ?= $(shell python3.13 -c 'import sys; print(sys.executable)' 2>/dev/null || command -v $(PYTHON))

DEV := .venv/dev
UV := $(DEV)/bin/uv
RUN := $(DEV)/bin/python
EVALUATOR := tests/policies/node_modules/.package-lock.json
REQUEST ?=
ARGS ?=
SENDER ?=
# As in local/browser.py.
CHROMIUM_NAMES := chromium chromium-browser google-chrome google-chrome-stable chrome

export SAM_CLI_TELEMETRY := 0
export UV_PYTHON_DOWNLOADS := never
export UV_NO_PROGRESS := 1

.DEFAULT_GOAL := help
.PHONY: help install chromium up down demo doctor test faults faults-pairs mutants coverage-iam check janitor format bench bench-sweep load soak races screenshots requirements clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(DEV)/.installed .venv/emulator/.installed .venv/lambda/.installed ## create the virtualenvs, from pinned and hashed requirements

up: install ## start the local stack: emulator, build, deploy (writes .local/stack.json)
	$(RUN) -m local.stack up

down: $(DEV)/.installed ## stop the local stack
	$(RUN) -m local.stack down

demo: install ## run one onboarding against the local stack (REQUEST=file.json for your own)
	$(RUN) -m local.demo $(if $(REQUEST),"$(REQUEST)")

doctor: $(DEV)/.installed ## look whether your AWS account is ready for a deployment (SENDER=address)
	@PYTHONPATH=functions SENDER="$(SENDER)" $(RUN) -m local.doctor

test: install $(EVALUATOR) chromium ## run every test, in two groups side by side
	$(RUN) -m local.side_by_side

chromium: ## make sure that there is a Chromium for the tests of what people see (CHROMIUM=path for one off PATH)
	@for name in "$$CHROMIUM" $(CHROMIUM_NAMES); do \
		if [ -n "$$name" ] && command -v "$$name" >/dev/null; then exit 0; fi; done; \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium fonts-liberation; \
	else \
		echo "Chromium is missing. Install it (Debian, Ubuntu: sudo apt-get install chromium), or set CHROMIUM." >&2; \
		exit 1; fi

faults: install ## let every AWS call fail in every way and see what is left; then the mutants (CELL="…" for one cell)
	PYTHONPATH=functions:. $(RUN) -m tests.faults $(if $(CELL),--cell "$(CELL)" --log)
	$(if $(CELL),,$(MAKE) --no-print-directory mutants)

faults-pairs: install ## the same with random pairs of faults (PAIRS=500, SEED=number)
	PYTHONPATH=functions:. $(RUN) -m tests.faults --pairs $(or $(PAIRS),500) $(if $(SEED),--seed $(SEED))

mutants: install $(EVALUATOR) ## bring bugs in, one by one, and see the tests that are named for them fail
	PYTHONPATH=functions:. $(RUN) -m tests.faults.mutants

coverage-iam: $(DEV)/.installed ## print which IAM rights the last whole test run needed
	@$(RUN) -m local.iam_coverage

check: install ## lint, type-check, and validate the template, the state machines and the catalogue
	$(DEV)/bin/ruff check .
	$(DEV)/bin/ruff format --check .
	$(DEV)/bin/mypy
	AWS_DEFAULT_REGION=us-east-1 $(DEV)/bin/sam validate --lint --template template.yaml
	$(RUN) -m local.lint
	PYTHONPATH=functions $(RUN) -m local.catalogue

janitor: $(DEV)/.installed ## say what the janitor would remove, and why (STACK=name asks one in AWS, else the local stack)
	@$(RUN) -m local.janitor $(STACK)

format: $(DEV)/.installed ## rewrite the Python files in the project's format
	$(DEV)/bin/ruff check --fix .
	$(DEV)/bin/ruff format .

bench: install ## print the benchmarks
	$(RUN) -m local.bench

bench-sweep: install .venv/custodian/.installed .venv/prowler/.installed ## compare a sweep with Cloud Custodian and Prowler (ARGS="--users 100")
	$(RUN) -m local.bench_sweep $(ARGS)

load: install ## a burst of 100 requests while IAM answers 20 calls a second (LOAD="1000 100" for others)
	$(RUN) -m local.load $(LOAD)

soak: install ## onboardings without end, and what grows (SOAK=minutes)
	$(RUN) -m local.soak $(SOAK)

races: install ## all that may happen meanwhile at every call of an onboarding (WAYS="..." for some again)
	PYTHONPATH=functions $(RUN) -m tests.races $(WAYS)

screenshots: install chromium ## write docs/images: claim page, mails and report, phone and desktop, light and dark
	PYTHONPATH=functions $(RUN) -m local.screenshots

requirements: $(DEV)/.installed ## pin the newest releases that the *.in files allow
	cd functions && $(abspath $(UV)) pip compile $(PIN) requirements.in -o requirements.txt
	cd requirements && for name in uv emulator lambda dev custodian prowler; do \
		$(abspath $(UV)) pip compile $(PIN) $$name.in -o $$name.txt || exit; done

clean: ## stop the local stack and remove everything that was made
	@if [ -x $(RUN) ]; then $(RUN) -m local.stack down; fi
	rm -rf .venv .aws-sam .local .mypy_cache .ruff_cache .pytest_cache .hypothesis

# One pin for every platform and Python (--universal), and no header, which would hold paths of this machine.
PIN := --upgrade --universal --python-version 3.11 --generate-hashes --no-header --quiet

# pip is only the way to uv, which installs the rest in seconds.
$(DEV)/.installed: requirements/uv.txt requirements/dev.txt
	$(PYTHON) -m venv $(DEV)
	$(RUN) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt
	$(UV) pip sync --quiet --require-hashes --python $(RUN) requirements/dev.txt
	touch $@

# An environment of its own: the emulator pins botocore exactly.
.venv/emulator/.installed: requirements/emulator.txt | $(DEV)/.installed
	$(UV) venv --quiet --clear --python $(PYTHON) .venv/emulator
	$(UV) pip sync --quiet --require-hashes --python .venv/emulator/bin/python requirements/emulator.txt
	touch $@

# What stands in for the Lambda runtime: AWS's runtime client and boto3.
.venv/lambda/.installed: requirements/lambda.txt | $(DEV)/.installed
	@echo "the Lambda stand-in runs on $(LAMBDA_PYTHON)"
	$(UV) venv --quiet --clear --python $(LAMBDA_PYTHON) .venv/lambda
	$(UV) pip sync --quiet --require-hashes --python .venv/lambda/bin/python requirements/lambda.txt
	touch $@

# What a sweep is compared with; only `make bench-sweep` wants them.
.venv/custodian/.installed .venv/prowler/.installed: .venv/%/.installed: requirements/%.txt | $(DEV)/.installed
	$(UV) venv --quiet --clear --python $(PYTHON) .venv/$*
	$(UV) pip sync --quiet --require-hashes --python .venv/$*/bin/python requirements/$*.txt
	touch $@

# The policy evaluator of tests/policies runs on the node that comes with the other tools.
$(EVALUATOR): tests/policies/package-lock.json $(DEV)/.installed
	$(DEV)/bin/npm ci --prefix tests/policies --silent --no-audit --no-fund
	touch $@
