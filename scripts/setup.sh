#!/bin/bash
# Installs what building and testing need with the machine's own package tool. Silent when all is there.
# SALLYPORT_CI=1 adds what the checks of .ci/run and fuzzing need; the argument `windows`, the cross
# compiler and Wine; `bench`, what bench/ compares with, as far as it is to be had.
set -euo pipefail

packages=(gcc libc6-dev make cmake ninja-build pkg-config bzip2 xz-utils ca-certificates debian-archive-keyring
	libseccomp-dev libmnl-dev libnftnl-dev libcmocka-dev libmagic-dev libzstd-dev libssl-dev libsodium-dev libminizip-dev zlib1g-dev
	liblzma-dev libbz2-dev
	git util-linux mount python3 python3-pytest python3-pytest-xdist python3-cryptography python3-yaml python3-jsonschema curl openssl)
if [ "${SALLYPORT_CI:-}" = 1 ]; then
	packages+=(clang clang-format valgrind python3-cryptography-vectors)
	# The sanitizers' runtime bears the version of this distribution's clang.
	version=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' | head -n 1)
	[ -z "$version" ] || packages+=("libclang-rt-$version-dev")
fi
if [ "${1:-}" = windows ]; then
	packages+=(gcc-mingw-w64-x86-64-posix wine wine64)
fi

optional=
if [ "${1:-}" = bench ]; then
	optional=1
	packages=(nginx squid-openssl haproxy mitmproxy bubblewrap openssl)
fi

fail() { # what is only compared with may be missing: who measures names it
	echo "setup: $*" >&2
	[ -z "$optional" ] || exit 0
	exit 1
}

missing=()
for package in "${packages[@]}"; do
	status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
	[ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

command -v apt-get >/dev/null || fail "this machine has no apt-get; install these yourself: ${missing[*]}"
sudo=
if [ "$(id -u)" != 0 ]; then
	sudo=sudo
	command -v sudo >/dev/null ||
		fail "not root and no sudo; ask an administrator for: apt-get install ${missing[*]}"
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "setup: installing ${missing[*]} (a minute or two)" >&2
export DEBIAN_FRONTEND=noninteractive

install_all() {
	$sudo apt-get -q update && $sudo apt-get -q install -y --no-install-recommends "${missing[@]}"
}

# One at a time, so that one which is missing keeps none away; their services are not started.
install_each() {
	local policy=/usr/sbin/policy-rc.d status=0
	[ -e "$policy" ] && policy= || printf '#!/bin/sh\nexit 101\n' | $sudo install -m 755 /dev/stdin "$policy"
	$sudo apt-get -q update || status=1
	for package in "${missing[@]}"; do
		$sudo apt-get -q install -y --no-install-recommends "$package" || status=1
	done
	[ -z "$policy" ] || $sudo rm -f "$policy"
	return "$status"
}

install=install_all
[ -z "$optional" ] || install=install_each
if ! $install >"$log" 2>&1; then
	tail -n 15 "$log" >&2
	fail "apt-get failed: the reason stands above"
fi
