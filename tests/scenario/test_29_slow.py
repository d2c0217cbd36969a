"""A thousand clients that never finish what they say, while another is served; their end; what they cost."""
import collections
import pathlib
import re

import pytest

from harness.origin import hello
from test_34_crash import is_sanitized

# Beside them, in a process of its own: somebody who knows what they want.
OTHER = """
import inside, sys
port = int(sys.argv[1])
for i in range(30):
    sock = inside.tls("origin.test", port)
    sock.sendall(inside.get(f"origin.test:{port}", f"/other{i}"))
    status, _, body, _ = inside.response(sock)
    assert (status, body) == (200, f"hello GET /other{i}\\n".encode()), (status, body)
    sock.close()
"""

# Half of them dribble a head, a quarter the TLS inside a tunnel, a quarter the TLS of a captured connection.
SLOW = """
import asyncio, inside, random, resource, socket, sys, time
port, n, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
proxy = inside.proxy()
captured = socket.getaddrinfo("origin.test", port, socket.AF_INET)[0][4]
HELLO = bytes.fromhex("16030102000100") + bytes(505)
open_now, ended, other = 0, 0, None

async def one(i):
    global open_now, ended, other
    kind = ("head", "head", "tunnel", "captured")[i % 4]
    reader, writer = await asyncio.open_connection(*(captured if kind == "captured" else proxy))
    if kind == "tunnel":
        writer.write(f"CONNECT origin.test:{port} HTTP/1.1\\r\\nHost: origin.test:{port}\\r\\n\\r\\n".encode())
        assert (await reader.readuntil(b"\\r\\n\\r\\n")).startswith(b"HTTP/1.1 200")
    words = f"GET http://origin.test:{port}/slow{i} HTTP/1.1\\r\\nHost: origin.test:{port}\\r\\nX-Slow: ".encode() + b"a" * 400
    if kind != "head":
        words = HELLO
    open_now += 1
    if open_now == n:
        other = asyncio.ensure_future(serve_other())
    end = asyncio.ensure_future(reader.read())
    for at in range(len(words)):
        try:
            writer.write(words[at:at + 1])
            await asyncio.wait_for(asyncio.shield(end), random.uniform(0.4, 0.8))
            break
        except asyncio.TimeoutError:
            pass
        except OSError:
            break
    open_now -= 1
    ended += 1
    writer.close()

async def serve_other():
    process = await asyncio.create_subprocess_exec(sys.executable, "other.py", str(port))
    print("other", await process.wait(), "beside", open_now)

async def everyone():
    await asyncio.gather(*(one(i) for i in range(n)))

began = time.monotonic()
async def limited():
    await asyncio.wait_for(everyone(), seconds)
    await other

asyncio.run(limited())
print("ended", ended, "in", round(time.monotonic() - began, 1))
"""


def memory(pid):
    """Resident now and at most, KiB."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return [int(re.search(rf"{name}:\s+(\d+) kB", status).group(1)) for name in ("VmRSS", "VmHWM")]


def slow(result):
    """What the slow ones were slow at, by the record; those of the head were told so."""
    found = result.of("intent", reason="slow")
    assert {(r["verdict"], "(the head" in r["detail"], r.get("status")) for r in found} <= {("deny", True, 408), ("deny", False, None)}
    return collections.Counter(re.search(r"\((.*)\)", r["detail"]).group(1) for r in found)


@pytest.mark.once
def test_a_thousand_slow_clients_leave_another_alone(sally, origin):
    seen = []

    def answer(conn):
        if conn.request.target == "/other15":
            seen.append(memory(run.gateway_pid()))
        hello(conn)

    web = origin(answer)
    sally.write("other.py", OTHER)
    run = sally.start_python(SLOW, str(web.port), "1000", "90",
                             rules=f"allow GET origin.test:{web.port}/** private\nallow GET http://origin.test:{web.port}/** private",
                             options=("--deadline", "head=15", "--deadline", "handshake=15"))
    result = run.finish(120)
    assert re.fullmatch(r"other 0 beside 1000\nended 1000 in \d+\.\d\n", result.out), result
    assert len(web.requests) == 30, "nothing of the slow ones left"
    assert slow(result) == {"the head of a request": 500, "TLS": 500}, result
    (now, most), = seen
    print(f"the gateway's memory with 1,001 clients: {now} KiB, at most {most} KiB")
    if not is_sanitized(sally.program):
        assert most < 64 * 1024, seen


@pytest.mark.once
@pytest.mark.parametrize("expect, code, end", [("", 408, "slow"), ("Expect: 100-continue\\r\\n", 504, "timeout")])
def test_a_body_that_does_not_go_on(sally, plain_origin, expect, code, end):
    """Whose fault it is that nothing happens: the client's that owes bytes, or the origin's that never said go on."""
    web = plain_origin(lambda conn: conn.body())
    script = f"""
import inside, socket, sys
port = int(sys.argv[1])
sock = socket.create_connection(inside.proxy(), 30)
head = f"POST http://origin.test:{{port}}/x HTTP/1.1\\r\\nHost: origin.test:{{port}}\\r\\n{expect}Content-Length: 1000\\r\\n\\r\\n"
sock.sendall(head.encode() + (b"" if "Expect" in head else b"half"))
print(inside.response(sock)[0], sock.recv(1))
"""
    result = sally.python(script, str(web.port), rules=f"allow POST http://origin.test:{web.port}/** private",
                          options=("--deadline", "idle=1", "--deadline", "first-byte=1"))
    assert result.out == f"{code} b''\n", result
    outcome, = result.of("outcome")
    assert (outcome["end"], outcome["status"]) == (end, code), result


@pytest.mark.once
def test_the_operator_limits_connections(sally, origin):
    """The third of two waits until one of them is gone."""
    web = origin()
    script = """
import inside, select, socket, sys
port = int(sys.argv[1])
held = [socket.create_connection(inside.proxy(), 30) for _ in range(2)]
for sock in held:  # known to be taken: each is answered
    sock.sendall(f"CONNECT origin.test:{port} HTTP/1.1\\r\\n\\r\\n".replace("1.1", "1.0").encode())
    assert sock.recv(12) == b"HTTP/1.1 200"
third = socket.create_connection(inside.proxy(), 30)
third.sendall(f"CONNECT origin.test:{port} HTTP/1.0\\r\\n\\r\\n".encode())
print(select.select([third], [], [], 1)[0])
held[0].close()
print(third.recv(12))
"""
    result = sally.python(script, str(web.port), rules=f"allow GET origin.test:{web.port}/** private",
                          options=("--at-most", "connections=2", "--workers", "1"))
    assert result.out == "[]\nb'HTTP/1.1 200'\n", result


@pytest.mark.once
def test_who_comes_over_the_limit_of_connections_waits_for_one_to_end(sally, origin):
    """200 descriptors are enough for 64 clients at once: 150 slow ones come in turn, each is ended and recorded."""
    web = origin()
    sally.write("other.py", OTHER)
    script = SLOW.replace("open_now == n:", "other is None:")
    run = sally.start_python(script, str(web.port), "150", "20", through=("prlimit", "--nofile=200:200"),
                             rules=f"allow GET http://origin.test:{web.port}/** private\nallow GET origin.test:{web.port}/** private",
                             options=("--deadline", "head=1", "--deadline", "handshake=1"))
    result = run.finish()
    assert "other 0" in result.out and "ended 150" in result.out, result
    assert sum(slow(result).values()) == 150 and len(web.requests) == 30, result
