#!/bin/bash
# Lets every fuzz target search for a while: fuzz.sh BUILD-FOLDER SECONDS-PER-TARGET [NAME...]
# New inputs are kept in the build folder; a crash is written there and ends the run.
set -euo pipefail
cd "$(dirname "$0")/.."
build=$(realpath "$1") seconds=$2
shift 2

targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
	mapfile -t targets < <(find "$build/tests" -maxdepth 1 -name 'fuzz_*' -executable -type f \
		-printf '%f\n' | sed 's/^fuzz_//' | sort)
fi
[ ${#targets[@]} -gt 0 ] || { echo "fuzz: no targets in $build" >&2; exit 1; }
for target in "${targets[@]}"; do
	found=$build/tests/found/$target
	mkdir -p "$found" "$found.crashes"
	echo "fuzz: $target for $seconds s"
	"$build/tests/fuzz_$target" -max_total_time="$seconds" -timeout=10 -max_len=65536 \
		-print_final_stats=1 -artifact_prefix="$found.crashes/" \
		"$found" "tests/fuzz/corpus/$target" >"$found.log" 2>&1 || {
		tail -n 40 "$found.log" >&2
		echo "fuzz: $target failed; the input lies in $found.crashes" >&2
		exit 1
	}
	grep -E 'number_of_executed_units|new_units_added' "$found.log"
done
