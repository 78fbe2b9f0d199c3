# Each target sets up what it needs by itself and says so first: see build/setup_host.py.
.DEFAULT_GOAL := help
.PHONY: help setup iso boot test test-long unit lint tree rehearsal e2e bench man reproduce clean

PYTHON ?= python3
BIN := .venv/bin
# Named with make alone: in an environment, it is the name of much else.
ifneq ($(origin BASE),command line)
BASE := auto
endif
export EDGELINUX_TEST_BASE := $(BASE)
ISO_OPTIONS ?=
BOOT_OPTIONS ?=
LONG_OPTIONS ?=
REPRODUCE_OPTIONS ?=

help: ## what can be made
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install the build host's packages and the virtual environment
	@$(PYTHON) build/setup_host.py

iso: setup ## build the installer ISO into out/ (BASE: on this base; ISO_OPTIONS: more for `edgelinux build`)
	@$(BIN)/edgelinux build --base $(BASE) $(ISO_OPTIONS)

boot: setup ## install the ISO unattended in QEMU and leave the host running (BOOT_OPTIONS: for `edgelinux boot`)
	@$(BIN)/python -m edgelinux_build.demo out/demo
	@$(BIN)/edgelinux build --base $(BASE) --site out/demo/site.yaml --out out/demo $(ISO_OPTIONS)
	@$(BIN)/edgelinux boot --unattended --detach --out out/demo $(BOOT_OPTIONS)
	@echo "SSH key: -i out/demo/id_ed25519    console: root, password edgelinux"

test: setup ## everything: style, types, unit tests, the build, the QEMU boots (BASE: on this base)
	@$(BIN)/python -m tests.run

lint: setup ## ruff, mypy, shellcheck, dib-lint
	@$(BIN)/python -m tests.run lint

unit: setup ## the unit tests alone
	@$(BIN)/python -m tests.run unit

tree: setup ## the build, then hostd's unit tests inside the tree that it made
	@$(BIN)/python -m tests.run build tree

rehearsal: setup ## build the base centos-stream-10 of packages that stand in for its own, and look at the image
	@$(BIN)/python -m tests.run rehearsal

e2e: setup ## the build and the QEMU boots alone
	@$(BIN)/python -m tests.run build e2e

test-long: setup ## installations on many disks, hostd killed at all points; resumed (LONG_OPTIONS: --shard 1/3, CASE)
	@$(BIN)/python -m tests.long $(LONG_OPTIONS)

bench: setup ## measure, as ratios within one run; results in out/bench.json
	@$(BIN)/python -m tests.bench

man: setup ## write the man pages into out/man (read: man -M out/man edgelinux)
	@$(BIN)/python -m edgelinux_build.manpages out/man

reproduce: setup ## build twice from cold and compare byte for byte (REPRODUCE_OPTIONS: for `edgelinux build`)
	@$(BIN)/edgelinux reproduce out/reproduce --base $(BASE) $(REPRODUCE_OPTIONS)

clean: ## remove out/ (caches stay: see `edgelinux cache prune`)
	@rm -rf out
