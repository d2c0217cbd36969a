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


def one(argv, folder):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.monotonic()
    done = subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=folder)
    wall = time.monotonic() - begin
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return {"cpu_us": (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) * 1e6, "wall_us": wall * 1e6}


def make(folder):
    block = os.urandom(4 << 20)
    for i in range(FILES):
        os.makedirs(f"{folder}/data/{i % 40}", exist_ok=True)
        at = i * 977 % (len(block) - SIZE)
        with open(f"{folder}/data/{i % 40}/{i}", "wb") as file:
            file.write(block[at:at + SIZE])
    with open(f"{folder}/data.sha256", "wb") as file:
        file.write(subprocess.run(["sh", "-c", HASH], stdout=subprocess.PIPE, check=True, cwd=folder).stdout)
    with open(f"{folder}/verify.rules", "w", encoding="ascii") as file:
        file.write("verify data with data.sha256\n")


def sample(program, rounds=1):
    """Medians of so many runs, by turns: {name: {cpu_us, wall_us}}."""
    found = {"sallyport run": [], "sha256sum": []}
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        make(folder)
        for i in range(rounds):
            found["sha256sum"].append(one(["sh", "-c", HASH], folder))
            found["sallyport run"].append(one([program, "run", "--quiet", "--rules", "verify.rules", "--record", f"r{i}",
                                               "--", "true"], folder))
    return {name: {key: statistics.median(each[key] for each in them) for key in them[0]} for name, them in found.items()}


def main():
    found = sample(os.path.realpath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 5)
    for name, figures in found.items():
        print(f"{name:16} CPU {figures['cpu_us'] / 1e6:6.2f} s/GiB   wall {figures['wall_us'] / 1e6:6.2f} s/GiB   "
              f"{figures['cpu_us'] / found['sha256sum']['cpu_us']:.2f} of sha256sum's CPU")


if __name__ == "__main__":
    main()
