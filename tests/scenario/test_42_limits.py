"""Limits: each ends the run with a reason and a status of its own, and is not in the way before it is reached."""
import os
import pathlib
import subprocess
import time

import pytest

LIMIT = 124

HOG = """
import time
kept = []
for _ in range(100):
    kept.append(bytearray(8 << 20))
time.sleep(20)
"""

# Several processes, none of which is large.
HOGS = """
import os, time
for _ in range(8):
    if os.fork() == 0:
        kept = bytearray(64 << 20)
        time.sleep(20)
time.sleep(20)
"""

FORKS = "for i in $(seq 60); do sleep 20 & done; wait; echo outlived"


def ended_by(result, name):
    assert result.status == LIMIT, result
    assert f"it reached the limit `{name}`" in result.err, result
    stop, = result.of("stop")
    assert (stop["exit_status"], stop["reason"], stop["detail"]) == (LIMIT, "limit", f"the limit `{name}` was reached")


@pytest.fixture
def address_space(sally, user):
    """Where no cgroup can be had memory is bounded by an rlimit too, and a sanitized program needs terabytes."""
    if user.uid != 0 and b"__asan_init" in sally.program.read_bytes():
        pytest.skip("a sanitized program has no room in a limited address space")


@pytest.mark.usefixtures("address_space")
@pytest.mark.parametrize("script", [HOG, HOGS], ids=["one", "several"])
def test_memory(sally, script):
    ended_by(sally.run("/usr/bin/python3", "-c", script, rules="limit memory 256MiB\n"), "memory")


# Who counts is a process of the same user.
BLIND = """
import ctypes, struct
prlimit64, nofile = 302, 7
print(ctypes.CDLL(None).syscall(prlimit64, 1, nofile, struct.pack("QQ", 4, 4), None), flush=True)
"""


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the number of prlimit64 is known for x86-64 alone")
@pytest.mark.usefixtures("address_space")
def test_memory_is_counted_whatever_the_command_does_to_who_counts(sally):
    result = sally.run("/usr/bin/python3", "-c", BLIND + HOGS, rules="limit memory 256MiB\n")
    ended_by(result, "memory")
    assert result.out == "-1\n", result


@pytest.mark.usefixtures("address_space")
def test_memory_that_suffices(sally):
    result = sally.run("/usr/bin/python3", "-c", "bytearray(64 << 20); print('whole')", rules="limit memory 256MiB\n")
    assert result.status == 0 and result.out == "whole\n", result


def test_processes(sally):
    result = sally.run("sh", "-c", FORKS, rules="limit processes 20\n")
    ended_by(result, "processes")
    assert "outlived" not in result.out


def test_processes_that_suffice(sally):
    result = sally.run("sh", "-c", "for i in 1 2 3 4; do true & done; wait; echo whole", rules="limit processes 20\n")
    assert result.status == 0 and result.out == "whole\n", result


def test_time(sally):
    ended_by(sally.run("sleep", "20", rules="limit time 1s\n"), "time")


def test_file_size(sally):
    rules = "limit file-size 1MiB\n"
    ended_by(sally.run("sh", "-c", "head -c 4M /dev/zero >large", rules=rules), "file-size")
    assert (sally.folder / "large").stat().st_size <= 1 << 20
    result = sally.run("sh", "-c", "head -c 1M /dev/zero >small", rules=rules)
    assert result.status == 0 and (sally.folder / "small").stat().st_size == 1 << 20, result


@pytest.mark.parametrize("files", (4, 10, 14, 24), ids=("gateway", "door", "desk", "handover"))
def test_a_start_without_room_for_files_says_which_limit(sally, files):
    result = sally.run("true", through=("prlimit", f"--nofile={files}"), check=False)
    assert result.status == 125 and "ulimit -n" in result.err, result


def test_open_files(sally):
    script = "import os\nn = 0\ntry:\n    while n < 100:\n        os.dup(0)\n        n += 1\nexcept OSError: pass\nprint(n)"
    few = sally.run("/usr/bin/python3", "-c", script, rules="limit open-files 32\n")
    many = sally.run("/usr/bin/python3", "-c", script)
    assert int(few.out) < 32 and int(many.out) == 100, (few, many)


@pytest.mark.as_root
def test_cpu(sally):
    """Never more than its share of what passed: a busy machine gives less."""
    if not any(os.path.exists(f"/sys/fs/cgroup/{place}") for place in ("cpu", "cgroup.controllers")):
        pytest.skip("no cgroup with the controller cpu is mounted")
    script = ("import time\nbefore = time.process_time()\nend = time.monotonic() + 1.5\n"
              "while time.monotonic() < end: pass\nprint(time.process_time() - before)")
    result = sally.run("/usr/bin/python3", "-c", script, rules="limit cpu 20\n", options=["--verbose"])
    assert result.status == 0 and "limit cpu: cgroup v" in result.err, result
    assert float(result.out) < 1.5 * 0.20 * 2, result


def test_cpu_that_cannot_be_kept(sally, user):
    if user.uid == 0 or os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
        pytest.skip("a cgroup may be had here")
    result = sally.run("echo", "started", rules="limit cpu 20\n", check=False)
    assert result.status == 125 and "limit cpu" in result.err and "started" not in result.out, result


def groups():
    """Folders of runs in the hierarchies of cgroups."""
    return set(pathlib.Path("/sys/fs/cgroup").glob("**/sallyport-*"))


@pytest.mark.as_root
@pytest.mark.parametrize("by", ["the next run", "doctor --repair"])
def test_what_a_killed_run_leaves_is_taken_away(sally, by):
    """Of dead runs only."""
    if not any(os.path.exists(f"/sys/fs/cgroup/{place}") for place in ("pids", "cgroup.controllers")):
        pytest.skip("no cgroup with the controller pids is mounted")
    rules, before = "limit processes 50\n", groups()
    command = ("sh", "-c", "echo ready; read line")
    killed = sally.start(*command, rules=rules, stdin=subprocess.PIPE)
    assert killed.process.stdout.readline() == "ready\n"
    left = groups() - before
    alive = sally.start(*command, rules=rules, stdin=subprocess.PIPE)
    assert alive.process.stdout.readline() == "ready\n"
    lives = groups() - before - left
    assert left and lives
    killed.process.kill()
    killed.process.communicate()
    end = time.monotonic() + 20
    # The kernel takes the jail down on its own time, then the folder is empty.
    while any((group / "cgroup.procs").read_text() for group in left) and time.monotonic() < end:
        time.sleep(0.02)
    assert left <= groups()
    if by == "the next run":
        assert sally.run("true", rules=rules).status == 0
    else:
        told = sally.verb("doctor", "--repair")
        assert told.status == 0 and told.out == f"{len(left)} taken away, 0 have to stay\n", told
    assert not left & groups() and lives <= groups()
    assert alive.finish(input="\n").status == 0
    assert not lives & groups()


@pytest.mark.usefixtures("address_space")
def test_the_report_says_how(sally):
    result = sally.run("true", rules="limit memory 1GiB processes 200\n", options=["--verbose"])
    assert "limit memory: " in result.err and "limit processes: " in result.err, result
