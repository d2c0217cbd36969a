# Thin: every target says which script or build does it.
.PHONY: demo test crash bench guard guard-update live fuzz windows test-windows check clean setup
MAKEFLAGS += --no-print-directory
JOBS := $(shell nproc)
SECONDS_PER_TARGET ?= 60

demo: setup
	@cmake --preset release -Wno-dev >/dev/null
	@cmake --build --preset release -j$(JOBS)
	@if [ -x scripts/demo.sh ]; then scripts/demo.sh build/release/cli/sallyport; \
		else build/release/cli/sallyport version; fi

test: setup
	@cmake --preset dev -Wno-dev >/dev/null
	@cmake --build --preset dev -j$(JOBS)
	@ctest --test-dir build/dev --output-on-failure --no-tests=error -j$(JOBS)
	@echo 'figures of the public suites:'; grep -hE '^[a-z0-9-]+: [0-9]+/[0-9]+ ' build/dev/Testing/Temporary/LastTest.log
	@scripts/scenarios.sh build/dev/cli/sallyport

# The gateway dies 3,000 times; `make test` lets it die 300 times.
crash: export SALLYPORT_CRASH_ROUNDS ?= 3000
crash: setup
	@cmake --preset dev -Wno-dev >/dev/null
	@cmake --build --preset dev -j$(JOBS)
	@scripts/scenarios.sh build/dev/cli/sallyport -k however_the_gateway_dies

bench: setup
	@cmake --preset release -Wno-dev -DSALLYPORT_BENCH=ON >/dev/null
	@cmake --build --preset release -j$(JOBS)
	@bench/run.sh build/release/cli/sallyport

# Instructions of the gateway for one request and one pair of handshakes, against what is stored.
guard guard-update: export SALLYPORT_CI = 1
guard guard-update: setup
	@cmake --preset dev -Wno-dev >/dev/null
	@cmake --build --preset dev -j$(JOBS) -- --quiet guard_session
	@tests/guard/guard.py build/dev $(if $(filter guard-update,$@),--update)

live: setup
	@cmake --preset release -Wno-dev >/dev/null
	@cmake --build --preset release -j$(JOBS)
	@tests/live/run.sh build/release/cli/sallyport

# One static sallyport.exe, cross-built with mingw-w64; its tests run under Wine.
windows:
	@scripts/setup.sh windows
	@cmake --preset mingw -Wno-dev >/dev/null
	@cmake --build --preset mingw -j$(JOBS)
	@echo "built: build/mingw/cli/sallyport.exe"

test-windows: windows
	@ctest --test-dir build/mingw --output-on-failure --no-tests=error

# Searches with libFuzzer; `make test` replays the corpus.
fuzz: export SALLYPORT_CI = 1
fuzz: setup
	@cmake --preset fuzz -Wno-dev >/dev/null
	@cmake --build --preset fuzz -j$(JOBS)
	@scripts/fuzz.sh build/fuzz $(SECONDS_PER_TARGET)

# The form, without building: what CI asks besides tests.
check:
	@scripts/check_layers.py
	@scripts/check_words.sh
	@scripts/check_format.sh

setup:
	@scripts/setup.sh

clean:
	rm -rf build
