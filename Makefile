# Each target is one script in ci/, where what it does and what it costs is written.
# Arguments for the program behind a target: make demo ARGS="--plot build/demo.svg"

ARGS ?=
PREFIX ?= /usr/local
DESTDIR ?=
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
.DEFAULT_GOAL := help
.PHONY: help build-c build-node build-python install demo test proof bench bench-rust bench-node bench-python bench-c fmt clean

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1: /p' Makefile | awk -F': ' '{ printf "make %-12s %s\n", $$1, $$2 }'

demo: ## a service lives through an outage, without a breaker and with one, in Rust, Node, Python and C; an overload, a brown-out under retries, a recovery by feature (5 minutes)
	@ci/demo.sh $(ARGS)

build-node: ## the npm package in bindings-node, for the Node of this machine
	@ci/build-node.sh

build-python: ## the Python package in bindings-python, for the python3 of this machine
	@ci/build-python.sh

build-c: ## the C library, into build/c: include/, lib/, for pkg-config and CMake too
	@ci/build-c.sh

install: ## the C library below PREFIX (default /usr/local), staged below DESTDIR: make install PREFIX=/usr DESTDIR=/tmp/root LIBDIR=/usr/lib64
	@PREFIX="$(PREFIX)" DESTDIR="$(DESTDIR)" LIBDIR="$(LIBDIR)" INCLUDEDIR="$(INCLUDEDIR)" ci/build-c.sh --install

test: ## every test of every language (some 45 minutes on two cores, builds included)
	@ci/test.sh $(ARGS)

proof: ## the deeper runs of the same proofs, and mutants (hours; ARGS names single parts)
	@ci/proof.sh $(ARGS)

bench: bench-rust bench-node bench-python bench-c ## the benchmarks of every language, side by side with the peers

bench-rust: ## those of Rust; ARGS=--quick for a first look
	@ci/bench-rust.sh $(ARGS)

bench-node: ## those of Node; ARGS=--quick for a first look, ARGS=--all on Node 20 and 22
	@ci/bench-node.sh $(ARGS)

bench-python: ## those of Python; ARGS=--quick for a first look, ARGS=--all on each Python from 3.11 on
	@ci/bench-python.sh $(ARGS)

bench-c: ## those of C, and of the examples in Go; ARGS=--quick for a first look
	@ci/bench-c.sh $(ARGS)

fmt: ## formats the sources
	@ci/fmt.sh

clean: ## removes what was built and installed here
	@ci/clean.sh
