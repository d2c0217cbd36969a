#!/usr/bin/env python3
"""Checks what the compiler cannot: which part may know which, and where OS code may stand.

The lists come first; a change of design is a change of a line here. Exit 0 with no violation.
Long files and functions are warnings: a screenful is a habit, not a law.
"""
import pathlib
import re
import subprocess
import sys

# Which of our folders each folder may include (its own always).
MAY_INCLUDE = {
    "crypto": set(),
    "rules": set(),
    "certs": {"crypto"},
    "audit": set(),
    "gateway": {"rules", "certs", "audit"},
    "jailer": set(),
    "probes": set(),
    "cli": {"rules", "certs", "audit", "gateway", "jailer", "probes"},
}

# Which library headers each folder may include, by prefix.
LIBRARIES = ("mbedtls/", "psa/", "event2/", "llhttp.h", "yyjson.h", "seccomp.h", "libmnl/", "libnftnl/",
             "magic.h", "zstd.h", "openssl/", "sodium.h")
MAY_USE = {
    "crypto": ("mbedtls/", "psa/", "openssl/"),
    "rules": (),
    "certs": ("mbedtls/", "psa/", "openssl/"),
    "audit": ("mbedtls/", "psa/", "openssl/", "sodium.h", "yyjson.h", "zstd.h"),
    "gateway": ("event2/", "mbedtls/", "psa/", "llhttp.h"),
    "probes": (),
    "jailer": ("seccomp.h", "libmnl/", "libnftnl/"),
    "cli": ("yyjson.h", "magic.h", "zstd.h", "event2/"),
}

# Inside the gateway two libraries are kept to the stages that stand for them.
ONLY_IN = {
    "llhttp.h": re.compile(r"gateway/http_parse[a-z_]*\.c$"),
    "mbedtls/": re.compile(r"gateway/tls[a-z_0-9]*\.[ch]$"),
    "psa/": re.compile(r"gateway/tls[a-z_0-9]*\.[ch]$"),
}

# Inside the gateway, from the ground up. A file includes headers of its own storey and below; stages
# (the top) include no stage's header at all: they meet in session.h, whose table names them all.
GATEWAY_STOREYS = [
    ("pure", re.compile(r"^(arena|span|http|http_parse|http_target|http_write|names|dns_message|clienthello|socks|websocket|upstream_proxy|egress|who_message)\w*\.")),
    ("plumbing", re.compile(r"^(buffer|socket|tls|leg|resolve|dial)\w*\.")),
    ("machine", re.compile(r"^(?!stage_)")),
    ("stage", re.compile(r"^stage_")),
]

# Where the compiler may be asked for the OS; everywhere else CMake chooses files.
OS_FILES = re.compile(r"(^|/)(linux|windows)/|_(windows|posix|linux)\.[ch]$")
OS_MACRO = re.compile(r"^\s*#\s*(if|ifdef|ifndef|elif)\b.*\b(_WIN32|_WIN64|__linux__|__MINGW\w*)\b")

MAX_FILE_LINES = 700
MAX_FUNCTION_LINES = 120

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def tracked(*patterns):
    out = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--",
                          *patterns], check=True, capture_output=True, text=True).stdout
    return [pathlib.PurePosixPath(p) for p in out.split("\0") if p and pathlib.Path(p).is_file()]


def check_part(part, path, quote, header):
    """What a part may include: other parts, then libraries."""
    target = header.split("/")[0]
    if quote == '"' and target in MAY_INCLUDE and target != part and target not in MAY_INCLUDE[part]:
        yield f"{part}/ must not include {header}"
    for library in LIBRARIES:
        if not header.startswith(library):
            continue
        if not header.startswith(MAY_USE[part]):
            yield f"{part}/ must not use {header}"
        elif part == "gateway" and library in ONLY_IN and not ONLY_IN[library].search(str(path)):
            yield f"{header} is for {ONLY_IN[library].pattern} only"


def storey(name):
    return next(n for n, (_, pattern) in enumerate(GATEWAY_STOREYS) if pattern.match(name))


def check_storey(path, header):
    name = header.split("/", 1)[1]
    mine, other = storey(path.name), storey(name)
    own = pathlib.PurePosixPath(name).stem == path.stem
    if GATEWAY_STOREYS[other][0] == "stage" and not own:
        yield f"a stage's header is for no other file ({header}): meet in session.h"
    elif other > mine:
        yield (f"{GATEWAY_STOREYS[mine][0]} code must not know the {GATEWAY_STOREYS[other][0]} "
               f"above it ({header})")


def check_file(path, lines):
    part = path.parts[0]
    for number, line in enumerate(lines, 1):
        if OS_MACRO.match(line) and not OS_FILES.search(str(path)):
            yield number, "OS condition outside linux/, windows/, *_posix.c and *_windows.c"
        match = INCLUDE.match(line)
        if not match or part not in MAY_INCLUDE:
            continue
        quote, header = match.groups()
        for text in check_part(part, path, quote, header):
            yield number, text
        if part == "gateway" and quote == '"' and header.startswith("gateway/"):
            for text in check_storey(path, header):
                yield number, text


def long_functions(lines):
    """In this form a body opens with a brace in the first column and closes with one."""
    start = None
    for number, line in enumerate(lines, 1):
        if line.rstrip() == "{":
            start = number
        elif start and line.rstrip() == "}":
            if number - start > MAX_FUNCTION_LINES:
                yield start, number - start
            start = None


def main():
    violations = warnings = 0
    files = tracked("*.c", "*.h")
    for path in files:
        lines = pathlib.Path(path).read_text(encoding="utf-8").splitlines()
        for number, text in check_file(path, lines):
            print(f"{path}:{number}: {text}")
            violations += 1
        if len(lines) > MAX_FILE_LINES:
            print(f"{path}: warning: {len(lines)} lines (more than {MAX_FILE_LINES})")
            warnings += 1
        for number, length in long_functions(lines):
            print(f"{path}:{number}: warning: function of {length} lines (more than {MAX_FUNCTION_LINES})")
            warnings += 1
    print(f"layers: {len(files)} files, {violations} violations, {warnings} warnings")
    return 1 if violations or not files else 0


if __name__ == "__main__":
    sys.exit(main())
