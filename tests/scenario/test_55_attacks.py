"""What a hostile client or origin tries on the wire, on a gateway at work: nothing gets through that was not judged as what it is."""
import itertools
import json
import struct
import threading

import pytest

pytestmark = pytest.mark.once

# Each case on a connection of its own; the sender's end is said at once, so nothing waits for more.
ATTACK = """
import inside, json, re, socket, sys
for case in json.load(open("cases.json")):
    sock = inside.plain(sys.argv[1], int(sys.argv[2])) if len(sys.argv) > 1 else socket.create_connection(inside.proxy(), 30)
    answer = b""
    try:
        sock.sendall(bytes.fromhex(case))
        sock.shutdown(socket.SHUT_WR)
        while piece := sock.recv(65536):
            answer += piece
    except OSError:
        pass
    sock.close()
    print(" ".join(m.decode() for m in re.findall(rb"HTTP/1[.]1 ([0-9]{3})", answer)) or "closed")
"""


def attack(sally, cases, rules, *way, **keys):
    """The statuses that each case was answered with, and the run."""
    sally.write("cases.json", json.dumps([case.hex() for case in cases]))
    result = sally.python(ATTACK, *map(str, way), rules=rules, timeout=120, **keys)
    lines = result.out.splitlines()
    assert len(lines) == len(cases), result
    return lines, result


def allow(web, *more):
    return "\n".join([f"allow * http://origin.test:{web.port}/** private websocket", *more])


HIDDEN = b"GET http://origin.test:%d/smuggled HTTP/1.1\r\nHost: origin.test:%d\r\n\r\n"
LENGTHS = [[], [b"5"], [b"5\t"], [b"0"], [b"+5"], [b"-1"], [b"5, 5"], [b"5,6"], [b"0x5"], [b"5 5"], [b"5;"], [b""],
           [b"99999999999999999999"], [b"18446744073709551621"], [b"5", b"5"], [b"5", b"0"]]
CODINGS = [[], [b"chunked"], [b"Chunked"], [b"chunked  "], [b"xchunked"], [b"chunked, identity"], [b"identity, chunked"],
           [b"gzip"], [b"\x0bchunked"], [b'"chunked"'], [b"chunked;q=1"], [b"chunked", b"chunked"], [b"gzip", b"chunked"],
           [b"\r\n chunked"], [b"chunk\r\n ed"], [b""], [b"chunked,"]]
NAMES = [b"Transfer-Encoding", b"transfer-encoding", b"Transfer-Encoding ", b" Transfer-Encoding", b"Transfer_Encoding",
         b"X: y\nTransfer-Encoding", b"X: y\rTransfer-Encoding", b"X: y\r\n\tTransfer-Encoding", b"Transfer-Encoding\0"]


def framings(port):
    """(request, does it have one reading?): every framing with every other, a request hidden behind."""
    hidden = b"0\r\n\r\n" + HIDDEN % (port, port)
    seen = set()
    transfer = [(NAMES[0], codings) for codings in CODINGS] + [(name, [b"chunked"]) for name in NAMES[1:]]
    for lengths, (name, codings), version in itertools.product(LENGTHS, transfer, (b"1.0", b"1.1")):
        fields = [b"Content-Length: " + value for value in lengths] + [name + b": " + value for value in codings]
        for order in (fields, fields[::-1]):
            head = b"POST http://origin.test:%d/x HTTP/%s\r\nHost: origin.test:%d\r\n" % (port, version, port)
            request = head + b"".join(field + b"\r\n" for field in order) + b"\r\n" + hidden
            one = (lengths in ([b"5"], [b"5\t"], [b"0"]) and not codings or not lengths and not codings or
                   not lengths and version == b"1.1" and name.lower() == b"transfer-encoding" and
                   codings in ([b"chunked"], [b"Chunked"], [b"chunked  "]))
            if request not in seen:
                seen.add(request)
                yield request, one


def test_every_framing_with_every_other(sally, plain_origin, capsys):
    bodies = []

    def take(conn):
        bodies.append(conn.body())
        conn.reply(200, b"ok")

    web = plain_origin(take)
    cases = list(framings(web.port))
    said, result = attack(sally, [request for request, _ in cases], allow(web, f"deny * http://origin.test:{web.port}/smuggled"))
    passed = 0
    for (request, one), answer in zip(cases, said):
        statuses = answer.split()
        assert (statuses[0] == "200") == one and "200" not in statuses[1:], (request, answer)
        assert one or statuses == ["400"], (request, answer)
        passed += one
    assert set(web.paths()) == {("POST", "/x")} and len(web.requests) == passed
    assert set(bodies) <= {b"", b"0\r\n\r\n"}
    with capsys.disabled():
        print(f"\nframings: {len(cases) - passed} with two readings refused, {passed} with one passed, nothing smuggled")


@pytest.mark.parametrize("last", [
    b"GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n",
    b"GET %s HTTP/1.0\r\nHost: %s\r\n\r\n",
    b"GET %s HTTP/1.1\r\nHost: %s\r\nConnection: x, close\r\n\r\n"])
def test_nothing_is_read_behind_a_last_message(sally, plain_origin, last):
    """What llhttp's keep-alive and data-after-close leniencies would read on."""
    web = plain_origin()
    host = b"origin.test:%d" % web.port
    first = last % (b"http://" + host + b"/x", host)
    said, _ = attack(sally, [first + HIDDEN % (web.port, web.port), first.replace(b"close", b"keep-alive").replace(b"1.0", b"1.1") +
                             HIDDEN % (web.port, web.port)], allow(web))
    assert said == ["200", "200 200"]
    assert web.paths() == [("GET", "/x"), ("GET", "/x"), ("GET", "/smuggled")]


def test_nothing_is_read_behind_a_refusal_with_a_body(sally, plain_origin):
    """The body of what was refused is no request, whether it was announced, chunked, awaited or cut."""
    web = plain_origin()
    host, hidden = b"origin.test:%d" % web.port, HIDDEN % (web.port, web.port)
    head = b"POST http://" + host + b"/no HTTP/1.1\r\nHost: " + host + b"\r\n"
    cases = [head + b"Content-Length: %d\r\n\r\n" % len(hidden) + hidden, head + b"Content-Length: 1000\r\n\r\n" + hidden,
             head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(hidden), hidden) + hidden,
             head + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(hidden) + hidden,
             head + b"Expect: 100-continue\r\nExpect: tea\r\nContent-Length: %d\r\n\r\n" % len(hidden) + hidden,
             head + b"Expect: y 100-continue\r\nContent-Length: %d\r\n\r\n" % len(hidden) + hidden,
             head + b"\r\n" + hidden]
    said, _ = attack(sally, cases, f"allow GET http://origin.test:{web.port}/** private")
    assert said == ["403"] * 4 + ["417"] * 2 + ["403 200"]  # without a body the connection goes on
    assert web.paths() == [("GET", "/smuggled")]


def test_an_answer_before_the_body_makes_no_request_of_it(sally, plain_origin):
    """Expect: 100-continue, answered at once by the end: what comes then is still the body, on both connections."""
    answered = threading.Event()

    def early(conn):
        conn.reply(200, b"early")
        answered.set()

    web = plain_origin(early)
    script = """
import inside, socket, sys
port = int(sys.argv[1])
hidden = f"GET http://origin.test:{port}/smuggled HTTP/1.1\\r\\nHost: origin.test:{port}\\r\\n\\r\\n".encode()
head = f"POST http://origin.test:{port}/x HTTP/1.1\\r\\nHost: origin.test:{port}\\r\\nExpect: 100-continue\\r\\nContent-Length: {len(hidden)}\\r\\n\\r\\n"
sock = socket.create_connection(inside.proxy(), 30)
sock.sendall(head.encode())
status, _, body, rest = inside.response(sock)
try:
    sock.sendall(hidden)
    rest += inside.everything(sock)
except OSError:
    pass
print(status, body, rest)
"""
    result = sally.python(script, str(web.port), rules=allow(web))
    assert result.out == "200 b'early' b''\n", result
    assert answered.is_set() and web.paths() == [("POST", "/x")]


def test_trailers_change_nothing(sally, plain_origin):
    seen = []

    def take(conn):
        lines = []
        while int(size := conn.line(), 16) > 0:
            conn.exactly(int(size, 16) + 2)
        while line := conn.line():
            lines.append(line)
        seen.append(lines)
        conn.reply(200, b"ok")

    web = plain_origin(take)
    head = b"POST http://origin.test:%d/x HTTP/1.1\r\nHost: origin.test:%d\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
    trailers = [b"Host: other.test", b"Connection: close", b"Authorization: x", b"Cookie: x", b"Set-Cookie: x", b"Upgrade: h2c", b"Expect: 100-continue",
                b"Proxy-Authorization: x", b"X-Forwarded-For: x", b"Content-Type: x", b"Content-Encoding: gzip", b"Content_Length: 9", b"If-Match: x"]
    refused = [b"Content-Length: 9", b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip", b"X : y", b"X: y\nContent-Length: 1", b"X: y\r\n z", b"\0: x",
               b"\r\n".join([b"A: b"] * 300), b"A: " + b"b" * 70_000]
    said, _ = attack(sally, [head % (web.port, web.port) + b"X-Sum: 1\r\n" + trailer + b"\r\n\r\n" for trailer in trailers + refused], allow(web))
    assert dict(zip(trailers + refused, said)) == {**{trailer: "200" for trailer in trailers}, **{trailer: "400" for trailer in refused}}
    assert seen == [[b"X-Sum: 1"]] * len(trailers)


def test_chunk_lines_without_end(sally, plain_origin):
    """A size in front of which zeros go on, an extension that goes on: neither is read for ever, nor sent on."""
    web = plain_origin(lambda conn: (conn.body(), conn.reply(200, b"ok")))
    head = b"POST http://origin.test:%d/x HTTP/1.1\r\nHost: origin.test:%d\r\nTransfer-Encoding: chunked\r\n\r\n" % (web.port, web.port)
    end = b"\r\nx\r\n0\r\n\r\n"
    said, _ = attack(sally, [head + b"1" + end, head + b"1;a=" + b"b" * 200 + end, head + b"0" * 100_000 + b"1" + end,
                             head + b"1;a=" + b"b" * 100_000 + end, head + b"1;\n" + end, head + b"1;a=\"\n\"" + end,
                             head + (b"1;" + b"a" * 100 + b"\r\nx\r\n") * 2000 + b"0\r\n\r\n"], allow(web))
    assert said == ["200", "200", "400", "400", "400", "400", "200"]


CONNECTS = ["origin.test", "origin.test:", "origin.test:0", "origin.test:65536", "origin.test:-1", "origin.test:+{port}", "origin.test:0{port}",
            "origin.test:{port}:80", "origin.test:{port}/", "origin.test:{port}?", "origin.test:{port}#", "http://origin.test:{port}", "//origin.test:{port}",
            "u@origin.test:{port}", "u:p@origin.test:{port}", "other.test:80@origin.test:{port}", "origin.test%00:{port}", "origin%2etest:{port}",
            "origin.test\\:{port}", "origin..test:{port}", ".origin.test:{port}", "0x7f000001:{port}", "2130706433:{port}", "127.1:{port}",
            "0177.0.0.1:{port}", "127.0.0.1.:{port}", "[::ffff:7f00:1:{port}", "[::1%25lo]:{port}", "[127.0.0.1]:{port}", "*:{port}", "*", "/", ":{port}", ","]


def test_where_connect_may_not_go(sally, plain_origin):
    web = plain_origin()
    cases = [f"CONNECT {target} HTTP/1.1\r\nHost: x\r\n\r\n".format(port=web.port).encode() for target in CONNECTS]
    said, result = attack(sally, [case.replace(b"\r\nHost: x", b"", 1).replace(b"1.1", b"1.0") for case in cases], allow(web))
    assert set(said) == {"400"}, [pair for pair in zip(CONNECTS, said) if pair[1] != "400"]
    assert web.connections == 0 and len(result.of("intent", verdict="deny")) == len(cases)


def test_absolute_urls_that_hide_their_host(sally, plain_origin):
    web = plain_origin()
    urls = ["http://origin.test:{port}@other.test/", "http://other.test@origin.test:{port}/", "http://origin.test:{port}\\@other.test/",
            "http:origin.test:{port}/", "http:/origin.test:{port}/", "http:///origin.test:{port}/", "http:\\\\origin.test:{port}\\", "//origin.test:{port}/",
            "http://origin.test:{port}#@other.test/", "http://origin.test:{port}?@other.test/", "http://origin.test:{port};@other.test/",
            "http://[::ffff:169.254.169.254/", "http://0xa9fea9fe/", "http://2852039166/", "http://169.254.43518/", "ftp://origin.test:{port}/",
            "gopher://origin.test:{port}/", "file:///etc/passwd", "unix:/run/x", "http+unix://x/", "ws://origin.test:{port}/", "/", "*", "x"]
    cases = [f"GET {url} HTTP/1.0\r\n\r\n".format(port=web.port).encode() for url in urls]
    said, _ = attack(sally, cases, allow(web))
    assert set(said) == {"400"}, [pair for pair in zip(urls, said) if pair[1] != "400"]
    assert web.connections == 0


def test_upgrades_that_are_none(sally, plain_origin):
    """h2c, a websocket that the origin does not agree to, a preface: what follows is judged as requests, if at all."""
    def take(conn):
        assert not conn.header("http2-settings") and conn.header("upgrade") in (None, "websocket")
        conn.reply(426 if conn.header("upgrade") else 200, b"no")

    web = plain_origin(take)
    host, hidden = b"origin.test:%d" % web.port, HIDDEN % (web.port, web.port)
    head = b"GET http://" + host + b"/x HTTP/1.1\r\nHost: " + host + b"\r\n"
    said, _ = attack(sally, [
        head + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\nPRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + hidden,
        head + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 777\r\nSec-WebSocket-Key: x\r\n\r\n" + hidden,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0" + hidden],
        allow(web, f"deny * http://origin.test:{web.port}/smuggled"))
    assert said == ["200 400", "426 403", "400"], said
    assert web.paths() == [("GET", "/x")] * 2


def test_an_answer_to_head_does_not_answer_the_next_request(sally, plain_origin):
    def forge(conn):
        if conn.request.method == "HEAD":
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged")
        else:
            conn.reply(200, b"honest")

    web = plain_origin(forge)
    url = f"http://origin.test:{web.port}/x"
    result = sally.run("sh", "-c", f"curl -sSI {url} >/dev/null; curl -sS {url}; curl -sSI {url} --next -sS {url} | tail -n1", rules=allow(web))
    assert result.out == "honesthonest", result


def test_socks_that_is_odd(sally, plain_origin):
    web = plain_origin()
    port = struct.pack(">H", web.port)
    get = f"GET /x HTTP/1.1\r\nHost: origin.test:{web.port}\r\nConnection: close\r\n\r\n".encode()

    def name(text, command=1, port=port):
        return b"\5\1\0" + b"\5" + bytes([command]) + b"\0\3" + bytes([len(text)]) + text + port

    cases = {
        "all at once": (name(b"origin.test") + get, "200"),
        "in capitals": (name(b"ORIGIN.TEST.") + get, "200"),
        "a NUL in the name": (name(b"origin.test\0other.test") + get, "closed"),
        "no name": (name(b"") + get, "closed"),
        "a port in the name": (name(b"origin.test:80") + get, "closed"),
        "userinfo in the name": (name(b"u@origin.test") + get, "closed"),
        "a number as the name": (name(b"2130706433") + get, "closed"),
        "port 0": (name(b"origin.test", port=b"\0\0") + get, "closed"),
        "BIND": (name(b"origin.test", 2) + get, "closed"),
        "UDP": (name(b"origin.test", 3) + get, "closed"),
        "metadata, mapped": (b"\5\1\0\5\1\0\4" + bytes(10) + b"\xff\xff\xa9\xfe\xa9\xfe" + port + get, "closed"),
        "another host, refused": (name(b"other.test") + get, "closed"),
        "only a password": (b"\5\1\2\5\1\0\3\x0borigin.test" + port + get, "closed"),
        "no methods": (b"\5\0" + name(b"origin.test")[3:] + get, "closed"),
        "SOCKS4 to 0.0.0.0": (b"\4\1" + port + b"\0\0\0\0u\0" + get, "closed"),
        "SOCKS4a without its name": (b"\4\1" + port + b"\0\0\0\1u\0\0" + get, "closed"),
        "SOCKS4a": (b"\4\1" + port + b"\0\0\0\1u\0origin.test\0" + get, "200"),
        "SOCKS in SOCKS": (name(b"origin.test") + name(b"origin.test") + get, "closed"),
        "SOCKS6": (b"\6" + name(b"origin.test")[1:] + get, "closed"),
    }
    said, _ = attack(sally, [case for case, _ in cases.values()], allow(web))
    assert dict(zip(cases, said)) == {what: answer for what, (_, answer) in cases.items()}
    assert web.paths() == [("GET", "/x")] * 3


def test_a_name_that_changes_its_address(sally, plain_origin, nameserver):
    """DNS rebinding: public when it is asked for first, the machine's own later. What is dialled is what was judged."""
    web = plain_origin()
    nameserver.names["origin.test"] = ["192.0.2.1"]
    script = """
import subprocess, sys, time
def ask():
    said = subprocess.run(["curl", "-sS", "-m", "20", "-w", "%{http_code}", "-o", "/dev/null", f"http://origin.test:{sys.argv[1]}/"], capture_output=True)
    print(said.stdout.decode()[-3:], flush=True)
ask()
input()
time.sleep(2.5)  # the answer's life is a second
ask()
"""
    run = sally.start_python(script, str(web.port), rules=f"allow GET http://origin.test:{web.port}/**",
                             options=("--deadline", "connect=1"))
    assert run.process.stdout.readline().strip() in ("502", "504")
    nameserver.names["origin.test"] = ["127.0.0.1"]
    result = run.finish(input="\n")
    assert result.out.split()[-1] == "403", result
    assert [r["end"] for r in result.of("outcome")][-1] == "forbidden-address", result
    assert web.connections == 0, "the machine's own service was reached"
