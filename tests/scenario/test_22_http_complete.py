"""All of HTTP/1.x that clients use: trailers, expectations, events, large heads, WebSocket, queries."""
import base64
import hashlib
import threading
import zlib

import pytest

pytestmark = pytest.mark.once

CLIENT = """
import inside, socket, sys
port = int(sys.argv[1])
def open_tls():
    return inside.tls("origin.test", port)
def get(path="/", method="GET", headers=""):
    return inside.get(f"origin.test:{port}", path, method, headers)
"""


def allow(web, more="", method="*"):
    return f"allow {method} origin.test:{web.port}/** private {more}"


def test_chunks_and_trailers_both_ways(sally, origin):
    def echo(conn):
        size = int(conn.line(), 16)
        body = conn.exactly(size)
        assert conn.line() == b"" and conn.line() == b"0"
        trailers = []
        while line := conn.line():
            trailers.append(line)
        conn.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n")
        conn.chunk(body + b"|" + b"|".join(trailers))
        conn.send(b"0\r\nX-Sum: 42\r\nSet-Cookie: late\r\n\r\n")

    web = origin(echo)
    result = sally.python(CLIENT + """
sock = open_tls()
sock.sendall(get("/", "POST", "Transfer-Encoding: chunked\\r\\nConnection: close\\r\\n") +
             b"5;ext=1\\r\\nhello\\r\\n0\\r\\nX-Mine: 1\\r\\nAuthorization: late\\r\\n\\r\\n")
print(inside.everything(sock).split(b"\\r\\n\\r\\n", 1)[1])
""", str(web.port), rules=allow(web))
    assert result.out == str(b"f\r\nhello|X-Mine: 1\r\n0\r\nX-Sum: 42\r\n\r\n") + "\n", result
    assert result.of("outcome")[0]["request_bytes"] == 5


def test_expect_100_continue(sally, origin):
    def continues(conn):
        assert conn.header("expect") == "100-continue"
        conn.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        conn.reply(200, conn.body())

    web = origin(continues)
    result = sally.python(CLIENT + """
sock = open_tls()
sock.sendall(get("/", "POST", "Content-Length: 4\\r\\nExpect: 100-continue\\r\\n"))
print(sock.recv(1000))
sock.sendall(b"body")
print(inside.response(sock)[2])
""", str(web.port), rules=allow(web))
    assert result.out == str(b"HTTP/1.1 100 Continue\r\n\r\n") + "\nb'body'\n", result


def test_expect_100_continue_and_a_refusal(sally, origin):
    web = origin()
    result = sally.python(CLIENT + """
sock = open_tls()
sock.sendall(get("/", "POST", "Content-Length: 4\\r\\nExpect: 100-continue\\r\\n"))
status, headers, _, rest = inside.response(sock)
print(status, headers["connection"], rest, sock.recv(1))
""", str(web.port), rules=allow(web, method="GET"))
    assert result.out == "403 close b'' b''\n", result


@pytest.mark.parametrize("status", [204, 304])
def test_responses_without_a_body(sally, origin, status):
    web = origin(lambda conn: conn.reply(status))
    result = sally.python(CLIENT + """
sock = open_tls()
for method in ("GET", "HEAD", "GET"):
    sock.sendall(get("/", method))
    print(inside.response(sock)[0])
""", str(web.port), rules=allow(web))
    assert result.out == f"{status}\n" * 3, result
    assert web.connections == 1


def test_head_keeps_the_length_it_is_told(sally, origin):
    web = origin(lambda conn: conn.reply(200, b"x" * 1000))
    result = sally.python(CLIENT + """
sock = open_tls()
sock.sendall(get("/", "HEAD") + get("/", "HEAD", "Connection: close\\r\\n"))
data = inside.everything(sock)
print(data.count(b"Content-Length: 1000"), data.endswith(b"\\r\\n\\r\\n"))
""", str(web.port), rules=allow(web))
    assert result.out == "2 True\n", result


@pytest.mark.parametrize("chunked", [True, False])
def test_events_arrive_one_by_one(sally, origin, chunked):
    seen = threading.Event()

    def events(conn):
        if conn.request.target == "/seen":
            seen.set()
            conn.reply(200)
            return
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" +
                  (b"Transfer-Encoding: chunked\r\n\r\n" if chunked else b"\r\n"))
        put = conn.chunk if chunked else conn.send
        for n in range(3):
            seen.clear()
            put(f"data: {n}\n\n".encode())
            # The next one is only sent once the client has told, on another connection, that it got this one.
            assert seen.wait(20), f"event {n} was held back"
        conn.send(b"0\r\n\r\n" if chunked else b"")
        conn.close()

    web = origin(events)
    result = sally.python(CLIENT + """
events, other = open_tls(), open_tls()
events.sendall(get("/events"))
for n in range(3):
    data = b""
    while f"data: {n}\\n\\n".encode() not in data:
        piece = events.recv(65536)
        assert piece
        data += piece
    other.sendall(get("/seen"))
    inside.response(other)
print("three")
""", str(web.port), rules=allow(web))
    assert result.out == "three\n", result


def test_compressed_events_arrive_one_by_one(sally, origin):
    """Nobody here waits for a compressor's next block: what the origin flushed, the client can read."""
    seen = threading.Event()

    def events(conn):
        if conn.request.target == "/seen":
            seen.set()
            conn.reply(200)
            return
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n")
        gzip = zlib.compressobj(wbits=31)
        for n in range(3):
            seen.clear()
            conn.chunk(gzip.compress(f"data: {n}\n\n".encode()) + gzip.flush(zlib.Z_SYNC_FLUSH))
            assert seen.wait(20), f"event {n} was held back"
        conn.send(b"0\r\n\r\n")
        conn.close()

    web = origin(events)
    result = sally.python(CLIENT + """
import zlib
events, other = open_tls(), open_tls()
events.sendall(get("/events"))
stream, gzip, data = events.makefile("rb"), zlib.decompressobj(wbits=31), b""
while stream.readline() != b"\\r\\n":
    pass
for n in range(3):
    while f"data: {n}\\n\\n".encode() not in data:
        data += gzip.decompress(stream.read(int(stream.readline(), 16)))
        stream.readline()
    other.sendall(get("/seen"))
    inside.response(other)
print("three")
""", str(web.port), rules=allow(web))
    assert result.out == "three\n", result


def test_a_head_too_large(sally, origin):
    web = origin()
    result = sally.python(CLIENT + """
for size in (60000, 70000):
    sock = open_tls()
    sock.sendall(get("/", headers="X-Large: " + "x" * size + "\\r\\n"))
    print(inside.response(sock)[0])
sock = open_tls()
sock.sendall(get("/", headers="X-Many: x\\r\\n" * 300))
print(inside.response(sock)[0])
""", str(web.port), rules=allow(web))
    assert result.out == "200\n431\n431\n", result
    assert len(web.requests) == 1
    assert [r["reason"] for r in result.of("intent", verdict="deny")] == ["too-large"] * 2


def test_the_limits_of_a_head_are_the_operators(sally, origin):
    web = origin()
    result = sally.python(CLIENT + """
for size, many in ((1000, 1), (3000, 1), (10, 20), (10, 40)):
    sock = open_tls()
    sock.sendall(get("/", headers=("X-Large: " + "x" * size + "\\r\\n") * many))
    print(inside.response(sock)[0])
""", str(web.port), rules=allow(web), options=("--at-most", "head=2048", "--at-most", "fields=32"))
    assert result.out == "200\n431\n200\n431\n", result
    assert len(web.requests) == 2


def test_queries_are_judged(sally, origin):
    web = origin()
    rules = f"allow GET origin.test:{web.port}/repo/info/refs private query service=git-upload-pack"
    result = sally.python(CLIENT + """
sock = open_tls()
for query in ("service=git-upload-pack", "service=git-receive-pack", "service=git-upload-pack&service=git-receive-pack",
              "service=git%2dupload-pack", "", "x=service=git-upload-pack", "%73ervice=git-receive-pack"):
    sock.sendall(get("/repo/info/refs?" + query))
    print(inside.response(sock)[0])
""", str(web.port), rules=rules)
    codes = result.out.split()
    assert codes[0] == "200" and set(codes[1:3]) == {"403"} and set(codes[4:]) == {"403"}, result
    # Encoded or not, what is forwarded is what was judged.
    assert {query for _, query in web.paths()} == {"/repo/info/refs?service=git-upload-pack"}, result


def accept_key(key):
    return base64.b64encode(hashlib.sha1(key.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()


def websocket_origin(conn):
    """Greets in the same segment as its 101, then sends every message back."""
    if conn.header("upgrade") != "websocket":
        conn.reply(200, b"no upgrade was asked for")
        return
    answer = ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              f"Sec-WebSocket-Accept: {accept_key(conn.header('sec-websocket-key'))}\r\n\r\n")
    conn.send(answer.encode() + b"\x81\x07welcome")
    conn.keep = False
    while True:
        op, length = conn.exactly(2)
        length &= 0x7f
        if length == 126:
            length = int.from_bytes(conn.exactly(2), "big")
        mask, data = conn.exactly(4), conn.exactly(length)
        data = bytes(c ^ mask[n % 4] for n, c in enumerate(data))
        conn.send(bytes([op]) + (bytes([length]) if length < 126 else b"\x7e" + length.to_bytes(2, "big")) + data)
        if op & 15 == 8:
            return


WEBSOCKET = CLIENT + """
import base64, os
key = base64.b64encode(os.urandom(16)).decode()
UPGRADE = ("Connection: keep-alive, Upgrade\\r\\nUpgrade: websocket\\r\\nSec-WebSocket-Version: 13\\r\\n"
           f"Sec-WebSocket-Key: {key}\\r\\n")
def frame(op, data):
    mask = os.urandom(4)
    length = bytes([0x80 | len(data)]) if len(data) < 126 else b"\\xfe" + len(data).to_bytes(2, "big")
    return bytes([0x80 | op]) + length + mask + bytes(c ^ mask[n % 4] for n, c in enumerate(data))
def exactly(n):
    global left
    while len(left) < n:
        piece = sock.recv(65536)
        if not piece:
            raise EOFError
        left += piece
    data, left = left[:n], left[n:]
    return data
def message():
    op, length = exactly(2)
    if length == 126:
        length = int.from_bytes(exactly(2), "big")
    return op & 15, exactly(length)
sock = open_tls()
sock.sendall(get("/ws", headers=UPGRADE))
status, headers, _, left = inside.response(sock)
print(status)
"""


def test_websocket(sally, origin):
    web = origin(websocket_origin)
    result = sally.python(WEBSOCKET + """
print(message())
sock.sendall(frame(1, b"hello") + frame(2, b"x" * 1000))
print(message(), len(message()[1]))
sock.sendall(frame(8, b"\\x03\\xe8"))
print(message())
""", str(web.port), rules=allow(web, "websocket", "GET"))
    assert result.out == "101\n(1, b'welcome')\n(1, b'hello') 1000\n(8, b'\\x03\\xe8')\n", result
    outcome, = result.of("outcome")
    assert (outcome["status"], outcome["request_messages"], outcome["response_messages"]) == (101, 2, 3)
    assert outcome["request_bytes"] == 6 + 5 + 8 + 1000 + 6 + 2 and outcome["end"] == "complete"


def test_websocket_without_the_word_is_refused(sally, origin):
    web = origin(websocket_origin)
    result = sally.python(WEBSOCKET, str(web.port), rules=allow(web, method="GET"))
    assert result.out == "403\n", result
    assert web.requests == []


@pytest.mark.parametrize("bad", [b"\x81\x05hello", b"GET /smuggled HTTP/1.1\r\nHost: origin.test\r\n\r\n"])
def test_what_is_no_websocket_is_cut(sally, origin, bad):
    web = origin(websocket_origin)
    result = sally.python(WEBSOCKET + f"""
message()
sock.sendall({bad!r})
try:
    print(message())
except (EOFError, OSError):
    print("cut")
""", str(web.port), rules=allow(web, "websocket", "GET"))
    assert result.out == "101\ncut\n", result
    assert result.of("outcome")[0]["end"] == "websocket-frame"
    assert len(web.requests) == 1


def test_a_large_compressed_body_passes_as_it_is(sally, origin):
    body = bytes(range(256)) * 40000
    web = origin(lambda conn: conn.reply(200, body, [("Content-Encoding", "gzip")]))
    result = sally.python(CLIENT + """
import hashlib
sock = open_tls()
sock.sendall(get())
status, headers, body, _ = inside.response(sock)
print(status, headers["content-encoding"], hashlib.sha256(body).hexdigest())
""", str(web.port), rules=allow(web))
    assert result.out.split() == ["200", "gzip", hashlib.sha256(body).hexdigest()], result


def test_http_1_0(sally, plain_origin):
    web = plain_origin(lambda conn: conn.reply(200, b"chunky", chunked=True))
    result = sally.python("""
import inside, socket, sys
sock = socket.create_connection(inside.proxy(), 30)
sock.sendall(f"GET http://origin.test:{sys.argv[1]}/ HTTP/1.0\\r\\n\\r\\n".encode())
head, body = inside.everything(sock).split(b"\\r\\n\\r\\n", 1)
print(b"chunked" in head, body)
""", str(web.port), rules=f"allow GET http://origin.test:{web.port}/** private")
    assert result.out == "False b'chunky'\n", result
