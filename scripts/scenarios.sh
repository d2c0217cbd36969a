#!/bin/bash
# Runs the scenario tests against a built program: scenarios.sh PROGRAM [PYTEST-ARGUMENT...]
# The distribution's own Python, so that nothing is fetched and the tests see one known set of modules. All of
# them are told by as many processes as there are cores: a story waits for most of its time.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! compgen -G 'tests/scenario/test_*.py' >/dev/null; then
	echo "scenarios: none in this tree"
	exit 0
fi
[ -x "$1" ] || { echo "scenarios: $1 has not been built" >&2; exit 1; }
SALLYPORT=$(realpath "$1")
export SALLYPORT
shift
[ $# -gt 0 ] || set -- -n "$(nproc)" --dist load
exec /usr/bin/python3 -B -m pytest -q -p no:cacheprovider tests/scenario "$@"
