"""The record says it before it happens; and people can read it."""
import json
import os
import re
import subprocess
import time

import pytest

from harness.program import read_record


@pytest.mark.parametrize("durability", ["durable", "buffered"])
def test_the_intent_is_on_disk_before_the_origin_hears_a_byte(sally, origin, durability):
    """Looked at by the origin itself, at the moment the request arrives."""
    found = []

    def handler(conn):
        seen = [r for r in read_record(run.record) if r["kind"] == "intent" and r.get("path") == conn.request.target]
        found.append([(r["verdict"], r["method"], r["query"] if "query" in r else None) for r in seen])
        conn.body()
        conn.reply(200, b"")

    web = origin(handler)
    run = sally.start("sh", "-c", f"read go; curl -sS https://origin.test:{web.port}/1 -d x https://origin.test:{web.port}/2",
                      rules=f"allow * origin.test:{web.port}/** private", stdin=subprocess.PIPE,
                      options=("--durability", durability))
    assert run.finish(input="\n").status == 0
    assert found == [[("allow", "POST", None)], [("allow", "POST", None)]]


def test_the_intent_of_a_tunnel_too(sally, plain_origin):
    found = []

    def raw(conn):
        found.append([r["verdict"] for r in read_record(run.record) if r["kind"] == "intent"])
        conn.send(b"hello\n")

    web = plain_origin(raw=raw)
    script = 'import inside, sys\nsys.stdin.readline()\nprint(inside.everything(inside.connect("origin.test", int(sys.argv[1]))))\n'
    run = sally.start_python(script, str(web.port), rules=f"tunnel origin.test:{web.port} private")
    result = run.finish(input="\n")
    assert result.out == "b'hello\\n'\n" and found == [["tunnel"]], result


def test_every_kind_of_record(sally, plain_origin):
    web = plain_origin()
    url = f"http://origin.test:{web.port}"
    result = sally.run("sh", "-c", f"curl -sS {url}/yes; curl -sS {url}/no; curl -sS --noproxy '*' http://other.test/; true",
                       rules=f"allow GET {url}/yes private\nallow GET other.test:1/x")
    kinds = [r["kind"] for r in result.records]
    assert kinds[0] == "start" and kinds[-1] == "stop" and {"intent", "outcome", "dns"} <= set(kinds), result
    start, = result.of("start")
    assert json.loads(start["command"])[0] == "sh" if isinstance(start["command"], str) else start["command"][0] == "sh"


def test_shown_as_a_table(sally, plain_origin):
    web = plain_origin()
    url = f"http://origin.test:{web.port}"
    result = sally.run("sh", "-c", f"curl -sS {url}/yes?q=1; curl -sS {url}/no", rules=f"allow GET {url}/yes private")
    shown = sally.verb("log", "show", result.record)
    assert shown.status == 0 and shown.err == "", shown
    assert re.search(r"\d\d:\d\d:\d\d\.\d{3} +start .*\[\"sh\"", shown.out), shown
    assert re.search(rf" 1 allow +200 .*GET {url}/yes\?q=1 .*test\.rules:1", shown.out), shown
    assert re.search(rf" 2 deny +403 .*GET {url}/no .*no-rule", shown.out), shown
    assert re.search(r"stop +exit status 0, 1 allowed, 1 refused", shown.out.splitlines()[-1]), shown


def test_what_the_command_says_cannot_steer_the_readers_terminal(sally):
    """Names, paths, methods and its own words are shown with nothing in them that a terminal obeys."""
    script = """
import socket, struct, sys, inside
def ask(name):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(2)
    s.sendto(struct.pack(">HHHHHH", 1, 256, 1, 0, 0, 0) + bytes([len(name)]) + name + b"\\4test\\0" + struct.pack(">HH", 1, 1),
             ("127.0.0.53", 53))
    try:
        s.recv(512)
    except OSError:
        pass
ask(b"\\x1b[2J\\x07evil")
for bad in (b"GET /\\x1b[2J HTTP/1.1", b"G\\x1b[2JT / HTTP/1.1", b"GET http://\\x1b[2Jx/ HTTP/1.1", b"CONNECT \\x1b[2J:443 HTTP/1.1"):
    s = socket.create_connection(inside.proxy())
    s.sendall(bad + b"\\r\\nHost: \\x1b[2J\\r\\nX: \\x1b]0;t\\x07\\r\\n\\r\\n")
    s.recv(4096)
"""
    result = sally.python(script, "\x1b[31mred\x07\n", options=("--verbose",))
    assert result.status == 0, result
    shown = sally.verb("log", "show", "--all", result.record)
    assert shown.status == 0, shown
    for text in (shown.out, shown.err, result.err):
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text), repr(text)


# ---- the gateway is elsewhere

def test_the_gateway_is_a_process_of_its_own_outside(sally):
    run = sally.start("sh", "-c", "readlink /proc/self/ns/net /proc/self/ns/mnt /proc/self/ns/pid /proc/self/ns/user; "
                                  "echo ready; read line", stdin=subprocess.PIPE)
    inside = [run.process.stdout.readline().strip() for _ in range(4)]
    assert run.process.stdout.readline() == "ready\n"
    gateway = run.gateway_pid()
    assert gateway != run.process.pid
    outside = [os.readlink(f"/proc/{gateway}/ns/{name}") for name in ("net", "mnt", "pid", "user")]
    assert outside == [os.readlink(f"/proc/self/ns/{name}") for name in ("net", "mnt", "pid", "user")]
    assert not set(inside) & set(outside)
    assert run.finish(input="\n").status == 0


@pytest.mark.parametrize("workers", [None, 3])
def test_a_worker_a_core(sally, workers):
    run = sally.start("sh", "-c", "echo ready; read line; curl -s -o /dev/null http://nowhere.test/; echo asked; read line",
                      stdin=subprocess.PIPE, options=("--workers", str(workers)) if workers else ())
    assert run.process.stdout.readline() == "ready\n"
    # One more writes the record, one more waits for the end. The command may begin before all have.
    wanted, tasks = (workers or len(os.sched_getaffinity(0))) + 2, f"/proc/{run.gateway_pid()}/task"
    assert len(os.listdir(tasks)) <= 3, "all but one begin with the first client"
    run.process.stdin.write("\n")
    run.process.stdin.flush()
    assert run.process.stdout.readline() == "asked\n"
    deadline = time.monotonic() + 20
    while len(os.listdir(tasks)) < wanted and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(os.listdir(tasks)) == wanted
    assert run.finish(input="\n").status == 0


def test_what_leaves_in_heads_and_trailers_is_counted(sally, plain_origin):
    """Fields that are no news to an auditor are not recorded one by one: their size tells of what they could carry."""
    def handler(conn):
        heads.append(conn.request)
        conn.body()
        conn.reply(200, b"")

    heads = []
    web = plain_origin(handler)
    script = """
import inside, sys
port = int(sys.argv[1])
sock = inside.plain("origin.test", port)
for extra, end in (("", ""), ("X-Extra: " + "e" * 10000 + "\\r\\n", ""), ("", "X-Trailer: " + "t" * 5000 + "\\r\\n")):
    sock.sendall(inside.get(f"origin.test:{port}", "/", "POST", extra + "Transfer-Encoding: chunked\\r\\n"))
    sock.sendall(b"1\\r\\nx\\r\\n0\\r\\n" + end.encode() + b"\\r\\n")
    print(inside.response(sock)[0])
"""
    result = sally.python(script, str(web.port), rules=f"allow POST http://origin.test:{web.port}/** private")
    assert result.out == "200\n" * 3, result
    plain, head, trailer = [r["request_head_bytes"] for r in result.of("outcome")]
    assert head - plain == len("X-Extra: \r\n") + 10000 and trailer - plain == len("X-Trailer: \r\n") + 5000, result
    assert [r["request_bytes"] for r in result.of("outcome")] == [1, 1, 1]
