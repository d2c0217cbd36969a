"""Clients that go away, dawdle, or say nothing: each end is on record, and nothing is held for them."""
import threading

import pytest


def test_a_client_that_goes_away_in_the_middle_of_a_download(sally, origin):
    """The origin is let go soon after: an abandoned download is not fetched to its end."""
    sent, over = [0], threading.Event()

    def handler(conn):
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
        try:
            while sent[0] < 1_000_000_000:
                conn.send(bytes(65536))
                sent[0] += 65536
        finally:
            over.set()

    web = origin(handler)
    script = """
import inside, sys, time
port = int(sys.argv[1])
sock = inside.tls("origin.test", port)
sock.sendall(inside.get(f"origin.test:{port}"))
sock.recv(100000)
sock.close()
# The run goes on: the gateway has to notice by itself.
sys.stdin.readline()
"""
    rules = f"allow GET origin.test:{web.port}/** private"
    run = sally.start_python(script, str(web.port), rules=rules)
    assert over.wait(20), "the origin was not let go"
    result = run.finish(input="\n")
    assert sent[0] < 100_000_000
    outcome, = result.of("outcome")
    assert (outcome["status"], outcome["end"]) == (200, "client-lost")


def test_a_client_that_goes_away_in_the_middle_of_an_upload(sally, plain_origin):
    begun, ended = threading.Event(), threading.Event()

    def handler(conn):
        begun.set()
        try:
            conn.body()
        finally:
            ended.set()

    web = plain_origin(handler)
    script = """
import inside, sys
port = int(sys.argv[1])
sock = inside.plain("origin.test", port)
sock.sendall(inside.get(f"origin.test:{port}", "/", "POST", "Content-Length: 1000\\r\\n") + b"only this")
sys.stdin.readline()
sock.close()
sys.stdin.readline()
"""
    rules = f"allow * http://origin.test:{web.port}/** private"
    run = sally.start_python(script, str(web.port), rules=rules)
    assert begun.wait(20)
    run.process.stdin.write("\n")
    run.process.stdin.flush()
    assert ended.wait(20), "the origin was not let go"
    result = run.finish(input="\n")
    outcome, = result.of("outcome")
    assert outcome["end"] == "client-lost", result
    assert "status" not in outcome


def test_a_client_that_goes_away_before_it_said_anything(sally, plain_origin):
    web = plain_origin()
    script = """
import inside, socket, sys
port = int(sys.argv[1])
for _ in range(50):
    inside.plain("origin.test", port).close()
    socket.create_connection(inside.proxy()).close()
    half = inside.plain("origin.test", port)
    half.sendall(b"GET / HT")
    half.close()
sock = inside.plain("origin.test", port)
sock.sendall(inside.get(f"origin.test:{port}"))
print(inside.response(sock)[0])
"""
    result = sally.python(script, str(web.port), rules=f"allow GET http://origin.test:{web.port}/** private")
    assert result.out == "200\n", result
    assert len(web.requests) == 1


@pytest.mark.parametrize("bytes_at_once", [1, 7])
def test_a_client_that_speaks_byte_by_byte(sally, origin, bytes_at_once):
    def handler(conn):
        conn.reply(200, conn.body())

    web = origin(handler)
    script = """
import inside, sys
port, n = int(sys.argv[1]), int(sys.argv[2])
sock = inside.tls("origin.test", port)
message = inside.get(f"origin.test:{port}", "/slow", "POST", "Transfer-Encoding: chunked\\r\\n") + \\
    b"5\\r\\nhello\\r\\n6;x=y\\r\\n world\\r\\n0\\r\\n\\r\\n"
for i in range(0, len(message), n):
    sock.sendall(message[i:i + n])
print(inside.response(sock)[2].decode())
"""
    result = sally.python(script, str(web.port), str(bytes_at_once),
                          rules=f"allow POST origin.test:{web.port}/** private")
    assert result.out == "hello world\n", result


def test_an_origin_that_speaks_byte_by_byte(sally, plain_origin):
    def handler(conn):
        for byte in b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n":
            conn.send(bytes([byte]))

    web = plain_origin(handler)
    result = sally.run("curl", "-sS", f"http://origin.test:{web.port}/",
                       rules=f"allow GET http://origin.test:{web.port}/** private")
    assert (result.status, result.out) == (0, "hello"), result


def test_tls_to_the_proxys_own_port_is_refused(sally):
    script = """
import inside, socket
sock = socket.create_connection(inside.proxy(), 30)
try:
    inside.secure(sock, "origin.test")
except OSError as error:
    print("refused")
"""
    result = sally.python(script, rules="allow GET origin.test/**")
    assert result.out == "refused\n", result
    assert result.of("intent")[0]["reason"] == "tls-to-proxy"


@pytest.mark.parametrize("junk", ["SSH-2.0-x\\r\\n", "\\0\\1\\2\\3", "PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n", "\\x16\\3\\1\\0\\5hello"])
def test_a_client_that_speaks_neither_http_nor_tls(sally, plain_origin, junk):
    web = plain_origin()
    script = f"""
import inside, sys
sock = inside.plain("origin.test", int(sys.argv[1]))
sock.sendall(b"{junk}")
try:
    print(inside.everything(sock)[:12])
except ConnectionError:
    print("reset")
"""
    result = sally.python(script, str(web.port), rules=f"allow * http://origin.test:{web.port}/** private")
    assert result.status == 0, result
    assert web.connections == 0
    assert [r["verdict"] for r in result.of("intent")] == ["deny"]


def test_the_end_of_the_run_ends_what_is_open(sally, plain_origin):
    """A download under way when the command ends is ended, and on record as that."""
    begun = threading.Event()

    def handler(conn):
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        begun.set()
        conn.more()

    web = plain_origin(handler)
    script = """
import inside, os, sys
port = int(sys.argv[1])
sock = inside.plain("origin.test", port)
sock.sendall(inside.get(f"origin.test:{port}"))
sock.recv(10)
os._exit(0)
"""
    result = sally.python(script, str(web.port), rules=f"allow GET http://origin.test:{web.port}/** private")
    assert result.status == 0 and begun.is_set(), result
    outcome, = result.of("outcome")
    assert outcome["end"] in ("stopped", "client-lost")
