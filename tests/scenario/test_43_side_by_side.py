"""Runs at the same time know nothing of each other: files, names, processes, doors and records are each run's own."""
import subprocess

from harness.program import read_record


SCRIPT = """
import os, sys, urllib.request
name, url = sys.argv[1:]
open("/tmp/mine", "x").write(name)
with urllib.request.urlopen(f"{url}/{name}") as answer:
    assert answer.read().decode() == f"hello GET /{name}\\n"
sys.stdin.read(1)
others = [pid for pid in os.listdir("/proc") if pid.isdigit() and int(pid) not in (1, os.getpid())]
print(name, open("/tmp/mine").read(), others)
"""


def test_20_at_once(sally, plain_origin):
    origin = plain_origin()
    url = f"http://origin.test:{origin.port}"
    # Written once: a file that is written again may be read half by a run that starts.
    client = sally.write("client.py", SCRIPT)
    page = sally.write("side.rules", f"allow GET {url}/** private\nlimit processes 30\n")
    runs = [sally.start("/usr/bin/python3", client, str(i), url, options=["--rules", page], stdin=subprocess.PIPE)
            for i in range(20)]
    try:
        for i, run in enumerate(runs):
            run.process.stdin.write("x")
            out, err = run.process.communicate(timeout=60)
            assert run.process.returncode == 0 and out == f"{i} {i} []\n", (i, out, err)
    finally:
        for run in runs:
            run.process.kill()
            run.process.wait()
    for i, run in enumerate(runs):
        asked = [record["path"] for record in read_record(run.record) if record["kind"] == "intent"]
        assert asked == [f"/{i}"], asked
    sally.check_nothing_left(runs[0].before)
