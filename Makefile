# Every target sets up what it needs first; `./setup` and `.venv/bin/python -m ...` do the same without make.
.DEFAULT_GOAL := help
.PHONY: help demo test test-fast check fuzz fuzz-guided mutation bench lock

help: ## show these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

demo: ## set up everything and run the main job, end to end
	@./setup demo
	@.venv/bin/python -m demo

test: ## set up everything and run every check and test, with coverage gates
	@./setup test
	@.venv/bin/python -m scripts.run_tests test

test-fast: ## run the tests that need no compiled test tool
	@./setup test-fast
	@.venv/bin/python -m scripts.run_tests test-fast

check: ## run ruff, mypy and import-linter
	@./setup test-fast
	@.venv/bin/python -m scripts.run_tests check

fuzz: ## verify mutated evidence and timestamps; COUNT and SEED say how many and which
	@./setup test-fast
	@ASSAY_FUZZ_BUNDLES=$(or $(COUNT),100000) ASSAY_FUZZ_TOKENS=$(or $(COUNT),100000) ASSAY_FUZZ_SEED=$(or $(SEED),1) \
		.venv/bin/python -m pytest tests/property/test_bundle_fuzz.py tests/property/test_timestamp_fuzz.py -q -s --timeout 3600

fuzz-guided: ## fuzz every entrance for untrusted bytes, guided by coverage; TARGETS, SECONDS for each, KEEP=1
	@./setup fuzz
	@.venv/bin/python -m scripts.fuzz --seconds $(or $(SECONDS),60) --seed $(or $(SEED),1) $(if $(KEEP),--keep) $(TARGETS)

mutation: ## ask whether a test notices every small defect in what verifies; MODULES="one two" picks files or folders
	@./setup test-fast
	@.venv/bin/python -m scripts.mutate $(MODULES)

bench: ## measure; NAME="one two" picks benchmarks
	@./setup bench
	@.venv/bin/python -m benchmarks $(NAME)

lock: ## pin the newest allowed dependencies with hashes in requirements/*.lock
	@./setup test-fast
	@.venv/bin/python -m scripts.lock_requirements
