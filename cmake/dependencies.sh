#!/bin/bash
# Fetches and builds what the distribution has only in a newer suite: upstream sources, through apt.
#
#   dependencies.sh fetch                   tarballs into the cache, hash checked against the signed index
#   dependencies.sh build PREFIX OPTION...  builds every dependency into PREFIX (see below)
#   dependencies.sh build-tests PREFIX OPTION...  what the tests want that the compiler's target has no package of
#
# The mirror is the one this machine's own apt uses. The index is verified by the distribution's
# archive keyring, the tarball by the index's SHA-256. Nothing is installed into the system and no
# privilege is needed: lists, cache and results live in ${SALLYPORT_CACHE:-~/.cache/sallyport}.
# With the tarballs in the cache no network is used.
set -euo pipefail
export LC_ALL=C # what other tools print is read here

here=$(cd "$(dirname "$0")" && pwd)
cache=${SALLYPORT_CACHE:-${XDG_CACHE_HOME:-${HOME:?or SALLYPORT_CACHE has to be set}/.cache}/sallyport}
sources=$cache/sources
lock_list=$sources/versions.lock # name version sha256 file, one a line: what the cache holds
stable_next=trixie               # the stable suite after Debian 12
recipe=1 # raise it when a change below changes what is built: it names the built prefixes
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# name, kind (source tarball or binary package), package, series, the oldest version to be taken
# (what came after it mended holes: a mirror that is behind, or held back, cannot bring us below it),
# and the target that wants it; windows-tests for what is never part of the program.
wanted="
mbedtls   source mbedtls          3.6 3.6.5  all
libevent  source libevent         2.1 2.1.12 all
yyjson    source yyjson           0.  0.10   all
llhttp    binary libllhttp-source 9.  9.3    all
libsodium source libsodium        1.0 1.0.18 windows
cmocka    source cmocka           1.1 1.1.7  windows-tests
"

say() { printf 'dependencies: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

have() { # the cache holds this dependency, unharmed
	local line file sha
	line=$(grep -s "^$1 " "$lock_list") || return 1
	sha=$(cut -d' ' -f3 <<<"$line") file=$(cut -d' ' -f4 <<<"$line")
	[ -f "$sources/$file" ] || return 1
	echo "$sha  $sources/$file" | sha256sum --check --status ||
		{ say "$file is not what the signed index named: fetching it again"; return 1; }
}

# The machine's own Debian mirror, from apt's own configuration; other vendors' sources may stand
# beside it. Where apt has not read an index yet, origins are unknown: the release's name tells then.
mirror() {
	local release
	release=$(. /etc/os-release && [ "$ID" = debian ] && echo "${VERSION_CODENAME:-}") || release=-
	apt-get indextargets --format '$(ORIGIN)|$(LABEL)|$(RELEASE)|$(REPO_URI)' 2>/dev/null |
		awk -F'|' -v release="$release" '
			$1 == "Debian" && $2 == "Debian" { known = known ? known : $4 }
			$1 !~ /^[A-Z]/ && $3 == release { named = named ? named : $4 }
			END { print known ? known : named }'
}

# A private apt: own sources, lists and cache, so that no privilege is needed and nothing else changes.
private_apt_setup() {
	local uri
	apt_root=$cache/apt
	mkdir -p "$apt_root"/{lists/partial,archives/partial,etc}
	command -v apt-get >/dev/null || die "no apt-get here to fetch sources with:" \
		"-DSALLYPORT_DEPS=system uses installed packages"
	[ -r "$keyring" ] || die "$keyring is missing: install debian-archive-keyring"
	uri=$(mirror)
	[ -n "$uri" ] || die "apt on this machine names no Debian mirror (apt-get indextargets):" \
		"add one to /etc/apt/sources.list, or use installed packages with -DSALLYPORT_DEPS=system"
	for suite in $stable_next unstable; do
		echo "deb [signed-by=$keyring] $uri $suite main"
		echo "deb-src [signed-by=$keyring] $uri $suite main"
	done >"$apt_root/etc/sources.list"
	apt_options=(-q
		-o Dir::Etc::SourceList="$apt_root/etc/sources.list" -o Dir::Etc::SourceParts=/dev/null
		-o Dir::Etc::Preferences=/dev/null -o Dir::Etc::PreferencesParts=/dev/null
		-o Dir::State::Lists="$apt_root/lists" -o Dir::Cache="$apt_root"
		-o Dir::Cache::Archives="$apt_root/archives" -o APT::Sandbox::User="$(id -un)"
		-o Acquire::Languages=none -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false
		-o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false
		-o APT::Update::Error-Mode=any -o Debug::NoLocking=true -o Acquire::Retries=3)
	say "reading the signed package index of $stable_next and unstable (about 20 MB)"
	update_lists && return
	# A mirror that is days behind still serves what the archive signed; the oldest versions above
	# are the limit of what it could hold back. Anything but the date stays an error.
	if grep -q 'Release file for .* is expired' "$apt_root/update.log"; then
		say "the mirror's index is out of date; its signature holds, so its date is let pass"
		apt_options+=(-o Acquire::Check-Valid-Until=false)
		update_lists && return
	fi
	die "apt-get update of the private lists failed: $(tail -n 3 "$apt_root/update.log")"
}

update_lists() {
	apt-get "${apt_options[@]}" update >"$apt_root/update.log" 2>&1
}

download() { # URL FILE SHA256; fails without a word: the caller may know an older version
	say "fetching $2"
	/usr/lib/apt/apt-helper "${apt_options[@]}" download-file "$1" "$sources/$2.part" "SHA256:$3" \
		</dev/null >"$apt_root/fetch.log" 2>&1 && mv "$sources/$2.part" "$sources/$2"
}

remember() { # NAME VERSION SHA256 FILE
	{ grep -sv "^$1 " "$lock_list" || true; echo "$1 $2 $3 $4"; } >"$lock_list.new"
	mv "$lock_list.new" "$lock_list"
}

# The two indexes, as lines "version path sha256" of what begins with the wanted version.
list_source() { # PACKAGE VERSION-PREFIX
	apt-cache "${apt_options[@]}" showsrc --only-source "$1" 2>/dev/null | awk -v want="$2" '
		/^Version: /   { version = $2; sub(/^[0-9]+:/, "", version) }
		/^Directory: / { directory = $2 }
		/^Checksums-Sha256:/ { sums = 1; next }
		/^[^ ]/        { sums = 0 }
		sums && $3 ~ /\.orig\.tar\.(gz|xz|bz2)$/ { sha = $1; file = $3 }
		/^$/ { if (index(version, want) == 1 && file != "") print version, directory "/" file, sha
			version = directory = file = "" }
		END  { if (index(version, want) == 1 && file != "") print version, directory "/" file, sha }'
}

list_binary() { # PACKAGE VERSION-PREFIX
	apt-cache "${apt_options[@]}" show "$1" 2>/dev/null | awk -v want="$2" '
		/^Version: /  { version = $2 }
		/^Filename: / { path = $2 }
		/^SHA256: /   { sha = $2 }
		/^$/ { if (index(version, want) == 1) print version, path, sha; version = "" }
		END  { if (index(version, want) == 1) print version, path, sha }'
}

# A mirror can lack a file that its index names, so older versions of the series are tried as well.
fetch_newest() { # NAME KIND PACKAGE VERSION-PREFIX OLDEST
	local version path sha
	while read -r version path sha; do
		[ "$(printf '%s\n' "$5" "$version" | sort -V | head -n 1)" = "$5" ] || break
		if download "$(mirror)$path" "$(basename "$path")" "$sha"; then
			remember "$1" "${version%-*}" "$sha" "$(basename "$path")"
			return
		fi
		say "$(tail -n 1 "$apt_root/fetch.log"); trying an older one"
	done < <("list_$2" "$3" "$4" | sort -rV)
	die "no $3 $4*, $5 or newer, could be fetched through apt: see $apt_root/fetch.log"
}

selected() { # TARGET: the lines of what it wants; `everything` is all of them
	awk -v target="$1" 'NF && (target == "everything" || $6 == target ||
		$6 == "all" && target !~ /-tests$/)' <<<"$wanted"
}

fetch() { # TARGET
	local name kind package version oldest ready=
	mkdir -p "$sources"
	while read -r name kind package version oldest _; do
		have "$name" && continue
		[ -n "$ready" ] || { private_apt_setup; ready=1; }
		fetch_newest "$name" "$kind" "$package" "$version" "$oldest"
	done < <(selected "$1")
}

target() { # what the caller's compiler makes programs for
	case $($CC -dumpmachine) in *mingw*) echo windows ;; *) echo other ;; esac
}

unpack() { # NAME -> a fresh folder with its source, printed; assign it, so that a failure ends the run
	local line file out
	line=$(grep "^$1 " "$lock_list")
	file=$sources/$(cut -d' ' -f4 <<<"$line") out=$work/$1
	mkdir -p "$out"
	case $file in
	*.deb) dpkg-deb -x "$file" "$out" ;;
	*) tar -xf "$file" -C "$out" --strip-components=1 ;;
	esac
	echo "$out"
}

run_logged() { # NAME COMMAND...: quiet when it works, the log's end when it does not
	local name=$1
	shift
	"$@" >>"$work/$name.log" 2>&1 || {
		tail -n 25 "$work/$name.log" >&2
		die "building $name failed (whole log: $work/$name.log)"
	}
}

cmake_build() { # NAME SOURCE OPTIONS...
	local name=$1 source=$2
	shift 2
	run_logged "$name" cmake -S "$source" -B "$source/_build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
		-DCMAKE_INSTALL_PREFIX="$prefix.new" -DCMAKE_POSITION_INDEPENDENT_CODE=ON \
		-DCMAKE_INSTALL_LIBDIR=lib -DCMAKE_POLICY_VERSION_MINIMUM=3.5 -DCMAKE_EXPORT_NO_PACKAGE_REGISTRY=ON \
		-DCMAKE_C_FLAGS="$CFLAGS ${own_flags:-} -ffile-prefix-map=$work=." "${cmake_args[@]}" "$@"
	run_logged "$name" cmake --build "$source/_build" --target install
}

build_mbedtls() {
	local own_flags=${MBEDTLS_ALT:+-I$MBEDTLS_ALT} # contexts of ours: crypto/alt/
	source=$(unpack mbedtls)
	cmake_build mbedtls "$source" -DENABLE_TESTING=OFF -DENABLE_PROGRAMS=OFF -DGEN_FILES=OFF \
		-DUSE_STATIC_MBEDTLS_LIBRARY=ON -DUSE_SHARED_MBEDTLS_LIBRARY=OFF -DMBEDTLS_FATAL_WARNINGS=OFF \
		-DMBEDTLS_USER_CONFIG_FILE="${MBEDTLS_CONFIG:-$here/mbedtls_user_config.h}"
}

build_libevent() {
	source=$(unpack libevent)
	cmake_build libevent "$source" -DEVENT__LIBRARY_TYPE=STATIC -DEVENT__DISABLE_OPENSSL=ON \
		-DEVENT__DISABLE_MBEDTLS=ON -DEVENT__DISABLE_TESTS=ON -DEVENT__DISABLE_REGRESS=ON \
		-DEVENT__DISABLE_SAMPLES=ON -DEVENT__DISABLE_BENCHMARK=ON
}

build_yyjson() {
	source=$(unpack yyjson)
	cmake_build yyjson "$source" -DBUILD_SHARED_LIBS=OFF
}

# llhttp's package carries the generated C: three files and a header, compiled as they are.
build_llhttp() {
	local source object pic='' objects=()
	source=$(unpack llhttp)
	source=$(dirname "$(find "$source" -name llhttp.c | head -n 1)")
	mkdir -p "$prefix.new/include" "$prefix.new/lib"
	[ "$(target)" = windows ] || pic=-fPIC
	for object in llhttp api http; do
		run_logged llhttp $CC $CFLAGS -O2 $pic -I"$source/../include" -I"$source" \
			-c "$source/$object.c" -o "$work/$object.o"
		objects+=("$work/$object.o")
	done
	run_logged llhttp "${AR:-ar}" rcs "$prefix.new/lib/libllhttp.a" "${objects[@]}"
	cp "$(find "$work/llhttp" -name llhttp.h | head -n 1)" "$prefix.new/include/"
}

# Signatures of the record where there is no libcrypto. The release carries the version.h of its own
# project files; without a configuration the portable code is taken, which needs nothing to be asked.
build_libsodium() {
	local source file object objects=()
	source=$(unpack libsodium)
	mkdir -p "$prefix.new/include" "$prefix.new/lib"
	cp "$source/builds/msvc/version.h" "$source/src/libsodium/include/sodium/"
	while read -r file; do
		object=$work/libsodium-${#objects[@]}.o
		run_logged libsodium $CC $CFLAGS -O2 -w -DSODIUM_STATIC -DCONFIGURED=1 -DNATIVE_LITTLE_ENDIAN \
			-DHAVE_TI_MODE -I"$source/src/libsodium/include" -I"$source/src/libsodium/include/sodium" \
			-c "$file" -o "$object"
		objects+=("$object")
	done < <(find "$source/src/libsodium" -name '*.c' | sort)
	run_logged libsodium "${AR:-ar}" rcs "$prefix.new/lib/libsodium.a" "${objects[@]}"
	cp -r "$source/src/libsodium/include/sodium" "$source/src/libsodium/include/sodium.h" "$prefix.new/include/"
}

build_cmocka() {
	local own_flags=-D__USE_MINGW_ANSI_STDIO=1 # %zu
	source=$(unpack cmocka)
	cmake_build cmocka "$source" -DBUILD_SHARED_LIBS=OFF -DUNIT_TESTING=OFF -DWITH_EXAMPLES=OFF
}

# build TARGET PREFIX CMAKE-OPTION...: environment CC, CFLAGS, AR as the caller's compiler
build() {
	local names
	names=$(selected "$1" | cut -d' ' -f1)
	prefix=$2
	shift 2
	cmake_args=("$@")
	work=$prefix.work
	rm -rf "$work" "$prefix.new"
	mkdir -p "$work"
	for name in $names; do
		say "building $name $(grep "^$name " "$lock_list" | cut -d' ' -f2)"
		"build_$name"
	done
	for name in $names; do
		grep "^$name " "$lock_list"
	done >"$prefix.new/versions.lock"
	rm -rf "$prefix" && mv "$prefix.new" "$prefix" && rm -rf "$work"
}

# A function, read whole before it runs: a pull may change this file under a build that takes minutes.
main() {
	[[ "${1:-}" != build* ]] || [ ! -f "${2:-}/versions.lock" ] || exit 0 # there already: nobody to wait for
	mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ] ||
		die "cannot write to $cache: let SALLYPORT_CACHE name a folder of your own"
	exec 9>"$cache/lock" # builds side by side wait for each other
	flock -n 9 || { say "waiting for another build that uses $cache"; flock 9; }
	case ${1:-} in
	fetch) fetch everything ;;
	build | build-tests)
		target=$(target)${1#build}
		shift
		[ ! -f "$1/versions.lock" ] || exit 0 # whom we waited for built it
		fetch "$target"
		build "$target" "$@"
		;;
	*) die "usage: dependencies.sh fetch | build PREFIX [CMAKE-OPTION...] | build-tests PREFIX [CMAKE-OPTION...]" ;;
	esac
}

main "$@"; exit
