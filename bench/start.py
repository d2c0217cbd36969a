#!/usr/bin/env python3
"""What a run costs before and after its command: start.py PROGRAM [ROUNDS [json [FOLDER]]]

`sallyport run -- true` against `bwrap --unshare-all --ro-bind / / true`, by turns in one run: CPU time of the
whole tree of processes (getrusage(2), RUSAGE_CHILDREN; bwrap does not wait for its child, so that this process
reaps orphans) and wall time, medians, and the ratio. Both get an environment of PATH and HOME
alone: folders of certificates that variables name are read by a run. bubblewrap makes namespaces and mounts; a run
makes them, a network with a door, a CA, a gateway and a record too. The records stay in FOLDER, where there is one, for
whoever asked to take them away at the end: an ext4 without a journal looks at each inode that was deleted in the last
minutes before it gives one, so that what is taken away between rounds is paid for by the next.
"""
import contextlib
import ctypes
import json
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


def one(argv, folder):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begin = time.monotonic()
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=PLAIN, cwd=folder) as process:
        said = process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - begin
    if process.returncode != 0:
        raise RuntimeError(said)
    reap()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return {"cpu_us": spent * 1e6, "wall_us": wall * 1e6, "peak_kib": used.ru_maxrss}


def sample(program, rounds, parent=None):
    """Medians of so many runs, by turns: {name: {cpu_us, wall_us}}."""
    cases = {"sallyport run": [program, "run", "--quiet", "--durability", "buffered", "--record", "buffered-{}", "--", "true"],
             "sallyport run, durable": [program, "run", "--quiet", "--record", "durable-{}", "--", "true"]}
    if shutil.which("bwrap"):
        cases["bwrap"] = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "true"]
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    with contextlib.nullcontext(tempfile.mkdtemp(dir=parent)) if parent else tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        figures = {name: [] for name in cases}
        for i in range(rounds):
            for name, argv in cases.items():
                figures[name].append(one([word.replace("{}", str(i)) for word in argv], folder))
    return {name: {key: statistics.median(each[key] for each in them) for key in ("cpu_us", "wall_us")}
            for name, them in figures.items()}


def main():
    found = sample(os.path.realpath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 30, *sys.argv[4:5])
    if sys.argv[3:4] == ["json"]:
        print(json.dumps(found))
        return
    for name, figures in found.items():
        ratio = f"   {figures['cpu_us'] / found['bwrap']['cpu_us']:.2f} of bwrap's CPU" if "bwrap" in found else ""
        print(f"{name:24} CPU {figures['cpu_us'] / 1000:7.2f} ms   wall {figures['wall_us'] / 1000:7.2f} ms{ratio}")


if __name__ == "__main__":
    main()
