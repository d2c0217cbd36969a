"""Connections that nobody opens: only where a statement says so, and only to the host it names."""
import pytest

pytestmark = pytest.mark.once


def echo(conn):
    """A server that speaks first, then sends back what it gets until its client is done, then says goodbye."""
    conn.send(b"220 ready\r\n")
    try:
        while True:
            conn.more()
            data, conn.buffer = conn.buffer, b""
            conn.send(data.upper())
    except Exception:
        conn.send(b"bye\r\n")


CLIENT = """
import inside, socket, sys
port = int(sys.argv[1])
def talk(sock):
    first = sock.recv(100)
    sock.sendall(b"some words")
    sock.shutdown(socket.SHUT_WR)
    return first, inside.everything(sock)
"""


@pytest.mark.parametrize("way", ["connect", "plain"])
def test_a_server_that_speaks_first(sally, plain_origin, way):
    web = plain_origin(raw=echo)
    result = sally.python(CLIENT + f"print(talk(inside.{way}('origin.test', port)))", str(web.port),
                          rules=f"tunnel origin.test:{web.port} private")
    assert result.out == str((b"220 ready\r\n", b"SOME WORDSbye\r\n")) + "\n", result
    intent, = result.of("intent")
    outcome, = result.of("outcome")
    assert (intent["verdict"], intent["scheme"], intent["host"]) == ("tunnel", "tcp", "origin.test")
    assert (outcome["request_bytes"], outcome["response_bytes"], outcome["end"]) == (10, 26, "complete")


def test_without_a_statement_it_is_refused_with_the_address_wanted(sally, plain_origin):
    web = plain_origin(raw=echo)
    result = sally.python(CLIENT + """
sock = socket.create_connection(("192.0.2.9", port), 30)
sock.sendall(b"\\x00\\x01binary")
print(inside.everything(sock))
""", str(web.port), rules=f"tunnel origin.test:{web.port} private")
    assert result.out == "b''\n", result
    intent, = result.of("intent")
    assert (intent["verdict"], intent["reason"], intent["wanted"]) == ("deny", "protocol", f"192.0.2.9:{web.port}")
    assert web.connections == 0


def test_another_port_is_another_thing(sally, plain_origin):
    web = plain_origin(raw=echo)
    result = sally.python(CLIENT + """
try:
    inside.connect("origin.test", port)
except ConnectionError as error:
    print(str(error)[:12])
""", str(web.port), rules="tunnel origin.test:1 private")
    assert result.out == "HTTP/1.1 403\n", result


@pytest.mark.parametrize("way", ["connect", "plain"])
def test_tls_passes_unopened_when_it_asks_for_the_host(sally, origin, way):
    web = origin()
    result = sally.python(CLIENT + f"""
import ssl
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
sock = context.wrap_socket(inside.{way}("origin.test", port), server_hostname="origin.test")
sock.sendall(inside.get("origin.test:" + sys.argv[1], "/pinned"))
print(inside.response(sock)[2], b"Scenario CA" in sock.getpeercert(True))
""", str(web.port), rules=f"tunnel origin.test:{web.port} private", check=False)
    assert result.out == "b'hello GET /pinned\\n' True\n", result


@pytest.mark.parametrize("way", ["connect", "plain"])
def test_tls_for_another_host_does_not_pass(sally, origin, way):
    web = origin()
    result = sally.python(CLIENT + f"""
import ssl
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
try:
    context.wrap_socket(inside.{way}("origin.test", port), server_hostname="fronted.test")
except ssl.SSLError as error:
    print(error.reason)
""", str(web.port), rules=f"tunnel origin.test:{web.port} private")
    assert result.out == "TLSV1_ALERT_ACCESS_DENIED\n", result
    outcome, = result.of("outcome")
    assert (outcome["end"], outcome["request_bytes"]) == ("sni-mismatch", 0)


def test_a_tunnel_to_nobody(sally, plain_origin, nameserver):
    nameserver.names["origin.test"] = None
    result = sally.python(CLIENT + """
try:
    inside.connect("origin.test", port)
except ConnectionError as error:
    print(str(error)[:12])
sock = inside.plain("origin.test", port)
sock.sendall(b"hello")
print(inside.everything(sock))
""", "9", rules="tunnel origin.test:9 private")
    assert result.out == "HTTP/1.1 502\nb''\n", result
    assert [r["end"] for r in result.of("outcome")] == ["name", "name"]


def test_tunnels_are_not_for_receive_only_runs(sally, plain_origin):
    web = plain_origin(raw=echo)
    result = sally.python(CLIENT + """
try:
    inside.connect("origin.test", port)
except ConnectionError as error:
    print(str(error)[:12])
""", str(web.port), rules=f"mode receive-only\ntunnel origin.test:{web.port} private")
    assert result.out == "HTTP/1.1 403\n", result
    assert web.connections == 0
