#!/bin/bash
# Runs a Windows program under Wine, in a prefix of the build's own: wine.sh PROGRAM.exe [ARGUMENT...]
# SALLYPORT_WINEPREFIX is where the prefix is (made on first use). Exit 77 without Wine.
set -euo pipefail
command -v wine >/dev/null || { echo "wine is not installed: nothing run" >&2; exit 77; }
here=$(cd "$(dirname "$0")/../.." && pwd)
export WINEPREFIX=${SALLYPORT_WINEPREFIX:-$here/build/wineprefix}
export WINEDEBUG=${WINEDEBUG:--all} WINEDLLOVERRIDES="mscoree,mshtml=;winedbg.exe="
unset DISPLAY
mkdir -p "$WINEPREFIX"
exec 9>"$WINEPREFIX.lock"
flock 9
if [ ! -e "$WINEPREFIX/made" ]; then
	timeout -k 5 180 wineboot -i >/dev/null 2>&1 </dev/null 9>&-
	# Wine 8 is Windows 7 unless told.
	timeout -k 5 60 wine reg add 'HKCU\Software\Wine' /v Version /d win10 /f >/dev/null 2>&1 </dev/null 9>&-
	timeout -k 5 60 wineserver -w 9>&-
	touch "$WINEPREFIX/made"
fi
exec 9>&-
exec timeout -k 2 "${SALLYPORT_WINE_SECONDS:-60}" wine "$@"
