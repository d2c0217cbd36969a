#!/bin/bash
# Every C file has the form of .clang-format: check_format.sh [--fix]
set -euo pipefail
cd "$(dirname "$0")/.."

command -v clang-format >/dev/null || {
	echo "check_format: clang-format is missing: SALLYPORT_CI=1 scripts/setup.sh installs it" >&2
	exit 1
}
mapfile -t files < <(git ls-files --cached --others --exclude-standard '*.c' '*.h')
[ ${#files[@]} -gt 0 ] || { echo "check_format: no C files found" >&2; exit 1; }
if [ "${1:-}" = --fix ]; then
	exec clang-format -i "${files[@]}"
fi
clang-format --dry-run -Werror "${files[@]}" || {
	echo "check_format: scripts/check_format.sh --fix puts it right" >&2
	exit 1
}
echo "format: ${#files[@]} files"
