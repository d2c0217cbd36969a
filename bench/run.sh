#!/bin/bash
# What there is to measure so far: run.sh PROGRAM. bench/README.md says how to read the figures.
set -euo pipefail
cd "$(dirname "$0")/.."
program=$(realpath "$1")
folder=$(mktemp -d /var/tmp/sallyport-bench.XXXXXX)
trap 'rm -rf "$folder"' EXIT

echo "== start and end of a run"
python3 bench/start.py "$program" 20
echo
echo "== content that is vouched for"
python3 bench/verify.py "$program" 3
writer=$(dirname "$program")/../tests/bench_writer
if [ -x "$writer" ]; then
	echo
	echo "== the record's writer alone"
	"$writer" "$folder" 2
fi
