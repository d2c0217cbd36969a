"""Bodies of every shape, both ways, and how much memory they take."""
import hashlib
import os
import pathlib
import re
import subprocess

import pytest

MIB = 1 << 20
HUGE = int(os.environ.get("SALLYPORT_HUGE_MIB", "256")) * MIB  # 2048 takes a minute


@pytest.fixture(params=["http", "https"])
def scheme(request):
    return request.param


@pytest.fixture
def web(scheme, origin, plain_origin):
    """One origin of either kind, and the base of its URLs."""
    def make(handler):
        made = (origin if scheme == "https" else plain_origin)(handler)
        made.url = f"{scheme}://origin.test:{made.port}"
        made.rules = f"allow * {made.url}/** private"
        return made
    return make


def echo(conn):
    """Says what arrived, and how it was framed."""
    body = conn.body()
    framing = conn.header("transfer-encoding") or conn.header("content-length") or "none"
    conn.reply(200, f"{conn.request.method} {framing} {len(body)} {hashlib.sha256(body).hexdigest()}".encode())


@pytest.mark.parametrize("size", [0, 1, 16384, 300_000])
def test_upload_with_a_length(sally, web, size):
    server = web(echo)
    data = bytes(i * 7 % 251 for i in range(size))
    sally.write("data", data.decode("latin-1"))
    data = (sally.folder / "data").read_bytes()
    result = sally.run("curl", "-sS", "--data-binary", "@data", f"{server.url}/", rules=server.rules)
    assert result.out == f"POST {len(data)} {len(data)} {hashlib.sha256(data).hexdigest()}", result
    assert result.of("outcome")[0]["request_bytes"] == len(data)


def test_upload_in_chunks(sally, web):
    server = web(echo)
    data = b"0123456789abcdef" * 20_000
    sally.write("data", data.decode())
    result = sally.run("curl", "-sS", "-T", "data", "-H", "Expect:", "-H", "Transfer-Encoding: chunked",
                       f"{server.url}/x", rules=server.rules)
    assert result.out == f"PUT chunked {len(data)} {hashlib.sha256(data).hexdigest()}", result
    assert result.of("outcome")[0]["request_bytes"] == len(data)


def test_an_upload_over_the_rules_limit(sally, web):
    server = web(echo)
    rules = server.rules + " body<=1KiB"
    sally.write("data", "x" * 1025)
    whole = sally.run("curl", "-sS", "-w", "\n%{http_code}", "--data-binary", "@data", server.url + "/", rules=rules)
    assert whole.out.endswith("\n413"), whole
    assert server.requests == []
    unannounced = sally.run("curl", "-sS", "-w", "\n%{http_code}", "-T", "data",
                            "-H", "Expect:", "-H", "Transfer-Encoding: chunked", f"{server.url}/x", rules=rules)
    assert unannounced.out.endswith("\n413"), unannounced
    sally.write("data", "x" * 1024)
    fits = sally.run("curl", "-sS", "--data-binary", "@data", server.url + "/", rules=rules)
    assert fits.out.startswith("POST 1024 1024"), fits


def test_download_in_chunks_with_trailers(sally, web):
    pieces = [b"a", b"b" * 5000, b"c" * 100_000, b"d"]

    def handler(conn):
        conn.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in pieces:
            conn.chunk(piece)
        conn.send(b"0\r\nX-After: 1\r\n\r\n")

    server = web(handler)
    result = sally.run("curl", "-sS", f"{server.url}/1", f"{server.url}/2", rules=server.rules)
    assert result.out == b"".join(pieces).decode() * 2, result
    assert [r["response_bytes"] for r in result.of("outcome")] == [sum(map(len, pieces))] * 2


def test_answers_without_a_body(sally, web):
    """HEAD, 204 and 304 have none whatever their headers say; the connection goes on."""
    def handler(conn):
        status = {"/204": 204, "/304": 304}.get(conn.request.target, 200)
        conn.reply(status, b"" if status != 200 else b"body", headers=[("ETag", '"x"')])

    server = web(handler)
    result = sally.run("curl", "-sS", "-D", "-", "-I", f"{server.url}/head", rules=server.rules)
    assert re.search(r"(?i)content-length: 4", result.out), result
    result = sally.run("curl", "-sS", "-w", "%{http_code} %{size_download} %{num_connects}\n", f"{server.url}/204",
                       f"{server.url}/304", f"{server.url}/last", rules=server.rules)
    assert result.out == "204 0 1\n304 0 0\nbody200 4 0\n", result


def test_expect_100_continue(sally, web):
    """The origin's leave reaches the client before the client sends its body; so does its refusal."""
    def handler(conn):
        assert conn.header("expect") == "100-continue"
        if conn.request.target == "/no":
            conn.reply(403, b"no")
            conn.close()
            return
        conn.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        echo(conn)

    server = web(handler)
    command = ("curl", "-sS", "-w", " %{http_code}", "--expect100-timeout", "50", "-H", "Expect: 100-continue",
               "--data-binary", "@data")
    sally.write("data", "x" * 3000)
    result = sally.run(*command, f"{server.url}/yes", rules=server.rules)
    assert result.out.startswith("POST 3000 3000") and result.out.endswith(" 200"), result
    result = sally.run(*command, f"{server.url}/no", rules=server.rules)
    assert result.out == "no 403", result


def test_early_hints_pass(sally, web):
    def handler(conn):
        conn.send(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n")
        conn.reply(200, b"final")

    server = web(handler)
    result = sally.run("curl", "-sS", "-i", f"{server.url}/", rules=server.rules)
    assert "103 Early Hints" in result.out and result.out.endswith("final"), result


def test_an_answer_before_the_end_of_the_upload(sally, web):
    """An origin that has seen enough answers and goes; the client hears it."""
    def handler(conn):
        conn.reply(403, b"too much for me", headers=[("Connection", "close")])
        for _ in conn.pieces():
            pass
        conn.close()

    server = web(handler)
    sally.write("data", "x" * 200_000)
    result = sally.run("curl", "-sS", "-w", " %{http_code}", "-H", "Expect:", "--data-binary", "@data", f"{server.url}/",
                       rules=server.rules)
    assert result.out == "too much for me 403", result


# ---- memory

SCRIPT = """
import hashlib, inside, sys
port, size, way = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
sock = inside.tls("origin.test", port)
if way == "down":
    sock.sendall(inside.get(f"origin.test:{port}", f"/{size}"))
    left, data = size, b""
    while b"\\r\\n\\r\\n" not in data:
        data += sock.recv(65536)
    left -= len(data.split(b"\\r\\n\\r\\n", 1)[1])
    while left > 0:
        left -= len(sock.recv(65536))
else:
    sock.sendall(inside.get(f"origin.test:{port}", "/", "PUT", f"Content-Length: {size}\\r\\n"))
    piece = bytes(65536)
    for at in range(0, size, len(piece)):
        sock.sendall(piece[:size - at])
    print(inside.response(sock)[2].decode())
print("read", flush=True)
sys.stdin.readline()
"""


def peak(pid):
    """The most memory that the process ever held, in KiB."""
    return int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1))


@pytest.mark.once
@pytest.mark.parametrize("way", ["down", "up"])
def test_a_huge_body_takes_no_more_memory_than_a_small_one(sally, origin, way):
    def handler(conn):
        if conn.request.method == "PUT":
            total = sum(len(piece) for piece in conn.pieces())
            conn.reply(200, str(total).encode())
            return
        size = int(conn.request.target[1:])
        conn.send(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
        piece = bytes(MIB // 4)
        while size > 0:
            conn.send(piece[:size])
            size -= len(piece)

    server = origin(handler)
    rules = f"allow * origin.test:{server.port}/** private body<=4GiB"
    peaks = {}
    for size in (2048, HUGE):
        sally.python("", rules=rules)  # lays inside.py out
        sally.write("client.py", SCRIPT)
        run = sally.start("/usr/bin/python3", "client.py", str(server.port), str(size), way, rules=rules,
                          stdin=subprocess.PIPE, env={"ASAN_OPTIONS": "quarantine_size_mb=1"})
        lines = ""
        while "read" not in lines:
            line = run.process.stdout.readline()
            assert line, run.finish()
            lines += line
        peaks[size] = peak(run.gateway_pid())
        result = run.finish(input="\n")
        assert result.status == 0, result
        counted = "response_bytes" if way == "down" else "request_bytes"
        assert result.of("outcome")[0][counted] == size
    # What waits on both legs together is bounded by their watermarks.
    assert peaks[HUGE] - peaks[2048] < 8 * 1024, peaks
