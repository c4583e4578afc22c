# The few verbs of this project. Each says what it does and takes nothing but the Rust toolchain; the real programs
# that `make test` talks to (Prometheus, a Kubernetes control plane) are built where there is a Go toolchain, and
# their tests are named as skipped where there is none.

CARGO ?= cargo

.DEFAULT_GOAL := help
.PHONY: help demo test fuzz test-models lint peers bench bench-forecast bench-ingest bench-simulate

help:            ## this list
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 16

demo:            ## build, then watch a real traffic trace scale a simulated cluster
	@echo "building headroom (once: some 6 minutes on two cores), then the demo; Ctrl-C ends it"
	$(CARGO) run --release --locked -- demo

test: peers      ## build the peers, then run every test
	@echo "building and running the tests (the first build takes some 4 minutes on two cores)"
	$(CARGO) test --locked
	@echo "fuzzing, some thousand inputs each (the first build takes some 4 minutes)"
	tests/fuzz/run.sh
	@echo "running every bench, small"
	HEADROOM_BENCH=small $(CARGO) bench --locked --profile dev

fuzz:            ## fuzz each parser of bodies for an hour
	for target in $$(ls tests/fuzz/src/bin); do tests/fuzz/run.sh $${target%.rs} -max_total_time=3600 || exit 1; done

test-models:     ## the forecast models, also those behind the features prophet and lstm (the first build takes some 6 minutes)
	$(CARGO) test --locked --features prophet,lstm --lib forecast::

lint:            ## formatting and clippy, warnings denied
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets -- -D warnings
	$(CARGO) clippy --locked --all-targets --no-default-features -- -D warnings
	$(CARGO) clippy --locked --all-targets --all-features -- -D warnings

peers:           ## build the real programs that the tests talk to (once: some 10 minutes)
	tests/peers/build.sh

bench:           ## samples and decisions per CPU-second, bytes per series, sample to decision
	$(CARGO) bench --locked

bench-forecast:  ## error, coverage and cost of every forecasting model on measured traces
	HEADROOM_FORECAST=all $(CARGO) bench --locked --bench forecast

bench-ingest: peers  ## samples for each CPU-second beside Prometheus, VictoriaMetrics and a bare sink, on the same requests (20 minutes)
	$(CARGO) bench --locked --bench ingest --bench receivers

bench-simulate:  ## this rule, HPA and an oracle on twelve measured workloads, with pods that start in 60 s and 180 s
	$(CARGO) run --release --locked -- simulate benches/traces --policies headroom,hpa,oracle --startup 60s
	$(CARGO) run --release --locked -- simulate benches/traces --policies headroom,hpa,oracle --startup 180s
