#!/usr/bin/env python3
"""What a run costs before and after its command: start.py PROGRAM [ROUNDS]

`sallyport run -- true` against `bwrap --unshare-all --ro-bind / / true`, by turns in one run: CPU time of the
whole tree of processes (getrusage(2), RUSAGE_CHILDREN; bwrap does not wait for its child, so that this process
reaps orphans) and wall time, medians with least and most, and the ratio. Both get an environment of PATH and HOME
alone: folders of certificates that variables name are read by a run. bubblewrap makes namespaces and mounts; a run
makes them, a network with a door, a CA, a gateway and a record too.
"""
import ctypes
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time


PR_SET_CHILD_SUBREAPER = 36
PLAIN = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": os.path.expanduser("~")}


def reap():
    try:
        while True:
            os.waitpid(-1, 0)
    except ChildProcessError:
        pass


def one(argv):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.monotonic()
    done = subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=PLAIN)
    wall = time.monotonic() - begin
    reap()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, done.stderr
    return (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) * 1000, wall * 1000


def show(name, values):
    for what, column in (("CPU ms", 0), ("wall ms", 1)):
        numbers = [value[column] for value in values]
        print(f"{name:24} {what:8} median {statistics.median(numbers):7.1f}   least {min(numbers):7.1f}   most {max(numbers):7.1f}")


def tell_ratio(name, values, others):
    for column, what in ((0, "CPU"), (1, "wall")):
        ratio = statistics.median(value[column] for value in values) / statistics.median(value[column] for value in others)
        print(f"{name} / bwrap, {what}: {ratio:.1f}")


def main():
    program, rounds = os.path.realpath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 30
    cases = {}
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        os.chdir(folder)
        cases["sallyport run"] = lambda i: [program, "run", "--quiet", "--durability", "buffered", "--record", f"r{i}", "--", "true"]
        cases["sallyport run, durable"] = lambda i: [program, "run", "--quiet", "--record", f"d{i}", "--", "true"]
        if shutil.which("bwrap"):
            cases["bwrap"] = lambda i: ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"]
        else:
            print("bubblewrap is not installed: nothing to compare with")
        values = {name: [] for name in cases}
        for i in range(rounds):
            for name, argv in cases.items():
                values[name].append(one(argv(i)))
        os.chdir("/")
    for name in cases:
        show(name, values[name])
    if "bwrap" in cases:
        for case in list(cases)[:-1]:
            tell_ratio(case, values[case], values["bwrap"])


main()
