"""How an origin is reached: the first address that answers, the proxy of the house, and how long is waited."""
import base64
import socket
import threading

import pytest

pytestmark = pytest.mark.once


def pour(source, target):
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class House:
    """A proxy: CONNECT and absolute-form, every name at 127.0.0.1, credentials if wanted."""

    def __init__(self, credentials=None):
        self.heads, self.credentials = [], credentials

    def __call__(self, conn):
        request = conn.head()
        self.heads.append(request)
        wanted = self.credentials and "Basic " + base64.b64encode(self.credentials).decode()
        if wanted and conn.header("proxy-authorization") != wanted:
            conn.reply(407, b"who are you?")
            return
        if request.method == "CONNECT":
            port = int(request.target.rsplit(":", 1)[1])
            onward = socket.create_connection(("127.0.0.1", port))
            conn.send(b"HTTP/1.1 200 Fine\r\nX-House: 1\r\n\r\n")
        else:
            assert request.target.startswith("http://")
            rest = request.target[7:]
            host, path = rest.split("/", 1)
            onward = socket.create_connection(("127.0.0.1", int(host.rsplit(":", 1)[1])))
            lines = "".join(f"{name}: {value}\r\n" for name, value in request.headers if not name.startswith("proxy-"))
            onward.sendall(f"{request.method} /{path} HTTP/1.1\r\n{lines}\r\n".encode() + conn.buffer)
        threading.Thread(target=pour, args=(onward, conn.socket), daemon=True).start()
        pour(conn.socket, onward)


@pytest.fixture
def house(plain_origin):
    house = House(b"me:secret word")
    house.server = plain_origin(raw=house)
    house.options = ("--upstream-proxy", f"http://me:secret%20word@127.0.0.1:{house.server.port}")
    return house


def test_https_through_the_house(sally, origin, house):
    web = origin(names=("far.test",))
    result = sally.run("curl", "-sS", f"https://far.test:{web.port}/a", f"https://far.test:{web.port}/b",
                       rules=f"allow GET far.test:{web.port}/**", options=house.options)
    assert result.out == "hello GET /a\nhello GET /b\n", result
    assert [(head.method, head.target) for head in house.heads] == [("CONNECT", f"far.test:{web.port}")]
    outcome = result.of("outcome")[0]
    assert (outcome["via"], outcome["address"]) == ("127.0.0.1", f"127.0.0.1:{house.server.port}")
    assert outcome["tls_version"] == "TLSv1.3"


def test_plain_http_through_the_house(sally, plain_origin, house):
    web = plain_origin()
    result = sally.run("curl", "-sS", f"http://far.test:{web.port}/a?b=1", rules=f"allow GET http://far.test:{web.port}/**",
                       options=house.options)
    assert result.out == "hello GET /a?b=1\n", result
    assert house.heads[0].target == f"http://far.test:{web.port}/a?b=1"
    assert "proxy-authorization" not in dict(web.requests[0].headers)


def test_a_tunnel_through_the_house(sally, plain_origin, house):
    web = plain_origin(raw=lambda conn: conn.send(b"220 ready\r\n"))
    result = sally.python("""
import inside, sys
print(inside.everything(inside.connect("far.test", int(sys.argv[1]))))
""", str(web.port), rules=f"tunnel far.test:{web.port}", options=house.options)
    assert result.out == "b'220 ready\\r\\n'\n", result


def test_the_origins_certificate_is_judged_all_the_same(sally, origin, house):
    web = origin(names=("other.test",))
    result = sally.run("curl", "-sS", "-w", "%{http_code}", f"https://far.test:{web.port}/a",
                       rules=f"allow GET far.test:{web.port}/**", options=house.options)
    assert result.out.endswith("502") and "name" in result.out, result
    assert web.requests == []


def test_the_house_refuses(sally, origin, house):
    web = origin()
    result = sally.run("curl", "-sS", "-w", "%{http_code}", f"https://origin.test:{web.port}/",
                       rules=f"allow GET origin.test:{web.port}/**",
                       options=("--upstream-proxy", f"http://127.0.0.1:{house.server.port}"))
    assert result.out.endswith("502") and "407" in result.out, result
    assert result.of("outcome")[0]["end"] == "upstream-proxy"


def test_hosts_that_do_without_it(sally, origin, house):
    web = origin()
    result = sally.run("curl", "-sS", f"https://origin.test:{web.port}/a", rules=f"allow GET origin.test:{web.port}/** private",
                       options=house.options, env={"NO_PROXY": "x.example,.test"})
    assert result.out == "hello GET /a\n", result
    assert house.heads == [] and "via" not in result.of("outcome")[0]


def test_private_address_literals_need_the_word_there_too(sally, plain_origin, house):
    web = plain_origin()
    result = sally.run("curl", "-sS", "--noproxy", "", "-w", "%{http_code}", f"http://127.0.0.1:{web.port}/",
                       rules=f"allow GET http://127.0.0.1:{web.port}/**", options=house.options)
    assert result.out.endswith("403"), result
    assert house.heads == []


def test_a_dead_house(sally):
    closed = socket.socket()
    closed.bind(("127.0.0.1", 0))
    result = sally.run("curl", "-sS", "-w", "%{http_code}", "http://far.test/", rules="allow GET http://far.test/**",
                       options=("--upstream-proxy", f"http://127.0.0.1:{closed.getsockname()[1]}"))
    assert result.out.endswith("502") and "upstream proxy" in result.out, result
    closed.close()


def test_no_url_no_start(sally):
    result = sally.run("true", rules="", options=("--upstream-proxy", "proxy.example"), check=False)
    assert result.status == 125 and "upstream proxy" in result.err, result


def silent_address(port):
    """An address whose connections are never answered: its listener's queue is full."""
    listener = socket.socket()
    listener.bind(("127.0.0.2", port))
    listener.listen(0)
    fillers = []
    for _ in range(4):
        filler = socket.socket()
        filler.setblocking(False)
        filler.connect_ex(("127.0.0.2", port))
        fillers.append(filler)
    return [listener, *fillers]


def test_an_address_that_never_answers_is_overtaken(sally, plain_origin, nameserver):
    web = plain_origin()
    held = silent_address(web.port)
    nameserver.names["origin.test"] = ["127.0.0.2", "127.0.0.1"]
    result = sally.run("curl", "-sS", f"http://origin.test:{web.port}/a", rules=f"allow GET http://origin.test:{web.port}/** private",
                       options=("--deadline", "connect=5"))
    assert result.out == "hello GET /a\n", result
    assert result.of("outcome")[0]["address"] == f"127.0.0.1:{web.port}"
    for sock in held:
        sock.close()


def test_nobody_answers_in_time(sally, plain_origin, nameserver):
    web = plain_origin()
    held = silent_address(web.port)
    nameserver.names["origin.test"] = ["127.0.0.2"]
    result = sally.run("curl", "-sS", "-w", "%{http_code}", f"http://origin.test:{web.port}/a",
                       rules=f"allow GET http://origin.test:{web.port}/** private", options=("--deadline", "connect=1"))
    assert result.out.endswith("504") and "timeout" in result.out, result
    assert result.of("outcome")[0]["end"] == "timeout"
    for sock in held:
        sock.close()


def test_an_origin_that_says_nothing(sally, plain_origin):
    done = threading.Event()
    web = plain_origin(lambda conn: done.wait(20))
    result = sally.run("curl", "-sS", "-w", "%{http_code}", f"http://origin.test:{web.port}/a",
                       rules=f"allow GET http://origin.test:{web.port}/** private", options=("--deadline", "first-byte=1"))
    done.set()
    assert result.out.endswith("504"), result


def test_an_origin_that_falls_silent(sally, plain_origin):
    done = threading.Event()

    def half(conn):
        conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        done.wait(20)

    web = plain_origin(half)
    result = sally.run("curl", "-sS", f"http://origin.test:{web.port}/a",
                       rules=f"allow GET http://origin.test:{web.port}/** private", options=("--deadline", "idle=1"))
    done.set()
    assert result.out == "half" and result.status == 18, result  # curl: transfer closed with bytes remaining
    assert result.of("outcome")[0]["end"] == "deadline"


def test_a_limit_must_be_one(sally):
    for text in ("head", "head=", "head=0", "head=x", "head=-1", "head=1000", "fields=1", "connections=0", "tea=5"):
        assert sally.run("true", rules="", options=("--at-most", text), check=False).status == 125


def test_a_deadline_must_be_one(sally):
    for text in ("idle", "idle=", "idle=0", "idle=x", "idle=-1", "tea=5"):
        assert sally.run("true", rules="", options=("--deadline", text), check=False).status == 125
