"""Many at once."""
import signal
import subprocess

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


# What a run does with the place that it keeps free when it ends.
ENDING = """
import fcntl, os, sys, time
def take_away(held):
    try:
        os.mkdir(".git", 0o500)
    except FileExistsError:
        pass
    try:
        fd = os.open(".git", os.O_RDONLY)
    except FileNotFoundError:
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(fd).st_ino == os.stat(".git").st_ino:
            held()
            os.rmdir(".git")
    except (BlockingIOError, FileNotFoundError):
        pass  # a run keeps it, or took it away itself
    os.close(fd)
def say_and_wait(seconds):
    print("held", flush=True)
    time.sleep(seconds)
if sys.argv[1] == "again":
    print("held", flush=True)
    while True:
        take_away(lambda: None)
        try:
            os.close(os.open("sallyport.rules", os.O_CREAT | os.O_WRONLY, 0o400))
            with open("sallyport.rules") as kept:
                fcntl.flock(kept, fcntl.LOCK_EX | fcntl.LOCK_NB)
                os.unlink("sallyport.rules")
        except (BlockingIOError, FileNotFoundError, PermissionError):
            pass
take_away(lambda: say_and_wait(float(sys.argv[1])))
"""


@pytest.fixture
def ending(sally):
    """Another process, as this user, that is about to take a kept place away."""
    started = []

    def start(how):
        started.append(sally.popen(["/usr/bin/python3", "-c", ENDING, how], stdout=subprocess.PIPE, text=True))
        assert started[-1].stdout.readline() == "held\n"
    yield start
    for process in started:
        process.send_signal(signal.SIGKILL)
        process.communicate()


def test_a_run_begins_while_another_takes_away_what_it_kept(sally, ending):
    ending("0.2")
    assert sally.run("true").status == 0


def test_whoever_does_not_let_go_of_a_kept_place_is_told(sally, ending):
    ending("60")
    result = sally.run("true", check=False)
    assert result.status == 125 and "another process has locked" in result.err and "fuser" in result.err, result


@pytest.mark.once
def test_kept_places_come_and_go_while_runs_begin(sally, ending):
    ending("again")
    ends = [(result.status, result.err) for result in (sally.run("true", check=False) for _ in range(60))]
    assert {status for status, _ in ends} == {0}, [said for status, said in ends if status != 0][:3]
