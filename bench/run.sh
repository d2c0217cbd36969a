#!/bin/bash
# All measurements in one: run.sh PROGRAM. Installs the peers from the distribution where it can, then bench/run.py
# with $BENCH_OPTIONS. bench/README.md says how to read the figures.
set -euo pipefail
cd "$(dirname "$0")/.."
program=$(realpath "$1")
build=$(dirname "$program")/..

scripts/setup.sh bench
exec python3 -B bench/run.py "$program" "$build/bench/bench_load" "$build/bench/bench_origin" \
	--writer "$build/bench/bench_writer" --floor "$build/bench/bench_floor" ${BENCH_OPTIONS:-}
