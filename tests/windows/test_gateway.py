"""The gateway over libevent's win32 backend, for real: clients and origin outside of Wine."""
import asyncio
import json
import os
import subprocess

import pytest

CLIENTS = 2000


async def answer(reader, writer):
    """An origin that says which path it was asked for, as often as it is asked."""
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            body = b"hello " + head.split(b" ")[1]
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def ask(reader, writer, port, path):
    writer.write(f"GET http://127.0.0.1:{port}{path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n")
                  if line.startswith(b"content-length"))
    return int(head.split(b" ")[1]), await reader.readexactly(length)


async def crowd(gateway_port, origin_port, n):
    """All are connected at once before the first asks; each is let through once and refused once."""
    gate = asyncio.Semaphore(100)

    async def connect():
        async with gate:
            return await asyncio.open_connection("127.0.0.1", gateway_port)

    async def talk(i, reader, writer):
        async with gate:
            status, body = await ask(reader, writer, origin_port, f"/pkg/{i}")
            assert (status, body) == (200, b"hello /pkg/%d" % i)
            status, _ = await ask(reader, writer, origin_port, f"/secret/{i}")
            assert status == 403

    streams = await asyncio.gather(*(connect() for _ in range(n)))
    assert len(streams) == n
    await asyncio.gather(*(talk(i, *s) for i, s in enumerate(streams)))
    for _, writer in streams:
        writer.close()


async def scene(command, folder, n):
    origin = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1024)
    port = origin.sockets[0].getsockname()[1]
    rules = f"allow GET http://127.0.0.1:{port}/pkg/** private\n"
    gateway = await asyncio.create_subprocess_exec(
        *command, rules, "record", cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        words = (await asyncio.wait_for(gateway.stdout.readline(), 60)).split()
        assert words[:1] == [b"port"], words
        await asyncio.wait_for(crowd(int(words[1]), port, n), 300)
        gateway.stdin.close()
        rest = await asyncio.wait_for(gateway.stdout.read(), 60)
        assert b"ended" in rest and await asyncio.wait_for(gateway.wait(), 60) == 0
    finally:
        origin.close()
        if gateway.returncode is None:
            gateway.terminate()  # under Wine this is timeout(1), which takes its child along and kills it if need be
            await asyncio.wait_for(gateway.wait(), 20)


def test_2000_connections(tmp_path, runner, monkeypatch):
    program = os.environ.get("SALLYPORT_GATEWAY_ALONE")
    if not program:
        pytest.skip("SALLYPORT_GATEWAY_ALONE names no program: run make test-windows")
    if os.name != "nt":
        import resource
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    monkeypatch.setenv("SALLYPORT_WINE_SECONDS", "400")
    asyncio.run(scene([*runner, program], tmp_path, CLIENTS))
    records = [json.loads(line) for file in sorted((tmp_path / "record").glob("*.jsonl"))
               for line in file.read_text().splitlines()]
    intents = [r for r in records if r["kind"] == "intent"]
    for verdict, folder in (("allow", "/pkg/"), ("deny", "/secret/")):
        paths = [r["path"] for r in intents if r["verdict"] == verdict]
        assert sorted(paths) == sorted(f"{folder}{i}" for i in range(CLIENTS))
