#!/usr/bin/env python3
"""What vouched-for content costs before the command starts: verify.py PROGRAM [ROUNDS]

`sallyport run -- true` with 1 GiB in 4,000 files under `verify` against `xargs -P2 sha256sum` on the same files, by
turns in one run: CPU time of the whole tree of processes for a GiB, wall time beside it, and the ratio. The run
hashes, compares and makes a copy that nobody can change, and takes it away at the end; sha256sum hashes.
"""
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

FILES, SIZE = 4000, (1 << 30) // 4000
HASH = "find data -type f -print0 | xargs -0 -P2 -n 100 sha256sum"


def one(argv):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.monotonic()
    done = subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    wall = time.monotonic() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime, wall


def make():
    block = os.urandom(4 << 20)
    for i in range(FILES):
        os.makedirs(f"data/{i % 40}", exist_ok=True)
        at = i * 977 % (len(block) - SIZE)
        with open(f"data/{i % 40}/{i}", "wb") as file:
            file.write(block[at:at + SIZE])
    with open("data.sha256", "wb") as file:
        file.write(subprocess.run(["sh", "-c", HASH], stdout=subprocess.PIPE, check=True).stdout)
    with open("verify.rules", "w", encoding="ascii") as file:
        file.write("verify data with data.sha256\n")


def main():
    program, rounds = os.path.realpath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5
    values = {"sha256sum": [], "sallyport run": []}
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        os.chdir(folder)
        make()
        for i in range(rounds):
            values["sha256sum"].append(one(["sh", "-c", HASH]))
            values["sallyport run"].append(one([program, "run", "--quiet", "--rules", "verify.rules",
                                                "--record", f"r{i}", "--", "true"]))
        os.chdir("/")
    for column, what in ((0, "CPU s/GiB"), (1, "wall s")):
        middle = {}
        for name, all_of_it in values.items():
            numbers = [value[column] for value in all_of_it]
            middle[name] = statistics.median(numbers)
            print(f"{name:16} {what:10} median {middle[name]:6.2f}   least {min(numbers):6.2f}   most {max(numbers):6.2f}")
        print(f"sallyport run / sha256sum, {what.split()[0]}: {middle['sallyport run'] / middle['sha256sum']:.2f}")


main()
