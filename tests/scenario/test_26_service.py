"""`sallyport gateway`: a service for many clients, its CA, who may use it, other rules while it runs, its end."""
import contextlib
import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import time

import pytest

from harness import inside, schema
from harness.program import SANITIZER, Result, children

pytestmark = pytest.mark.once


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Service:
    def __init__(self, sally, rules, options=(), auth=None):
        self.sally, self.before = sally, children()
        self.port = free_port()
        self.ca = sally.folder / "ca"
        if not self.ca.exists():
            assert sally.verb("ca", "init", self.ca).status == 0
        self.record = sally.base / f"record-{self.port}"
        self.record.mkdir()
        sally.own(self.record)
        self.rules = sally.write("service.rules", rules)
        self.said = sally.folder / f"said-{self.port}"
        argv = [sally.program, "gateway", "--listen", f"127.0.0.1:{self.port}", "--rules", self.rules, "--ca", self.ca,
                "--record", self.record, "--upstream-ca", sally.upstream_ca, "--dns", f"127.0.0.1:{sally.nameserver.port}"]
        if auth is not None:
            file = sally.write("auth", auth)
            file.chmod(0o600)
            argv += ["--auth", file]
        self.process = sally.popen([*argv, *options], stdin=subprocess.DEVNULL, stderr=open(self.said, "w"))
        self.hear("serving")

    def hear(self, words, times=1):
        for _ in range(500):
            if self.said.read_text().count(words) >= times:
                return
            assert self.process.poll() is None, self.said.read_text()
            time.sleep(0.02)
        raise AssertionError(f"never said {words}: {self.said.read_text()}")

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), 10)

    def curl(self, *words, who="", stderr=subprocess.PIPE):
        return subprocess.run(["curl", "-sS", "--cacert", self.ca / "ca.pem", "-x", f"http://{who}127.0.0.1:{self.port}", *words],
                              env={"PATH": "/usr/bin:/bin"}, text=True, capture_output=True, timeout=20)

    def signal(self, what):
        self.process.send_signal(what)

    def end(self, status=0):
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        assert self.process.wait(40) == status, self.said.read_text()
        result = Result(status, "", self.said.read_text(), self.record)
        assert not SANITIZER.search(result.err), result
        self.sally.check_nothing_left(self.before)
        schema.check(result.records)
        return result


@pytest.fixture
def service(sally):
    made = []

    def make(*arguments, **keys):
        made.append(Service(sally, *arguments, **keys))
        return made[-1]
    yield make
    for one in made:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def test_clients_are_served_and_recorded(service, origin):
    web = origin()
    gateway = service(f"allow GET origin.test:{web.port}/ok private")
    assert gateway.curl(f"https://origin.test:{web.port}/ok").stdout == "hello GET /ok\n"
    assert "sallyport refused" in gateway.curl(f"https://origin.test:{web.port}/no").stdout
    result = gateway.end()
    assert [(r["path"], r["verdict"]) for r in result.of("intent")] == [("/ok", "allow"), ("/no", "deny")]
    assert len(result.of("outcome", status=200)) == 1
    assert result.records[0]["command"] == ["gateway"]
    assert result.records[-1]["kind"] == "stop" and result.records[-1]["exit_status"] == 0
    assert len(web.requests) == 1


def test_its_record_is_kept_as_a_run_s_is(service, sally, plain_origin):
    web = plain_origin()
    gateway = service(f"allow GET http://origin.test:{web.port}/** private",
                      options=("--rotate-size", "4KiB", "--compress", "--digest", "token", "--record-header", "x-trace"))
    for i in range(12):
        assert gateway.curl("-H", "X-Trace: 17", f"http://origin.test:{web.port}/{i}?token=secret").stdout
    assert gateway.process.poll() is None
    gateway.signal(signal.SIGTERM)
    assert gateway.process.wait(40) == 0, gateway.said.read_text()
    assert list(gateway.record.glob("*.jsonl.zst"))
    key = sally.home / ".local/state/sallyport/record.key.pub"
    told = sally.verb("log", "verify", "--key", key, gateway.record)
    assert told.status == 0, told
    records = [json.loads(line) for line in sally.verb("log", "export", "--format", "jsonl", gateway.record).out.splitlines()]
    asked = [r for r in records if r["kind"] == "intent"]
    assert len(asked) == 12 and "secret" not in str(records)
    assert all(["X-Trace", "17"] in r["request_headers"] for r in asked), asked[0]


def test_hangup_reads_the_rules_again(service, plain_origin):
    web = plain_origin()
    gateway = service(f"allow GET http://origin.test:{web.port}/old private")
    old, new = (f"http://origin.test:{web.port}/{name}" for name in ("old", "new"))
    assert gateway.curl(old).stdout == "hello GET /old\n"
    gateway.rules.write_text(f"allow GET http://origin.test:{web.port}/new private\n")
    gateway.signal(signal.SIGHUP)
    gateway.hear("the new rules are in force")
    assert gateway.curl(new).stdout == "hello GET /new\n"
    assert "no-rule" in gateway.curl(old).stdout
    gateway.rules.write_text("allwo GET everything\n")
    gateway.signal(signal.SIGHUP)
    gateway.hear("the old rules stay in force")
    assert gateway.curl(new).stdout == "hello GET /new\n", "wrong rules took the right ones' place"
    result = gateway.end()
    assert [r["reason"] for r in result.of("event")] == ["rules-changed", "rules-kept"]
    assert "service.rules:1:1" in result.err
    assert result.of("intent", path="/new")[0]["rule"].endswith("service.rules:1")


def test_what_is_asked_is_answered_before_the_end(service, plain_origin):
    def slow(conn):
        conn.send(b"HTTP/1.1 200 Fine\r\nContent-Length: 10\r\n\r\n12345")
        while gateway.process.poll() is None and not asked_to_end:
            time.sleep(0.02)
        time.sleep(0.3)
        conn.send(b"67890")

    web, asked_to_end = plain_origin(slow), []
    gateway = service(f"allow GET http://origin.test:{web.port}/** private")
    idle, busy = gateway.connect(), gateway.connect()
    busy.sendall(f"GET http://origin.test:{web.port}/a HTTP/1.1\r\nHost: origin.test:{web.port}\r\n\r\n".encode())
    received = b""
    while b"12345" not in received:
        received += busy.recv(4096)
    gateway.signal(signal.SIGTERM)
    assert idle.recv(1) == b"", "a connection without a request waits for nothing"
    with pytest.raises(ConnectionRefusedError):
        gateway.connect().close()
    asked_to_end.append(True)
    assert inside.everything(busy).endswith(b"67890")
    result = gateway.end()
    assert [r["end"] for r in result.of("outcome")] == ["complete"]


def test_the_end_does_not_wait_for_ever(service, plain_origin):
    web = plain_origin(raw=lambda conn: conn.more() or conn.more())
    gateway = service(f"allow GET http://origin.test:{web.port}/** private", options=("--drain", "1"))
    busy = gateway.connect()
    busy.sendall(f"GET http://origin.test:{web.port}/a HTTP/1.1\r\nHost: origin.test:{web.port}\r\n\r\n".encode())
    for _ in range(500):
        if web.connections:
            break
        time.sleep(0.02)
    result = gateway.end()
    assert [r["end"] for r in result.of("outcome")] == ["stopped"]


def test_only_who_is_named_is_served(service, origin):
    web = origin()
    gateway = service(f"allow GET origin.test:{web.port}/** private", auth="# people\nalice:a secret: word\nbob:hunter2\n")
    url = f"https://origin.test:{web.port}/a"
    assert gateway.curl(url, who="alice:a%20secret%3A%20word@").stdout == "hello GET /a\n"
    for who in ("", "alice:wrong@", "bob:a%20secret%3A%20word@", "carol:hunter2@", "bob:@"):
        assert "407" in gateway.curl(url, who=who).stderr, who
    answer = gateway.curl("-i", "http://origin.test/").stdout
    assert answer.startswith("HTTP/1.1 407 ") and 'Proxy-Authenticate: Basic realm="sallyport"' in answer
    with contextlib.closing(gateway.connect()) as socks:
        socks.sendall(b"\5\1\0")
        assert inside.everything(socks) == b"", "SOCKS cannot say who it is"
    result = gateway.end()
    assert len(web.requests) == 1
    assert [r["client"].split("@")[0] for r in result.of("intent", verdict="allow")] == ["alice"]
    refused = result.of("intent", verdict="deny")
    assert len(refused) == 7 and {r["reason"] for r in refused} == {"authentication"}
    assert not any("@" in r["client"] for r in refused)
    text = "".join(path.read_text() for path in gateway.record.glob("*.jsonl"))
    assert "hunter2" not in text and "secret" not in text


def test_each_request_says_who_it_is(service, plain_origin):
    web = plain_origin()
    gateway = service(f"allow GET http://origin.test:{web.port}/** private", auth="alice:word\n")
    head = f"GET http://origin.test:{web.port}/a HTTP/1.1\r\nHost: origin.test:{web.port}\r\n"
    with contextlib.closing(gateway.connect()) as sock:
        sock.sendall(f"{head}Proxy-Authorization: Basic YWxpY2U6d29yZA==\r\n\r\n".encode())
        status, _, _, rest = inside.response(sock)
        assert status == 200
        sock.sendall(f"{head}\r\n".encode())
        assert inside.response(sock, rest)[0] == 407
    gateway.end()
    assert [name for name, _ in web.requests[0].headers if name == "proxy-authorization"] == []
    assert len(web.requests) == 1


@pytest.mark.parametrize("words, complaint", [
    (("--listen", "0.0.0.0:8080"), "--auth"),
    (("--listen", "[::]:8080"), "--auth"),
    (("--listen", "[::1]:8080", "--listen", "192.0.2.1:80"), "--auth"),
    (("--listen", "somewhere"), "--listen"),
    (("--listen", "127.0.0.1:8080", "--auth", "open"), "chmod 600"),
    (("--listen", "127.0.0.1:8080", "--auth", "empty"), "nobody"),
    (("--listen", "127.0.0.1:8080", "--auth", "wrong"), "NAME:PASSWORD"),
    (("--listen", "127.0.0.1:8080", "--ca", "nowhere"), "ca init"),
])
def test_what_does_not_start(sally, words, complaint):
    for name, text, mode in (("open", "a:b\n", 0o644), ("empty", "# none\n", 0o600), ("wrong", "ab\n", 0o600)):
        sally.write(name, text).chmod(mode)
    sally.write("r", "allow GET a.test/**\n")
    result = sally.verb("gateway", "--rules", "r", "--ca", "ca", "--record", "record", *words)
    assert result.status == 125 and complaint in result.err, result


def test_the_ca_in_a_folder(sally):
    made = sally.verb("ca", "init", "ca")
    key = sally.folder / "ca" / "ca.key"
    assert made.status == 0 and key.stat().st_mode & 0o777 == 0o600
    before = key.read_bytes()
    assert sally.verb("ca", "init", "ca").status == 125 and key.read_bytes() == before, "never overwritten"
    pem = sally.verb("ca", "export", "ca").out
    assert pem == (sally.folder / "ca" / "ca.pem").read_text() and "PRIVATE" not in pem
    ssl.create_default_context(cadata=pem)
    assert sally.verb("ca", "show", "ca").out == made.out
    key.chmod(0o640)
    for verb in ("show", "export"):
        refused = sally.verb("ca", verb, "ca")
        assert refused.status == 125 and "0600" in refused.err and refused.out == ""
    refused = sally.verb("gateway", "--listen", f"127.0.0.1:{free_port()}", "--rules", sally.write("r", ""), "--ca", "ca",
                         "--record", "record")
    assert refused.status == 125 and "0600" in refused.err


def test_the_service_does_not_outlive_its_gateway(service):
    gateway = service("allow GET a.test/**")
    process = pathlib.Path(f"/proc/{gateway.process.pid}/task/{gateway.process.pid}/children").read_text().split()
    assert len(process) == 1
    os.kill(int(process[0]), signal.SIGKILL)
    gateway.end(125)
