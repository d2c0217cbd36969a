"""
The arithmetic of the measurements: what is counted, what is compared with what, and what the guard lets pass. A figure
that is wrong without a sign is worse than none.
"""
import pathlib
import subprocess
import sys
import xml.etree.ElementTree

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "tests" / "guard")]

import cases  # noqa: E402
import chart  # noqa: E402
import guard  # noqa: E402
import others  # noqa: E402
import processes  # noqa: E402
import report  # noqa: E402
import run  # noqa: E402

BURN = "import time\nwhile time.process_time() < 0.3: pass\n"
PARENT = f"""
import subprocess, sys, threading, time
burn = {BURN!r}
if sys.argv[1] == "ended child":
    subprocess.run([sys.executable, "-c", burn], check=True)
elif sys.argv[1] == "living child":
    child = subprocess.Popen([sys.executable, "-c", burn + "print('done', flush=True); input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child.stdout.readline()
elif sys.argv[1] == "ended thread":
    thread = threading.Thread(target=exec, args=(burn, {{}}))
    thread.start()
    thread.join()
print("done", flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize("who", ["ended child", "living child", "ended thread", "nobody"])
def test_cpu_time_of_children_and_threads_counts(who):
    with subprocess.Popen([sys.executable, "-c", PARENT, who], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout.readline() == "done\n"
        used = processes.cpu(parent.pid)
        parent.stdin.close()
    assert used >= 0.27 if who != "nobody" else 0 < used < 0.27


def figure(cpu, **more):
    return {"cpu_us": cpu, "per_second": 1e6 / cpu, "peak_kib": 2048, "p50_us": 1, "p99_us": 2, "p999_us": 3, "failed": 0,
            "tls": "TLSv1.3", "suite": "x", "asked": "rate=2000 ", **more}


def told(samples):
    return {"began": "now", "quick": False, "rounds": 2, "load_average_before": (0, 0, 0), "load_average_after": (0, 0, 0),
            "machine": {"cpu": "<&>", "cores": 1, "memory_gib": 1, "kernel": "6", "versions": {}}, "cases": report.summary(samples)}


def test_a_ratio_is_taken_within_a_round():
    ours = {0: figure(10), 1: figure(40), 2: figure(30)}
    theirs = {0: figure(20), 1: figure(80)}  # of the third round there is nothing
    one = report.summary({"get-1k": {"sallyport": ours, "nginx": theirs}})["get-1k"]["proxies"]["nginx"]
    assert one["sallyport / this"] == {"median": 0.5, "min": 0.5, "max": 0.5}
    assert one["cpu_us"] == {"median": 50, "min": 20, "max": 80}
    assert one["rounds"] == 2


@pytest.mark.parametrize("ours, held", [(10, True), (20, True), (21, False)])
def test_an_aim_holds_or_is_missed(ours, held):
    found = report.aims(told({"get-1k": {"sallyport": {0: figure(ours)}, "nginx": {0: figure(20)}}}))
    assert [value <= most for text, value, most in found if "nginx" in text] == [held]
    assert report.aims(told({"get-1k": {"sallyport": {0: figure(ours)}}})) == []  # nobody to compare with


def test_an_aim_goes_by_the_rounds_too():
    """The machine became slower while others ran: by the medians of all rounds both would be wrong."""
    samples = {"sallyport": {0: figure(10), 1: figure(90), 2: figure(91)}, "nginx": {0: figure(20), 1: figure(180)},
               "sallyport-10000-rules": {0: figure(11)}}
    found = {text.rpartition(": ")[2]: value for text, value, _ in report.aims(told({"get-1k": samples}))}
    assert found["sallyport / nginx"] == 0.5
    assert found["sallyport-10000-rules / sallyport"] == pytest.approx(1.1)


@pytest.mark.parametrize("said, whole", [("ready", True), ('{"done": 3000, "failed": 0}', False), ("", False)])
def test_idle_memory_is_of_all_connections_or_none(said, whole, monkeypatch):
    class Generator:
        line = said + "\n"

        def __init__(self, *_, **__):
            pass

        def end(self):
            pass

    class Proxy:
        class process:
            pid = 1

    monkeypatch.setattr(run, "Generator", Generator)
    monkeypatch.setattr(run.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(processes, "resident_kib", lambda pid: 100)
    monkeypatch.setattr(processes, "peak_kib", lambda pid: 100)
    if whole:
        assert run.hold(Proxy, ["connections=10000"], None)["kib_each"] == 0
    else:
        with pytest.raises(RuntimeError, match="not all connections"):
            run.hold(Proxy, ["connections=10000"], None)


def test_what_was_left_out_is_said(capsys):
    report.show(told({"get-1k": {"sallyport": {0: figure(10)}}}) | {"left_out": {"idle squid": "no time", "idle nginx": "no time"}})
    assert "left out, no time: idle squid, idle nginx" in capsys.readouterr().out


def test_the_chart_is_well_formed_and_shows_everybody(tmp_path):
    samples = {"get-1k": {name: {0: figure(10), 1: figure(cpu)} for name, cpu in (("sallyport", 10), ("nginx", 12), ("mitmproxy", 4000))},
               "open-1k": {"sallyport": {0: figure(10)}}, "idle": {"sallyport": {0: {"kib_each": 30.0}}}}
    chart.write(told(samples), tmp_path / "out.svg")
    words = " ".join(node.text or "" for node in xml.etree.ElementTree.parse(tmp_path / "out.svg").iter())
    for word in ("nginx", "mitmproxy", "2,005", "30.0", "<&>"):
        assert word in words


def test_less_is_asked_of_the_slow_and_in_a_hurry():
    assert cases.generator_words(cases.CASES["bulk-100m"], False, False, 40000) == (["path=/bytes/104857600", "connections=1", "requests=2", "wait"], 100)
    assert cases.generator_words(cases.CASES["bulk-100m"], True, False, 40000)[1] == 10
    assert "requests=5000" in cases.generator_words(cases.CASES["get-1k"], False, True, 40000)[0]
    assert "connections=10000" in cases.generator_words(cases.CASES["idle"], False, False, 40000)[0]
    assert "connections=9800" in cases.generator_words(cases.CASES["idle"], False, False, 20000)[0]
    assert not cases.asked(cases.CASES["stream-2g"], "mitmproxy", True)
    assert cases.asked(cases.CASES["get-1k"], "sallyport-10000-rules", False)
    assert not cases.asked(cases.CASES["bulk-100m"], "sallyport-10000-rules", False)


def test_the_floor_is_for_the_same_unit_of_work(tmp_path):
    program = tmp_path / "floor"
    program.write_text('#!/bin/sh\necho "$@" >> "$0.asked"\necho \'{"done": 2, "cpu": 0.4}\'\n')
    program.chmod(0o755)
    assert others.floor_sample(program, cases.CASES["bulk-100m"], "the floor, digest") == {"cpu_us": 2000}
    assert (tmp_path / "floor.asked").read_text() == "answer=104857600 requests=2 digest\n"
    for case in (case for case in cases.CASES.values() if case.floor):  # as many, and as much in one
        asked, floor = (dict(word.partition("=")[::2] for word in words.split()) for words in (case.words, case.floor))
        assert floor["requests"] == asked["requests"] and floor.get("connections", "1") == asked["connections"]
        size = int(asked.get("upload", asked["path"].rpartition("/")[2] if "bytes" in asked["path"] else 0))
        assert size <= int(floor["request" if "upload" in asked else "answer"]) <= size + 150


def test_the_guard_counts_what_gives_memory():
    profile = "\n".join(["fn=(1) main", "cfn=(2) malloc", "calls=2 0", "* 40", "cfn=(3) free", "calls=9 0", "* 9", "fn=(2)", "1 5",
                          "fn=(4) other", "cfn=(2)", "calls=3 0", "* 60"])
    assert guard.allocations(profile) == 5
    assert guard.allocations(profile.replace("malloc", "mallocate")) == 0


@pytest.mark.parametrize("counted, refused", [(100, False), (110, False), (111, True), (50, False)])
def test_the_guard_refuses_what_costs_more(counted, refused, capsys):
    assert guard.verdict("request", counted, 100) == refused
    assert ("guard-update" in capsys.readouterr().out) == (counted == 50)
