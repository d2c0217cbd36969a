# Thin: every target says which script or build does it.
.PHONY: demo test bench live fuzz check clean setup
MAKEFLAGS += --no-print-directory
JOBS := $(shell nproc)

demo: setup
	@cmake --preset release -Wno-dev --log-level=NOTICE
	@cmake --build --preset release -j$(JOBS)
	@scripts/demo.sh build/release/cli/sallyport

test: setup
	@cmake --preset dev -Wno-dev --log-level=NOTICE
	@cmake --build --preset dev -j$(JOBS)
	@ctest --test-dir build/dev --output-on-failure -j$(JOBS)
	@scripts/scenarios.sh build/dev/cli/sallyport

live: setup
	@cmake --preset release -Wno-dev --log-level=NOTICE
	@cmake --build --preset release -j$(JOBS)
	@tests/live/run.sh build/release/cli/sallyport

setup:
	@scripts/setup.sh

clean:
	rm -rf build
