#!/bin/bash
# Real clients against the registries that this machine is configured for: run.sh PROGRAM [CLIENT...]
#
# One small ordinary install or fetch each, with nothing but --use. Not part of CI: it needs a network. A
# client that is not installed, or has nothing to ask here, is skipped by name. Fails when one fails, or
# when nothing could be tried.
set -uo pipefail

sallyport=$(realpath "$1")
shift
here=$(realpath "$(dirname "$0")")
work=$(mktemp -d "${TMPDIR:-/var/tmp}/sallyport-live.XXXXXX")
trap 'rm -rf "$work"' EXIT
passed=0 failed=0 skipped=0

report() { printf '%-7s %-22s %s\n' "$1" "$2" "$3"; }

# try NAME PRESET RESULT COMMAND...: RESULT is a glob that must exist afterwards, or - for none.
try() {
	local name=$1 preset=$2 result=$3 log="$work/$1.log" record="$work/$1.record" allowed
	shift 3
	if ! timeout 300 "$sallyport" run --use "$preset" --record "$record" -- "$@" >"$log" 2>&1; then
		report FAIL "$name" "status $?: $(grep -v '^sallyport: record' "$log" | tail -n 1)"
		tail -n 15 "$log" | sed 's/^/        /'
		failed=$((failed + 1))
		return
	fi
	if [ "$result" != - ] && ! compgen -G "$result" >/dev/null; then
		report FAIL "$name" "it left no $result"
		failed=$((failed + 1))
		return
	fi
	allowed=$(cat "$record"/*.jsonl | grep '"kind":"intent"' | grep -c '"verdict":"allow"')
	if [ "$allowed" = 0 ]; then
		report FAIL "$name" "no request is on record"
		failed=$((failed + 1))
		return
	fi
	report PASS "$name" "$allowed requests allowed and recorded"
	passed=$((passed + 1))
}

skip() {
	report SKIP "$1" "$2"
	skipped=$((skipped + 1))
}

has() { command -v "$1" >/dev/null; }
project() { mkdir -p "$work/$1" && cd "$work/$1"; }

live_curl() {
	has curl && has npm || { skip curl "curl and npm (whose registry it asks) are not both installed"; return; }
	project curl
	try curl npm answer curl -fsS -o answer "$(npm config get registry 2>/dev/null)is-number/7.0.0"
}

# The same without any proxy setting: captured, not led.
live_curl_captured() {
	has curl && has npm || { skip curl-captured "curl and npm are not both installed"; return; }
	project curl-captured
	try curl-captured npm answer curl -fsS --noproxy '*' -o answer \
		"$(npm config get registry 2>/dev/null)is-number/7.0.0"
}

live_npm() {
	has npm || { skip npm "not installed"; return; }
	project npm
	echo '{ "name": "live", "version": "1.0.0", "private": true }' >package.json
	try npm npm node_modules/is-number npm install --no-fund is-number
}

live_pip() {
	has pip || { skip pip "not installed"; return; }
	project pip
	try pip pip packages/six.py pip install --no-cache-dir --target packages six
}

live_cargo() {
	has cargo || { skip cargo "not installed"; return; }
	project cargo
	mkdir src && echo 'fn main() { println!("{}", itoa::Buffer::new().format(1)); }' >src/main.rs
	printf '[package]\nname = "live"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\nitoa = "1"\n' >Cargo.toml
	try cargo cargo target/debug/live cargo build
}

live_go() {
	has go || { skip go "not installed"; return; }
	project go
	printf 'module live\n\ngo 1.19\n' >go.mod
	printf 'package main\n\nimport "github.com/google/uuid"\n\nfunc main() { println(uuid.New().String()) }\n' >main.go
	try go go live sh -c 'go get github.com/google/uuid@v1.6.0 && go build -o live .'
}

live_apt() {
	has apt-get || { skip apt "not installed"; return; }
	project apt
	try apt apt 'hello_*.deb' apt-get download hello
}

live_java() {
	has java && has npm || { skip java "java and npm (whose registry it asks) are not both installed"; return; }
	project java
	cp "$here/Fetch.java" .
	try java npm - java Fetch.java "$(npm config get registry 2>/dev/null)is-number/7.0.0"
}

live_node() {
	has node && has npm || { skip node "not installed"; return; }
	project node
	try node npm - node -e 'require("https").get(process.argv[1], r => process.exit(r.statusCode == 200 ? 0 : 1)).on("error", e => { console.error(e); process.exit(1); })' \
		"$(npm config get registry 2>/dev/null)is-number/7.0.0"
}

live_python() {
	has python3 && has npm || { skip python "python3 and npm are not both installed"; return; }
	project python
	try python npm - python3 -c 'import sys, urllib.request as u; print(len(u.urlopen(sys.argv[1]).read()))' \
		"$(npm config get registry 2>/dev/null)is-number/7.0.0"
}

# git has no registry: it can be tried where the user's own configuration names a host, with a repository there.
live_git() {
	has git || { skip git "not installed"; return; }
	[ -n "${SALLYPORT_LIVE_GIT:-}" ] || { skip git "SALLYPORT_LIVE_GIT names no repository to clone"; return; }
	project git
	try git git clone/HEAD git clone --bare --depth 1 "$SALLYPORT_LIVE_GIT" clone
}

[ $# -gt 0 ] || set -- curl curl_captured npm pip cargo go apt java node python git
for client in "$@"; do
	"live_$client"
done
echo "live: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
