#!/usr/bin/env python3
"""Does a request, or a pair of handshakes, take more instructions of the gateway than it did? guard.py BUILD [--update]

Counts what the gateway's own thread executes (valgrind's callgrind, in gateway_turn() of guard_session.c) for N and for
2N units; the difference by N is the figure, so that neither start nor end is in it. instructions.json holds what is
expected of a build: its preset, compiler and crypto provider. 10% more fails; 10% less says that the figure can be
renewed: `make guard-update`. A kept-alive request allocates nothing. Nothing is timed.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
FIGURES = HERE / "instructions.json"
TOLERANCE = 0.10
UNITS = {"request": 100, "pair": 6}
ALLOCATORS = {"malloc", "calloc", "realloc", "reallocarray", "aligned_alloc", "posix_memalign", "memalign", "mmap"}


def allocations(profile):
    """Calls of what gives memory. A function's name stands where callgrind first says it, later its number alone."""
    names, called, total = {}, None, 0
    for line in profile.splitlines():
        found = re.match(r"(c?)fn=(\(\d+\))(?: (.*))?$", line)
        if found:
            names.setdefault(found.group(2), found.group(3))
            called = names[found.group(2)] if found.group(1) else called
        elif line.startswith("calls=") and called in ALLOCATORS:
            total += int(line[len("calls="):].split()[0])
    return total


def count(program, kind, number, folder):
    """Instructions and allocations for so many, and the crypto provider."""
    out = pathlib.Path(folder) / f"{kind}-{number}"
    done = subprocess.run(["valgrind", "--tool=callgrind", "--toggle-collect=gateway_turn", f"--callgrind-out-file={out}",
                           program, kind, str(number)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"guard: {kind} {number}: {done.stderr[-2000:]}")
    profile = out.read_text()
    total = re.search(r"^(?:summary|totals): (\d+)", profile, re.M)
    made = allocations(profile)
    if total is None or int(total.group(1)) == 0 or made == 0:  # the handshakes before it are never without
        sys.exit(f"guard: {kind}: nothing was counted")
    return int(total.group(1)), made, done.stdout.split()[0]


def each(program, kind, folder):
    """For one: instructions, allocations; and the provider."""
    number = UNITS[kind]
    once, made_once, provider = count(program, kind, number, folder)
    twice, made_twice, _ = count(program, kind, 2 * number, folder)
    return (twice - once) // number, round((made_twice - made_once) / number), provider


def compiler(build):
    """As in "gcc 12"."""
    path = re.search(r"^CMAKE_C_COMPILER:\w+=(.*)$", (build / "CMakeCache.txt").read_text(), re.M).group(1)
    version = subprocess.run([path, "-dumpversion"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return f"{'clang' if 'clang' in path else 'gcc'} {version.split('.')[0].strip()}"


def verdict(kind, counted, wanted):
    """One line of what was seen; True when it may not be so."""
    change = counted / wanted - 1
    print(f"guard: {kind}: {counted:,} instructions, {change:+.1%} of {wanted:,} (at most {TOLERANCE:+.0%})")
    if change < -TOLERANCE:
        print(f"guard: {kind}: much less than stored: `make guard-update` makes it the new figure")
    return counted > wanted * (1 + TOLERANCE)


def main():
    build, update = pathlib.Path(sys.argv[1]), "--update" in sys.argv[2:]
    program = build / "tests" / "guard_session"
    if shutil.which("valgrind") is None:
        print("guard: skipped: valgrind is not installed")
        return 0
    stored = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        counted = {kind: each(program, kind, folder) for kind in UNITS}
    key = f"{build.resolve().name}, {compiler(build)}, {counted['request'][2]}"
    figures = {kind: value for kind, (value, _, _) in counted.items()}
    made = counted["request"][1]
    print(f"guard: request: {made} allocations (none)")
    if update:
        stored[key] = figures
        FIGURES.write_text(json.dumps(stored, indent=1) + "\n")
        print(f"guard: {key}: {figures} stored")
        return 0
    if key not in stored:
        print(f"guard: skipped: no figure is stored for {key}; counted {figures}; `make guard-update` stores it")
        return 1 if made else 0
    failed = [kind for kind, value in figures.items() if verdict(kind, value, stored[key][kind])]
    failed += ["allocations"] if made else []
    print(f"{len(figures) + 1 - len(failed)} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
