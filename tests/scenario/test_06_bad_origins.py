"""Origins that are dead, die or speak nonsense: one clear answer for the client, an end on record."""
import socket

import pytest

from harness.nameserver import SILENT


def fetch(sally, port, *options, scheme="http", host="origin.test", **keys):
    return sally.run("curl", "-sS", "-w", "\n%{http_code}", *options, f"{scheme}://{host}:{port}/x",
                     rules=f"allow * {scheme}://{host}:{port}/** private", **keys)


def code(result):
    return result.out.rsplit("\n", 1)[1]


def end(result):
    outcome, = result.of("outcome")
    return outcome["end"]


def test_nobody_listens(sally):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))  # bound and never listening: refused for as long as the test lasts
    result = fetch(sally, listener.getsockname()[1])
    assert code(result) == "502", result
    assert "127.0.0.1" in result.out and end(result) == "connect"
    listener.close()


def test_the_second_address_serves_when_the_first_is_dead(sally, plain_origin, nameserver):
    web = plain_origin()
    nameserver.names["origin.test"] = ["127.0.0.2", "127.0.0.1"]
    result = fetch(sally, web.port)
    assert code(result) == "200", result
    assert result.of("outcome")[0]["address"] == f"127.0.0.1:{web.port}"


def test_over_ipv6(sally, plain_origin, nameserver):
    web = plain_origin(host="::1")
    nameserver.names["origin.test"] = ["::1"]
    result = fetch(sally, web.port)
    assert code(result) == "200", result
    assert result.of("outcome")[0]["address"] == f"[::1]:{web.port}"


def test_a_name_that_does_not_exist(sally, nameserver):
    nameserver.names["origin.test"] = None
    result = fetch(sally, 8080)
    assert code(result) == "502", result
    assert "origin.test" in result.out


@pytest.mark.once
def test_a_dead_name_server(sally, nameserver):
    nameserver.names["origin.test"] = SILENT
    result = fetch(sally, 8080)
    assert code(result) in ("502", "504"), result


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_reset_after_the_request(sally, origin, plain_origin, scheme):
    web = (origin if scheme == "https" else plain_origin)(lambda conn: conn.reset())
    result = fetch(sally, web.port, scheme=scheme)
    assert code(result) == "502", result
    assert end(result) == "upstream-lost"
    assert len(web.requests) == 1  # a request that may have had an effect is not sent twice


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_closed_after_the_request(sally, origin, plain_origin, scheme):
    web = (origin if scheme == "https" else plain_origin)(lambda conn: conn.close())
    result = fetch(sally, web.port, scheme=scheme)
    assert code(result) == "502", result
    assert end(result) == "upstream-lost"


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("ending", ["reset", "close"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_cut_in_the_middle_of_a_body(sally, origin, plain_origin, scheme, ending, framing):
    def handler(conn):
        if framing == "length":
            conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nonly this")
        else:
            conn.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n")
        getattr(conn, ending)()

    web = (origin if scheme == "https" else plain_origin)(handler)
    result = fetch(sally, web.port, scheme=scheme)
    assert result.status in (18, 56), result  # curl: the transfer is not whole
    assert end(result) == "upstream-lost"


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_client_that_knows_no_chunks_sees_the_cut_too(sally, origin, plain_origin, scheme):
    """For HTTP/1.0 the end of the connection is the end of the body: the cut must not look like it."""
    def handler(conn):
        conn.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n")
        if conn.request.target == "/whole":
            conn.send(b"0\r\n\r\n")
        conn.close()

    web = (origin if scheme == "https" else plain_origin)(handler)
    command = ("curl", "-sS", "--http1.0", "--no-alpn")
    rules = f"allow GET {scheme}://origin.test:{web.port}/** private"
    whole = sally.run(*command, f"{scheme}://origin.test:{web.port}/whole", rules=rules)
    assert (whole.status, whole.out) == (0, "only this"), whole
    cut = sally.run(*command, f"{scheme}://origin.test:{web.port}/cut", rules=rules)
    assert cut.status == 56, cut


def test_a_body_that_ends_with_the_connection(sally, origin, plain_origin):
    def handler(conn):
        conn.send(b"HTTP/1.1 200 OK\r\n\r\nto the end")
        conn.close()

    for web, scheme in ((plain_origin(handler), "http"), (origin(handler), "https")):
        result = fetch(sally, web.port, scheme=scheme)
        assert (code(result), result.status) == ("200", 0), result
        assert result.out.startswith("to the end")
        assert end(result) == "complete"


def test_such_a_body_cut_under_tls_is_not_whole(sally, origin):
    def handler(conn):
        conn.send(b"HTTP/1.1 200 OK\r\n\r\nto the end")
        conn.socket.shutdown(socket.SHUT_RDWR)  # without TLS's own goodbye
        conn.keep = False

    result = fetch(sally, origin(handler).port, scheme="https")
    assert result.status != 0, result
    assert end(result) == "upstream-lost"


GARBAGE = {
    "no-http": b"SSH-2.0-OpenSSH_9.2\r\n",
    "bytes": bytes(range(256)) * 20,
    "http2": b"\0\0\x12\4\0\0\0\0\0\0\3\0\0\0\x64\0\4\0\x10\0\0\0\6\0\0@\0",
    "version": b"HTTP/9.9 200 OK\r\n\r\n",
    "status": b"HTTP/1.1 abc OK\r\n\r\n",
    "two-lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
    "length-and-chunked": b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "bad-length": b"HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabc",
    "huge-length": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nabc",
    "no-colon": b"HTTP/1.1 200 OK\r\nno colon here\r\n\r\n",
    "nul": b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 0\r\n\r\n",
    "huge-head": b"HTTP/1.1 200 OK\r\n" + b"X-Filler: " + b"a" * 4_000_000,
    "switch": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n",
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage(sally, plain_origin, name):
    def handler(conn):
        conn.send(GARBAGE[name])
        conn.close()

    web = plain_origin(handler)
    result = fetch(sally, web.port)
    assert code(result) == "502", result
    assert result.out.count("sallyport refused this request") == 1
    assert end(result) == "bad-response"


def test_a_bad_chunk_after_a_good_head(sally, plain_origin):
    def handler(conn):
        conn.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n")
        conn.close()

    result = fetch(sally, plain_origin(handler).port)
    assert result.status in (18, 56), result
    assert end(result) == "upstream-lost"


def test_bytes_after_a_response_are_no_response(sally, plain_origin):
    """Whoever sends two answers to one request does not get to answer the next one: at once or a moment later."""
    def handler(conn):
        first = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst"
        forged = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nforged"
        if conn.request.target == "/1":
            conn.send(first + forged)
        else:
            conn.send(first)
            conn.send(forged)

    web = plain_origin(handler)
    url = f"http://origin.test:{web.port}"
    result = sally.run("sh", "-c", f"curl -sS {url}/1 {url}/2; sleep 0.3; curl -sS {url}/3",
                       rules=f"allow GET http://origin.test:{web.port}/** private")
    assert result.out == "first" * 3, result
    assert len(web.requests) == 3
