# Everything runs through `kith` (.venv/bin/kith --help); make only sees to it that kith itself can run.
.DEFAULT_GOAL := help
SHELL := /bin/bash
MAKEFLAGS += --no-print-directory

PYTHON := .venv/bin/python
KITH := $(PYTHON) -m cli
INSTALLED := .venv/.installed
GENERATED := build/proto/.generated

.PHONY: help up down status logs demo lint test cluster-test bench proto events images clean

help: ## list what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: $(GENERATED) ## install what is needed, start everything, say where it is
	@$(KITH) up

down: $(INSTALLED) ## stop everything
	@$(KITH) down

status: $(INSTALLED) ## say of each process whether it is ready
	@$(KITH) status

logs: $(INSTALLED) ## show logs: make logs NAME=contact-api ARGS=--follow
	@$(KITH) logs $(NAME) $(ARGS)

demo: $(GENERATED) ## fill the running platform with a believable company
	@$(KITH) demo $(ARGS)

lint: $(GENERATED) ## check style, types, imports and protos
	@$(KITH) lint

test: $(GENERATED) ## run the whole test suite: make test ARGS='-k leads'
	@$(KITH) test $(ARGS)

cluster-test: $(GENERATED) ## test images and chart in the Kubernetes of KUBECONFIG: kith cluster-test --help
	@$(KITH) cluster-test $(ARGS)

bench: $(GENERATED) ## measure speed: requests per second, latency, CPU time per request
	@$(KITH) bench $(ARGS)

proto: $(INSTALLED) ## generate code from the protos
	@$(KITH) proto && touch $(GENERATED)

events: $(GENERATED) ## look at events: make events ARGS='list'
	@$(KITH) events $(ARGS)

images: $(INSTALLED) ## build the container images: make images ARGS='--tag try'
	@$(KITH) images $(ARGS)

clean: ## stop everything and delete what was built and what the local platform stored
	@if [ -e $(INSTALLED) ]; then $(KITH) down; fi
	@rm -rf .kith build .venv

# The repository itself and the generated code are put on the environment's import path; nothing is copied.
$(INSTALLED): requirements-dev.lock
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "Python 3.11 or newer is needed (Debian: apt-get install python3 python3-venv)"; exit 1; }
	@python3 -c 'import ensurepip, venv' 2>/dev/null || { echo "Python's venv is needed (Debian: apt-get install python3-venv)"; exit 1; }
	@echo "Installing the Python packages into .venv…"
	@[ -x $(PYTHON) ] || python3 -m venv .venv
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@printf '%s\n' "$(CURDIR)" "$(CURDIR)/build/proto" > "$$($(PYTHON) -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/kith.pth"
	@printf '#!/bin/sh\nexec "%s/$(PYTHON)" -m cli "$$@"\n' "$(CURDIR)" > .venv/bin/kith && chmod +x .venv/bin/kith
	@touch $@

$(GENERATED): $(INSTALLED) cli/proto.py $(shell find protos -type f 2>/dev/null)
	@$(KITH) proto && touch $@
