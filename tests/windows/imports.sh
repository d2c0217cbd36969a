#!/bin/bash
# What the program asks the loader for: only DLLs of Windows itself, and every protection of the image.
#   imports.sh PROGRAM.exe
set -euo pipefail
exe=$1
known="advapi32 bcrypt crypt32 iphlpapi kernel32 msvcrt ole32 shell32 user32 userenv ws2_32"
facts=$(x86_64-w64-mingw32-objdump -p "$exe")
status=0

imports=$(sed -n 's/^\tDLL Name: \(.*\)$/\1/p' <<<"$facts" | tr '[:upper:]' '[:lower:]' | sort -u)
[ -n "$imports" ] || { echo "no import found: is this a program?"; exit 1; }
for dll in $imports; do
	grep -qw "${dll%.dll}" <<<"$known" || { echo "imports $dll, which is none of Windows' own"; status=1; }
done
for flag in HIGH_ENTROPY_VA DYNAMIC_BASE NX_COMPAT; do
	grep -qw "$flag" <<<"$facts" || { echo "$flag is not set"; status=1; }
done
grep -qE 'Base Relocation Directory \[\.reloc\]' <<<"$facts" &&
	! grep -qE '^Entry 5 0+ 0+ Base' <<<"$facts" || { echo "no relocations: it cannot be moved"; status=1; }
# The resources: manifest (24) and version (16).
for wanted in asInvoker longPathAware UTF-8; do
	grep -aq "$wanted" "$exe" || { echo "the manifest does not say $wanted"; status=1; }
done
grep -aq "V.S._.V.E.R.S.I.O.N._.I.N.F.O" "$exe" || { echo "no version resource"; status=1; }
[ $status -ne 0 ] || echo "imports: $(tr '\n' ' ' <<<"$imports")"
exit $status
