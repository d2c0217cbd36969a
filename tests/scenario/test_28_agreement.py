"""
Everything that names the target must agree: each pair in turn, disagreeing and agreeing. A request that is read
is answered 421; TLS that asks for another name than its tunnel's is refused before the handshake, by an alert
(access_denied), for there is no certificate in whose name a 421 could be said. The origin hears of neither.
"""
import pytest

# argv: way, TLS or plain, the name the connection goes to, SNI, the form of the request line, Host; then the port
CLIENT = """
import inside, socket, ssl, struct, sys
way, wire, to, sni, line, host, port = sys.argv[1:]

def socks(name):
    sock = socket.create_connection(inside.proxy(), 30)
    sock.sendall(b"\\x05\\x01\\x00")
    assert sock.recv(2) == b"\\x05\\x00"
    sock.sendall(b"\\x05\\x01\\x00\\x03" + bytes([len(name)]) + name.encode() + struct.pack(">H", int(port)))
    assert sock.recv(10)[:2] == b"\\x05\\x00"
    return sock

sock = {"proxy": lambda: socket.create_connection(inside.proxy(), 30), "connect": lambda: inside.connect(to, port),
        "socks": lambda: socks(to), "captured": lambda: inside.plain(to, int(port)),
        "address": lambda: socket.create_connection(("192.0.2.7", int(port)), 30)}[way]()
if wire == "tls":
    try:
        sock = inside.secure(sock, sni)
    except ssl.SSLError as error:
        sys.exit(print("alert", error.reason))
target = "/x" if line == "-" else f"{'https' if wire == 'tls' else 'http'}://{line}:{port}/x"
sock.sendall(f"GET {target} HTTP/1.1\\r\\nHost: {host}:{port}\\r\\n\\r\\n".encode())
print(inside.response(sock)[0])
"""

A, B = "origin.test", "other.test"
ALERT = "alert TLSV1_ALERT_ACCESS_DENIED"
PAIRS = {  # who disagrees: (way, wire, to, SNI, request line, Host), the client's answer, the record's word
    "CONNECT and SNI": (("connect", "tls", A, B, "-", B), ALERT, "sni-mismatch"),
    "CONNECT and Host": (("connect", "tls", A, A, "-", B), "421", "host-mismatch"),
    "CONNECT and Host, plain": (("connect", "plain", A, "-", "-", B), "421", "host-mismatch"),
    "CONNECT and URL": (("connect", "tls", A, A, B, B), "421", "connect-mismatch"),
    "URL and Host": (("proxy", "plain", A, "-", A, B), "421", "host-mismatch"),
    "SNI and Host": (("address", "tls", "-", A, "-", B), "421", "host-mismatch"),
    "SNI and URL": (("address", "tls", "-", A, B, B), "421", "connect-mismatch"),
    "DNS door and SNI": (("captured", "tls", A, B, "-", B), ALERT, "sni-mismatch"),
    "DNS door and Host, TLS": (("captured", "tls", A, A, "-", B), "421", "host-mismatch"),
    "DNS door and Host": (("captured", "plain", A, "-", "-", B), "421", "host-mismatch"),
    "DNS door and URL": (("captured", "plain", A, "-", B, B), "421", "connect-mismatch"),
    "SOCKS and SNI": (("socks", "tls", A, B, "-", B), ALERT, "sni-mismatch"),
    "SOCKS and Host, TLS": (("socks", "tls", A, A, "-", B), "421", "host-mismatch"),
    "SOCKS and Host": (("socks", "plain", A, "-", "-", B), "421", "host-mismatch"),
    "SOCKS and URL": (("socks", "plain", A, "-", B, B), "421", "connect-mismatch"),
}


@pytest.mark.once
@pytest.mark.parametrize("who", PAIRS)
def test_names_that_disagree_are_refused_and_those_that_agree_pass(sally, origin, plain_origin, who):
    words, answer, reason = PAIRS[who]
    web = origin(names=(A, B)) if words[1] == "tls" else plain_origin()
    scheme = "https" if words[1] == "tls" else "http"
    rules = "\n".join(f"allow GET {scheme}://{name}:{web.port}/** private" for name in (A, B))

    result = sally.python(CLIENT, *words, str(web.port), rules=rules)
    assert result.out == f"{answer}\n", result
    intent, = result.of("intent")
    assert (intent["verdict"], intent["reason"]) == ("deny", reason), result
    assert web.connections == 0, "the origin was spoken to"

    result = sally.python(CLIENT, *(A if word == B else word for word in words), str(web.port), rules=rules)
    assert result.out == "200\n", result
    intent, = result.of("intent")
    assert (intent["verdict"], intent["host"]) == ("allow", A)
    assert web.paths() == [("GET", "/x")]


@pytest.mark.once
@pytest.mark.parametrize("way", ["connect", "socks", "captured"])
def test_ports_must_agree_too(sally, plain_origin, way):
    web = plain_origin()
    script = CLIENT.replace("{host}:{port}\\r", "{host}:1\\r")
    result = sally.python(script, way, "plain", A, "-", "-", A, str(web.port),
                          rules="\n".join(f"allow GET http://{A}:{port}/** private" for port in (web.port, 1)))
    assert result.out == "421\n" and result.of("intent")[0]["reason"] == "port-mismatch", result
    assert web.connections == 0


@pytest.mark.once
@pytest.mark.parametrize("host, port, word", [(B, "", "host-mismatch"), (A, "1", "port-mismatch"), (A, "", None), (A, None, None)])
def test_a_connect_must_agree_with_its_own_host(sally, origin, host, port, word):
    """The port may be left out, as some clients do."""
    web = origin()
    script = """
import inside, socket, sys
to, host = sys.argv[1:]
sock = socket.create_connection(inside.proxy(), 30)
sock.sendall(f"CONNECT {to} HTTP/1.1\\r\\nHost: {host}\\r\\n\\r\\n".encode())
print(sock.recv(12))
"""
    written = host + {None: "", "": f":{web.port}"}.get(port, f":{port}")
    result = sally.python(script, f"{A}:{web.port}", written,
                          rules="\n".join(f"allow GET {name}:{web.port}/**" for name in (A, B)))
    assert result.out == f"b'HTTP/1.1 {421 if word else 200}'\n", result
    assert [r["reason"] for r in result.of("intent")] == ([word] if word else []), result
    assert web.requests == []
