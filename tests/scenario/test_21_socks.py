"""Clients that speak SOCKS: names and addresses, judged like any other, refused in their own words."""
import pytest

pytestmark = pytest.mark.once

WAYS = ["socks5h", "socks4a"]


@pytest.mark.parametrize("way", WAYS)
def test_https_by_name(sally, origin, way):
    web = origin()
    result = sally.run("curl", "-sS", "-x", f"{way}://127.0.0.1:3128", f"https://origin.test:{web.port}/a",
                       rules=f"allow GET origin.test:{web.port}/** private")
    assert result.out == "hello GET /a\n", result
    intent, = result.of("intent")
    assert (intent["way"], intent["scheme"], intent["host"], intent["path"]) == ("socks", "https", "origin.test", "/a")


@pytest.mark.parametrize("way", WAYS + ["socks5", "socks4"])
def test_plain_http(sally, plain_origin, way):
    web = plain_origin()
    result = sally.run("curl", "-sS", "--noproxy", "", "-x", f"{way}://127.0.0.1:3128", f"http://127.0.0.1:{web.port}/a",
                       rules=f"allow GET http://127.0.0.1:{web.port}/** private")
    assert result.out == "hello GET /a\n", result


LOOKED_UP = ["socks5", "socks4", "connect"]


@pytest.mark.parametrize("way", LOOKED_UP)
@pytest.mark.parametrize("host,answer", [("origin.test", "hello"), ("other.test", "refused")])
def test_a_client_that_looks_the_name_up_itself(sally, origin, way, host, answer):
    """The DNS door made the address up: what is asked for is the name behind it, and no other."""
    web = origin(names=("origin.test", "other.test"))
    script = """
import inside, socket, struct, sys
host, way, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
address = socket.gethostbyname("origin.test")
sock = socket.create_connection(inside.proxy(), 30)
if way == "connect":
    sock = inside.connect(address, port)
else:
    packed = socket.inet_aton(address)
    if way == "socks5":
        sock.sendall(b"\\x05\\x01\\x00")
        assert sock.recv(2) == b"\\x05\\x00"
    sock.sendall(b"\\x05\\x01\\x00\\x01" + packed + struct.pack(">H", port) if way == "socks5" else
                 b"\\x04\\x01" + struct.pack(">H", port) + packed + b"\\x00")
    assert sock.recv(10)[1] in (0, 90)
try:
    tls = inside.secure(sock, host)
    tls.sendall(b"GET / HTTP/1.1\\r\\nHost: %s:%d\\r\\nConnection: close\\r\\n\\r\\n" % (host.encode(), port))
    print("hello" if b"hello" in tls.makefile("rb").read() else "nothing")
except OSError:
    print("refused")
"""
    result = sally.python(script, host, way, str(web.port), rules="\n".join(
        f"allow GET {name}.test:{web.port}/** private" for name in ("origin", "other")))
    assert result.out.split()[-1] == answer, result
    assert {r["host"] for r in result.of("intent")} == {"origin.test"}
    assert [r["reason"] for r in result.of("intent")] == ["allowed" if answer == "hello" else "sni-mismatch"]


@pytest.mark.parametrize("way,word", [("socks5h", "(2)"), ("socks4a", "91")])
def test_a_host_that_no_rule_names_is_refused_at_once(sally, origin, way, word):
    web = origin()
    result = sally.run("curl", "-sS", "-x", f"{way}://127.0.0.1:3128", f"https://other.test:{web.port}/a",
                       rules=f"allow GET origin.test:{web.port}/** private")
    assert result.status == 97 and word in result.err, result
    assert web.connections == 0
    intent, = result.of("intent")
    assert (intent["verdict"], intent["reason"], intent["host"]) == ("deny", "no-rule", "other.test")
    assert "allow GET other.test" in result.err  # what the summary advises


@pytest.mark.parametrize("way", WAYS)
def test_through_a_tunnel_statement(sally, origin, way):
    web = origin()
    result = sally.run("curl", "-sS", "-k", "-x", f"{way}://127.0.0.1:3128", f"https://origin.test:{web.port}/a",
                       rules=f"tunnel origin.test:{web.port} private", check=False)
    assert result.out == "hello GET /a\n", result
    outcome, = result.of("outcome")
    assert outcome["verdict"] == "tunnel"
    assert outcome["end"] in ("complete", "client-lost", "stopped")  # curl may leave before the origin said goodbye


def test_tls_for_another_name_inside_is_refused(sally, origin):
    web = origin()
    script = """
import inside, socket, struct, sys
sock = socket.create_connection(inside.proxy(), 30)
sock.sendall(b"\\x05\\x01\\x00")
assert sock.recv(2) == b"\\x05\\x00"
name = b"origin.test"
sock.sendall(b"\\x05\\x01\\x00\\x03" + bytes([len(name)]) + name + struct.pack(">H", int(sys.argv[1])))
assert sock.recv(10)[:2] == b"\\x05\\x00"
try:
    inside.secure(sock, "other.test")
except OSError as error:
    print("refused")
"""
    result = sally.python(script, str(web.port), rules="\n".join(
        f"allow GET {name}.test:{web.port}/** private" for name in ("origin", "other")))
    assert result.out == "refused\n", result
    assert result.of("intent")[0]["reason"] == "sni-mismatch"
    assert web.connections == 0


def test_only_connect_and_only_what_is_socks(sally):
    script = """
import inside, socket
def say(*messages):
    sock = socket.create_connection(inside.proxy(), 30)
    answers = []
    for message in messages:
        sock.sendall(message)
        answers.append(sock.recv(10))
    return answers
print(say(b"\\x05\\x01\\x02"))                                                  # wants a password
print(say(b"\\x05\\x01\\x00", b"\\x05\\x02\\x00\\x01\\x7f\\x00\\x00\\x01\\x00\\x50"))      # BIND
print(say(b"\\x05\\x01\\x00", b"\\x05\\x01\\x00\\x03\\x03a\\x00b\\x00\\x50"))             # a NUL in the name
print(say(b"\\x05\\x01\\x00", b"\\x05\\x01\\x00\\x03\\x04a:80\\x00\\x50"))               # a port in the name
print(say(b"\\x04\\x02\\x00\\x50\\x00\\x00\\x00\\x01u\\x00a.test\\x00"))                 # BIND of 4a
"""
    result = sally.python(script, rules="")
    assert result.out.splitlines() == [
        r"[b'\x05\xff']",
        r"[b'\x05\x00', b'\x05\x07\x00\x01\x00\x00\x00\x00\x00\x00']",
        r"[b'\x05\x00', b'']",
        r"[b'\x05\x00', b'\x05\x01\x00\x01\x00\x00\x00\x00\x00\x00']",
        r"[b'\x00[\x00\x00\x00\x00\x00\x00']",
    ], result
    assert {r["reason"] for r in result.of("intent")} == {"socks"}
