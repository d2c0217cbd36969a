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
bench=$(dirname "$program")/../bench
if [ -x "$bench/bench_load" ]; then
	echo
	echo "== the gateway beside other proxies"
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		for package in nginx squid-openssl haproxy mitmproxy bubblewrap; do
			dpkg -s "$package" >/dev/null 2>&1 ||
				DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends \
					"$package" >/dev/null 2>&1 || echo "cannot be installed: $package"
		done
	fi
	python3 bench/run.py "$program" "$bench/bench_load" "$bench/bench_origin" ${BENCH_OPTIONS:-}
fi
writer=$(dirname "$program")/../tests/bench_writer
if [ -x "$writer" ]; then
	echo
	echo "== the record's writer alone"
	"$writer" "$folder" 2
fi
