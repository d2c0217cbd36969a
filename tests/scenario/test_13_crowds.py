"""Many at once."""
import pytest

CLIENTS = """
import asyncio, inside, ssl, sys
port, n, each = map(int, sys.argv[1:4])
context = ssl.create_default_context()

async def one(i):
    reader, writer = await asyncio.open_connection("origin.test", port, ssl=context)
    for j in range(each):
        writer.write(inside.get(f"origin.test:{port}", f"/{i}/{j}"))
        head = await reader.readuntil(b"\\r\\n\\r\\n")
        length = int([l for l in head.lower().split(b"\\r\\n") if l.startswith(b"content-length")][0].split(b":")[1])
        body = await reader.readexactly(length)
        assert head.startswith(b"HTTP/1.1 200") and body == f"hello GET /{i}/{j}\\n".encode(), (head, body)
    writer.close()

async def everyone():
    await asyncio.gather(*(one(i) for i in range(n)))

asyncio.run(everyone())
print("all", n)
"""


@pytest.mark.once
def test_200_clients(sally, origin):
    web = origin()
    result = sally.python(CLIENTS, str(web.port), "200", "5", rules=f"allow GET origin.test:{web.port}/** private")
    assert result.out == "all 200\n", result
    assert len(web.requests) == 1000
    assert len(result.of("outcome", end="complete")) == 1000
    assert web.connections <= 400  # pooled, whatever the timing


@pytest.mark.once
def test_200_processes(sally, plain_origin):
    web = plain_origin()
    url = f"http://origin.test:{web.port}"
    script = f"for i in $(seq 200); do curl -sS {url}/$i & done; wait"
    result = sally.run("bash", "-c", script, rules=f"allow GET {url}/** private")
    assert sorted(result.out.splitlines()) == sorted(f"hello GET /{i}" for i in range(1, 201)), result


TUNNELS = """
import asyncio, inside, resource, ssl, sys
port, n = map(int, sys.argv[1:3])
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
context = ssl.create_default_context()
host, proxy = inside.proxy()
gate = asyncio.Semaphore(100)  # of those that shake hands at the same time

async def open_tunnel(i):
    async with gate:
        reader, writer = await asyncio.open_connection(host, proxy)
        writer.write(f"CONNECT origin.test:{port} HTTP/1.1\\r\\nHost: origin.test:{port}\\r\\n\\r\\n".encode())
        head = await reader.readuntil(b"\\r\\n\\r\\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        await writer.start_tls(context, server_hostname="origin.test")
        return reader, writer

async def ask(i, reader, writer):
    writer.write(inside.get(f"origin.test:{port}", f"/{i}"))
    head = await reader.readuntil(b"\\r\\n\\r\\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    body = await reader.readline()
    assert body == f"hello GET /{i}\\n".encode(), body

async def everyone():
    tunnels = await asyncio.gather(*(open_tunnel(i) for i in range(n)))
    print("open", len(tunnels), flush=True)
    await asyncio.gather(*(ask(i, *tunnel) for i, tunnel in enumerate(tunnels)))
    print("asked", len(tunnels))

asyncio.run(everyone())
"""


@pytest.mark.once
def test_2000_tunnels_of_one_client(sally, origin):
    """All open at the same time, then all asking; started with the usual small limit of descriptors."""
    web = origin()
    result = sally.python(TUNNELS, str(web.port), "2000", rules=f"allow GET origin.test:{web.port}/** private",
                          through=("prlimit", "--nofile=1024:8192"), timeout=120)
    assert result.out == "open 2000\nasked 2000\n", result
    assert sorted(target for _, target in web.paths()) == sorted(f"/{i}" for i in range(2000))
    assert len({r["session"] for r in result.of("intent")}) == 2000
    assert len(result.of("outcome", end="complete")) == 2000
