#!/bin/bash
# Runs the scenario tests against a built program: scenarios.sh PROGRAM [PYTEST-ARGUMENT...]
# The distribution's own Python, so that nothing is fetched and the tests see one known set of modules.
set -euo pipefail
cd "$(dirname "$0")/.."
export SALLYPORT=$(realpath "$1")
shift
exec /usr/bin/python3 -B -m pytest -q -p no:cacheprovider tests/scenario "$@"
