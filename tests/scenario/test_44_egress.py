"""`limit egress`: bytes to origins are counted before they leave, all ways together, and none leaves over the limit."""
import re
import socket
import threading

import pytest

from harness.origin import Gone

LIMIT = 124


class Wire:
    """Passes bytes on to an origin and counts those that go there: what TLS adds is seen here too."""

    def __init__(self, port):
        self.port, self.seen, self.lock = port, 0, threading.Lock()

    def __call__(self, conn):
        with socket.create_connection(("127.0.0.1", self.port)) as there:
            back = threading.Thread(target=self.pump, args=(there, conn.socket))
            back.start()
            try:
                while True:
                    conn.more()
                    with self.lock:
                        self.seen += len(conn.buffer)
                    there.sendall(conn.buffer)
                    conn.buffer = b""
            except (Gone, OSError):
                pass
            try:
                there.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            back.join()

    @staticmethod
    def pump(source, to):
        try:
            while data := source.recv(65536):
                to.sendall(data)
            to.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def swallow(conn):
    conn.reply(200, b"%d bytes\n" % len(conn.body()))


UPLOAD = "head -c 100000 /dev/zero | curl -sS --fail --noproxy '' -H Expect: --data-binary @- {url} && echo whole"

TUNNEL = """
import inside, sys
sock = inside.connect("{host}", {port})
sock.sendall(bytes(100_000))
import socket
sock.shutdown(socket.SHUT_WR)
print(inside.everything(sock).decode() + "whole")
"""


def count(conn):
    """A tunnel's far end."""
    n = 0
    try:
        while True:
            conn.more()
            n, conn.buffer = n + len(conn.buffer), b""
    except Gone:
        conn.send(b"%d bytes\n" % n)


@pytest.fixture(params=["http", "https", "tunnel"])
def upload(request, sally, origin, plain_origin):
    """upload(limit): 100,000 bytes to an origin whose name nobody has to look up; the result, and what arrived."""
    way = request.param
    if way == "https":
        far = origin(swallow, names=("127.0.0.1", "origin.test"))
    else:
        far = plain_origin(swallow) if way == "http" else plain_origin(raw=count)

    def run(limit, host="127.0.0.1"):
        wire = Wire(far.port)
        near = plain_origin(raw=wire)
        rules = f"limit egress {limit}\n"
        if way == "tunnel":
            result = sally.python(TUNNEL.format(host=host, port=near.port), check=False,
                                  rules=rules + f"tunnel {host}:{near.port} private\n")
        else:
            url = f"{way}://{host}:{near.port}/"
            result = sally.run("sh", "-c", UPLOAD.format(url=url), check=False,
                               rules=rules + f"allow * {url}** private\n")
        return result, wire.seen
    return run


def spent(result):
    """Of the record of a run, to the byte; its summary rounds."""
    return re.search(r"sallyport: (\S+ \S+) of (\S+ \S+) left for origins", result.err).groups()


def test_up_to_the_limit_everything_passes(upload):
    result, seen = upload("1MiB")
    assert result.status == 0 and result.out == "100000 bytes\nwhole\n", result
    assert 100_000 <= seen < 110_000
    assert spent(result) == (f"{seen / 1024:.1f} KiB", "1.0 MiB"), seen
    assert result.of("stop")[0]["reason"] == "end" and result.of("event") == []


def test_over_the_limit_the_run_ends_and_nothing_more_leaves(upload):
    result, seen = upload("50000")
    assert result.status == LIMIT and "whole" not in result.out, result
    assert "it reached the limit `egress`" in result.err, result
    assert seen <= 50_000
    stop, = result.of("stop")
    event, = result.of("event")
    outcome, = result.of("outcome")
    assert (stop["reason"], stop["detail"], stop["exit_status"]) == ("limit", "the limit `egress` was reached", LIMIT)
    assert event["reason"] == "limit" and "50000" in event["detail"]
    assert outcome["end"] == "egress-limit"


@pytest.mark.once
@pytest.mark.parametrize("less", [0, 1])
def test_the_limit_is_exact(sally, plain_origin, less):
    """What passed once passes with just that limit, and not with one byte less."""
    wire = Wire(plain_origin(swallow).port)
    near = plain_origin(raw=wire)
    command = ("curl", "-sS", "--noproxy", "", "-d", "x" * 1000, f"http://127.0.0.1:{near.port}/")
    rules = f"allow * http://127.0.0.1:{near.port}/** private\nlimit egress "
    assert sally.run(*command, rules=rules + "1MiB").status == 0
    once, wire.seen = wire.seen, 0
    result = sally.run(*command, rules=rules + str(once - less), check=False)
    assert (result.status, wire.seen) == ((0, once) if less == 0 else (LIMIT, 0)), result


@pytest.mark.once
def test_several_connections_share_it(sally, plain_origin):
    wire = Wire(plain_origin(swallow).port)
    near = plain_origin(raw=wire)
    script = "for i in 1 2 3 4 5 6 7 8; do " + UPLOAD.format(url=f"http://127.0.0.1:{near.port}/") + " & done; wait; sleep 20"
    result = sally.run("sh", "-c", script, rules=f"allow * http://127.0.0.1:{near.port}/** private\nlimit egress 350000\n",
                       check=False)
    assert result.status == LIMIT and wire.seen <= 350_000, (result, wire.seen)


@pytest.mark.once
def test_asking_for_a_name_is_sending(sally, plain_origin, nameserver):
    web = plain_origin()
    url = f"http://origin.test:{web.port}/"
    rules = f"allow * {url}** private\nlimit egress "
    asked = len(nameserver.queries)
    result = sally.run("curl", "-sS", url, rules=rules + "100", check=False)
    assert result.status == LIMIT and len(nameserver.queries) == asked and web.connections == 0, result
    result = sally.run("curl", "-sS", url, rules=rules + "1000")
    assert result.status == 0 and len(nameserver.queries) > asked, result


@pytest.mark.once
def test_the_record_shows_it(sally, plain_origin):
    web = plain_origin()
    result = sally.run("curl", "-sS", "--noproxy", "", f"http://127.0.0.1:{web.port}/", check=False,
                       rules=f"allow * http://127.0.0.1:{web.port}/** private\nlimit egress 10\n")
    shown = sally.verb("log", "show", result.record)
    assert shown.out.splitlines()[-1].endswith("refused, the limit `egress` was reached"), shown
