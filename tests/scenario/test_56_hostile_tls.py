"""TLS that tries to be read in two ways: hellos in pieces, names in odd forms, early data; origins that talk the gateway down."""
import struct

import pytest

pytestmark = pytest.mark.once

# argv: the port, how to spoil the hello, the name to ask for. Says the status, or that it ended.
CLIENT = """
import inside, socket, ssl, struct, sys
port, how, name, opened = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4] != "tunnel"
context = ssl.create_default_context()
if not opened:  # the origin's own certificate, from a house that nobody in here knows
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
wire_in, wire_out = ssl.MemoryBIO(), ssl.MemoryBIO()
tls = context.wrap_bio(wire_in, wire_out, server_hostname="origin.test")
try:
    tls.do_handshake()
except ssl.SSLWantReadError:
    pass
hello = wire_out.read()
message = hello[5:]

def records(*pieces):
    return b"".join(b"\\x16\\3\\1" + struct.pack(">H", len(piece)) + piece for piece in pieces)

def with_sni(content):
    at = message.index(b"origin.test") - 9  # the extension's type
    old = struct.unpack(">H", message[at + 2:at + 4])[0]
    new = message[:at] + struct.pack(">HH", 0, len(content)) + content + message[at + 4 + old:]
    grown = len(content) - old
    # the lengths around it: of the message and of the extensions
    head = 4 + 2 + 32
    head += 1 + new[head]
    head += 2 + struct.unpack(">H", new[head:head + 2])[0]
    head += 1 + new[head]
    total = struct.unpack(">H", new[head:head + 2])[0] + grown
    new = new[:head] + struct.pack(">H", total) + new[head + 2:]
    return records(new[:1] + struct.pack(">I", len(new) - 4)[1:] + new[4:])

def names(*entries):
    listed = b"".join(bytes([kind]) + struct.pack(">H", len(text)) + text for kind, text in entries)
    return struct.pack(">H", len(listed)) + listed

N = name.encode()
spoiled = {
    "as it is": lambda: hello,
    "in halves": lambda: records(message[:100], message[100:]),
    "byte by byte": lambda: records(*(message[i:i + 1] for i in range(len(message)))),
    "an empty record": lambda: records(b"", message),
    "an empty record within": lambda: records(message[:100], b"", message[100:]),
    "an alert within": lambda: records(message[:100]) + b"\\x15\\3\\1\\0\\2\\1\\0" + records(message[100:]),
    "more behind it": lambda: records(message + b"\\1"),
    "a second one behind it": lambda: records(message + message),
    "another kind of message": lambda: records(b"\\2" + message[1:]),
    "a length that lies": lambda: records(message[:1] + b"\\0\\0\\x10" + message[4:]),
    "SSL 2": lambda: b"\\x80\\x2e\\1\\3\\1\\0\\x15\\0\\0\\0\\x10" + bytes(40),
    "the name": lambda: with_sni(names((0, N))),
    "no name in the list": lambda: with_sni(names()),
    "nothing": lambda: with_sni(b""),
    "the name twice": lambda: with_sni(names((0, N), (0, N))),
    "two names": lambda: with_sni(names((0, N), (0, b"other.test"))),
    "another kind of name": lambda: with_sni(names((1, N))),
    "more behind the name": lambda: with_sni(names((0, N)) + b"x"),
}[how]()
sock = inside.connect("origin.test", port)
try:
    sock.sendall(spoiled)
    while True:
        try:
            tls.do_handshake()
            break
        except ssl.SSLWantReadError:
            sock.sendall(wire_out.read())
            data = sock.recv(65536)
            if not data:
                sys.exit(print("ended"))
            wire_in.write(data)
    tls.write(inside.get(f"origin.test:{port}", "/x"))
    sock.sendall(wire_out.read())
    while True:
        try:
            print(tls.read(12)[9:].decode())
            break
        except ssl.SSLWantReadError:
            wire_in.write(sock.recv(65536))
except (ssl.SSLError, OSError) as error:
    print("ended")
"""

# What is done to the hello: the record's word. None: it has one reading, so it goes on, and ends where the two ends
# find that they saw different hellos, or that one of them cannot join the pieces.
HELLOS = {
    ("as it is", "origin.test"): "served", ("in halves", "origin.test"): "served", ("byte by byte", "origin.test"): None,
    ("an empty record", "origin.test"): "clienthello", ("an empty record within", "origin.test"): "clienthello",
    ("an alert within", "origin.test"): "clienthello", ("more behind it", "origin.test"): "clienthello",
    ("a second one behind it", "origin.test"): "clienthello", ("another kind of message", "origin.test"): "clienthello",
    ("a length that lies", "origin.test"): "clienthello", ("SSL 2", "origin.test"): "protocol",
    ("the name", "origin.test"): None, ("the name", "ORIGIN.TEST"): None, ("the name", "origin.test."): None,
    ("the name", "other.test"): "sni-mismatch", ("the name", "127.0.0.1"): "clienthello", ("the name", "origin.test:443"): "clienthello",
    ("the name", "origin.test%00"): "clienthello", ("the name", "u@origin.test"): "clienthello", ("the name", "*.test"): "clienthello",
    ("the name", "origin.test,other.test"): "clienthello", ("the name", "a" * 300): "clienthello", ("no name in the list", "-"): "clienthello",
    ("nothing", "-"): "clienthello", ("the name twice", "origin.test"): "clienthello", ("two names", "origin.test"): "clienthello",
    ("another kind of name", "origin.test"): "clienthello", ("more behind the name", "origin.test"): "clienthello",
}


@pytest.mark.parametrize("statement", ["allow GET", "tunnel"])
def test_hellos(sally, origin, statement):
    """Opened or passed through a tunnel: a hello that can be read in one way, for this host, or none."""
    web = origin()
    rules = f"allow GET origin.test:{web.port}/** private" if statement != "tunnel" else f"tunnel origin.test:{web.port} private"
    wrong = []
    for (how, name), word in HELLOS.items():
        before = len(web.requests)
        result = sally.python(CLIENT, str(web.port), how, name, statement, rules=rules, check=statement != "tunnel")
        said = result.out.strip()
        if statement == "tunnel":
            # A client that does not begin like TLS is none of the tunnel's affair; its bytes are the origin's to refuse.
            words = [r["end"] for r in result.of("outcome") if r["end"] in ("clienthello", "sni-mismatch", "protocol")]
            word = None if word == "protocol" else word
        else:
            words = [r["reason"] for r in result.of("intent", verdict="deny")]
        served = len(web.requests) - before
        if word == "served":
            good = not words and served == 1
        elif word is None:
            good = set(words) <= {"client-tls"} and served <= 1
        else:
            good = words == [word] and said == "ended" and served == 0
        if not good:
            wrong.append(f"{how} {name[:30]}: {said} {words} served {served}, wanted {word}")
    assert not wrong, "\n".join(wrong)


def test_early_data_is_not_taken(sally, origin):
    """Nobody can repeat what they overheard: a ticket lets no request into the first flight."""
    web = origin()
    host = f"origin.test:{web.port}"
    script = f"""
printf 'GET /early HTTP/1.1\\r\\nHost: {host}\\r\\nConnection: close\\r\\n\\r\\n' > early
printf 'GET /late HTTP/1.1\\r\\nHost: {host}\\r\\nConnection: close\\r\\n\\r\\n' > late
ask() {{ cat late - | openssl s_client -proxy "${{http_proxy#http://}}" -connect {host} -servername origin.test -tls1_3 -ign_eof "$@" 2>&1; }}
ask -sess_out session < /dev/null > first
ask -sess_in session -early_data early < /dev/null > second
grep -h -o -E 'Reused, TLSv1.3|Early data was [a-z ]*|Max Early Data: [0-9]+' first second | sort | uniq -c
"""
    result = sally.run("sh", "-c", script, rules=f"allow GET {host}/** private")
    assert "Early data was accepted" not in result.out and "Early data was not sent" in result.out, result
    assert set(web.paths()) == {("GET", "/late")}, result


def server_hello(random, version=b"\3\3", suite=b"\xc0\x2b"):
    """Of TLS 1.2, with no more in it than has to be."""
    body = version + random + b"\0" + suite + b"\0" + struct.pack(">H", 5) + b"\xff\x01\0\1\0"
    message = b"\2" + struct.pack(">I", len(body))[1:] + body
    return b"\x16\3\3" + struct.pack(">H", len(message)) + message


@pytest.mark.parametrize("kind", ["honest", "1.3 talked down to 1.2", "1.3 talked down to 1.1", "TLS 1.1", "TLS 1.0", "SSL 3", "CBC", "static RSA", "no suite offered"])
def test_an_origin_that_talks_the_gateway_down(sally, plain_origin, kind):
    """RFC 8446 4.1.3: whoever speaks 1.3 and is made to speak less says so in its random, and the client must see it."""
    random = b"r" * 24 + {"1.3 talked down to 1.2": b"DOWNGRD\1", "1.3 talked down to 1.1": b"DOWNGRD\0"}.get(kind, b"r" * 8)
    version = {"TLS 1.1": b"\3\2", "TLS 1.0": b"\3\1", "SSL 3": b"\3\0"}.get(kind, b"\3\3")
    suite = {"CBC": b"\xc0\x23", "static RSA": b"\0\x9c", "no suite offered": b"\0\xff"}.get(kind, b"\xc0\x2b")
    heard = []

    def talk(conn):
        conn.exactly(struct.unpack(">H", conn.exactly(5)[3:])[0])
        conn.send(server_hello(random, version, suite))
        try:
            while True:
                conn.more()
        finally:
            heard.append(conn.buffer)

    web = plain_origin(raw=talk)
    result = sally.run("curl", "-sS", "-w", "%{http_code}", "-o", "body", f"https://origin.test:{web.port}/x",
                       rules=f"allow GET origin.test:{web.port}/** private", options=("--deadline", "handshake=2", "--deadline", "connect=2"))
    outcome, = result.of("outcome")
    if kind == "honest":
        assert result.out == "504" and outcome["end"] == "timeout", result  # it waits for the certificate
    else:
        assert result.out == "502" and outcome["end"].startswith("tls"), result
        assert heard[0][:1] == b"\x15" and heard[0][5:6] == b"\2" and len(heard[0]) == 7, heard  # a fatal alert, nothing else
