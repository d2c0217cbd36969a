"""Sides that answer early, late, too often or not at all: nobody else pays, and the gateway lives."""
import ssl
import time

import pytest

pytestmark = pytest.mark.once

PROXY = """
import inside, socket, sys, time
port = int(sys.argv[1])
def request(method, path="/x", headers="", version="1.1"):
    return f"{method} http://origin.test:{port}{path} HTTP/{version}\\r\\nHost: origin.test:{port}\\r\\n{headers}\\r\\n".encode()
sock = socket.create_connection(inside.proxy(), 30)
sock.settimeout(30)
"""


def rules(port, more=""):
    return f"allow * http://origin.test:{port}/** private {more}"


def test_a_body_too_large_after_the_origin_already_answered(sally, plain_origin):
    def early(conn):
        if conn.request.method == "GET":
            conn.reply(200, b"other")
            return
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhal")
        conn.body()

    web = plain_origin(early)
    result = sally.python(PROXY + """
sock.sendall(request("POST", headers="Transfer-Encoding: chunked\\r\\n") + b"5\\r\\nabcde\\r\\n")
while b"hal" not in sock.recv(65536):
    pass
try:
    for _ in range(50):
        sock.sendall(b"400\\r\\n" + b"x" * 1024 + b"\\r\\n")
        time.sleep(0.01)
except OSError:
    print("ended")
again = socket.create_connection(inside.proxy(), 30)
again.sendall(request("GET", headers="Connection: close\\r\\n"))
print("alive", inside.everything(again)[:12])
""", str(web.port), rules=rules(web.port, "body<=8KiB"), timeout=90)
    assert "ended" in result.out, result
    assert "alive b'HTTP/1.1 200'" in result.out, result
    assert [r["end"] for r in result.of("outcome")][0] == "refused"


def test_interim_responses_without_end(sally, plain_origin):
    def flood(conn):
        for _ in range(100):
            conn.send(b"HTTP/1.1 102 Processing\r\nX-Pad: 1\r\n\r\n")
        conn.reply(200, b"late")

    web = plain_origin(flood)
    result = sally.python(PROXY + """
sock.sendall(request("GET", headers="Connection: close\\r\\n"))
data = inside.everything(sock)
print(data.count(b"HTTP/1.1 102"), b"HTTP/1.1 502" in data, b"late" in data)
""", str(web.port), rules=rules(web.port))
    assert result.out == "32 True False\n", result


def test_a_few_interim_responses_pass(sally, plain_origin):
    def hints(conn):
        conn.send(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        conn.reply(200, b"done")

    web = plain_origin(hints)
    result = sally.python(PROXY + """
sock.sendall(request("GET", headers="Connection: close\\r\\n"))
data = inside.everything(sock)
print(b"103 Early Hints\\r\\nLink: </a>" in data, data.endswith(b"done"))
old = socket.create_connection(inside.proxy(), 30)
old.sendall(request("GET", version="1.0"))
print(inside.everything(old)[:12])
""", str(web.port), rules=rules(web.port))
    assert result.out == "True True\nb'HTTP/1.1 200'\n", result


def test_no_upgrade_but_to_websocket(sally, plain_origin):
    def switch(conn):
        wanted = conn.header("upgrade")
        if wanted is None:
            conn.reply(200, b"plain")
        else:
            conn.send(b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
            conn.keep = False

    web = plain_origin(switch)
    result = sally.python(PROXY + """
for wanted in ("h2c", "websocket, h2c", "TLS/1.2"):
    sock.sendall(request("GET", headers=f"Connection: Upgrade\\r\\nUpgrade: {wanted}\\r\\n"))
    status, _, body, rest = inside.response(sock)
    print(status, body, rest)
""", str(web.port), rules=rules(web.port, "websocket"))
    assert result.out == "200 b'plain' b''\n" * 3, result


def test_an_expectation_that_nobody_knows(sally, plain_origin):
    web = plain_origin()
    result = sally.run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "-H", "Expect: tea",
                       f"http://origin.test:{web.port}/", rules=rules(web.port))
    assert result.out == "417", result
    assert web.requests == []
    assert result.of("intent")[0]["reason"] == "expect"


def test_an_answer_before_the_body_reaches_a_client_that_still_sends(sally, origin):
    def no(conn):
        conn.reply(413, b"too much")
        conn.close()

    web = origin(no)
    result = sally.python("""
import inside, sys
sock = inside.tls("origin.test", int(sys.argv[1]))
sock.sendall(inside.get("origin.test:" + sys.argv[1], "/up", "POST", "Content-Length: 50000000\\r\\n"))
sent = 0
try:
    while sent < 50000000:
        sent += sock.send(b"x" * 16384)
except OSError:
    pass
status, headers, body, _ = inside.response(sock)
print(status, body, headers["connection"])
""", str(web.port), rules=f"allow * origin.test:{web.port}/** private")
    assert result.out == "413 b'too much' close\n", result


def test_a_long_body_to_a_slow_client_is_whole(sally, origin):
    size = 6 * 1024 * 1024

    def much(conn):
        conn.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        conn.send(b"x" * size)
        conn.close()

    web = origin(much)
    result = sally.python("""
import inside, sys, time
sock = inside.tls("origin.test", int(sys.argv[1]))
sock.sendall(inside.get("origin.test:" + sys.argv[1], "/", headers="Connection: close\\r\\n"))
time.sleep(0.5)
total = 0
while True:
    piece = sock.recv(65536)
    if not piece:
        break
    total += piece.count(b"x")
    time.sleep(0.002)
print(total)
""", str(web.port), rules=f"allow * origin.test:{web.port}/** private")
    assert result.out == f"{size}\n", result
    assert result.of("outcome")[0]["end"] == "complete"


def test_requests_nobody_reads_the_refusals_of(sally, plain_origin):
    web = plain_origin()
    result = sally.python(PROXY + """
sock.settimeout(3)
sent = 0
try:
    while sent < 30000000:
        sent += sock.send(request("GET", "/refused") * 100)
except TimeoutError:
    print("held back")
again = socket.create_connection(inside.proxy(), 30)
again.sendall(request("GET", "/refused", "Connection: close\\r\\n"))
print(inside.everything(again)[:12])
""", str(web.port), rules="", options=("--durability", "buffered"), timeout=90, check=False)
    assert result.out == "held back\nb'HTTP/1.1 403'\n", result


def test_many_requests_on_one_connection_are_answered_in_order(sally, plain_origin):
    web = plain_origin()
    result = sally.python(PROXY + """
sock.sendall(b"".join(request("GET", f"/{n}") for n in range(50)))
rest = b""
for n in range(50):
    status, _, body, rest = inside.response(sock, rest)
    assert (status, body) == (200, f"hello GET /{n}\\n".encode()), body
print("all", rest)
""", str(web.port), rules=rules(web.port))
    assert result.out == "all b''\n", result
    assert web.paths() == [("GET", f"/{n}") for n in range(50)]


def test_a_half_closed_client_gets_its_answer(sally, plain_origin):
    def slow(conn):
        time.sleep(0.5)
        conn.reply(200, b"still here")

    web = plain_origin(slow)
    result = sally.python(PROXY + """
sock.sendall(request("GET"))
sock.shutdown(socket.SHUT_WR)
print(inside.response(sock)[2])
""", str(web.port), rules=rules(web.port))
    assert result.out == "b'still here'\n", result


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_an_end_that_comes_along_with_the_handshakes(sally, plain_origin, ca, version):
    """close_notify in one packet with the last handshake message, and the socket stays open: heard, not waited for."""
    context = ca.server_context("origin.test")
    context.maximum_version = version

    def end_at_once(conn):
        coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(coming, going, server_side=True)
        for step in (tls.do_handshake, tls.unwrap):
            while True:
                try:
                    step()
                    break
                except ssl.SSLWantReadError:
                    if step == tls.unwrap:
                        break
                    conn.socket.sendall(going.read())
                    coming.write(conn.socket.recv(65536))
        conn.socket.sendall(going.read())
        while conn.socket.recv(65536):
            pass

    web = plain_origin(raw=end_at_once)
    result = sally.run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", f"https://origin.test:{web.port}/",
                       rules=f"allow GET origin.test:{web.port}/** private")
    assert result.out == "502" and result.of("outcome")[0]["end"] == "upstream-lost", result
