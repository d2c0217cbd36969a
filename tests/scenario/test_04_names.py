"""The DNS door: names that the rules know, and nothing else; nothing else over UDP either."""
import time

QUERY = r"""
import socket, struct, sys, time

def query(name, kind, server=("127.0.0.1", 53), tcp=False, cls=1):
    labels = b"".join(bytes([len(l)]) + l.encode() for l in name.split("."))
    message = struct.pack(">HHHHHH", 0x1234, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", kind, cls)
    if tcp:
        sock = socket.create_connection(server, 10)
        sock.sendall(struct.pack(">H", len(message)) + message)
        return sock.recv(4096)[2:]
    sock = socket.socket(socket.AF_INET6 if ":" in server[0] else socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(10)
    sock.sendto(message, server)
    answer, peer = sock.recvfrom(4096)
    assert peer[:2] == server, peer  # as if it had been answered where it was asked
    return answer

def show(answer):
    flags, _, n = struct.unpack_from(">HHH", answer, 2)
    return flags & 15, n, answer[-16:] if n else b""
"""


def ask(sally, text, rules="allow GET origin.test/**"):
    result = sally.python(QUERY + text, rules=rules)
    assert result.status == 0, result
    return result


def test_an_allowed_name_has_an_address_of_each_kind(sally, nameserver):
    result = ask(sally, """
code, n, data = show(query("origin.test", 1))
print(code, n, socket.inet_ntoa(data[-4:]))
code, n, data = show(query("origin.test", 28))
print(code, n, socket.inet_ntop(socket.AF_INET6, data))
""")
    first, second = result.out.splitlines()
    assert first.startswith("0 1 198.18.")
    assert second.startswith("0 1 fd53:616c:6c79:")
    assert nameserver.queries == []  # the door forwards nothing
    assert [(r["host"], r["verdict"], r["detail"]) for r in result.of("dns")] == \
        [("origin.test", "allow", "A"), ("origin.test", "allow", "AAAA")]


def test_an_unknown_name_does_not_exist(sally, nameserver):
    result = ask(sally, """
for kind in (1, 28, 16):
    print(show(query("secret-data.attacker.example", kind))[:2])
""")
    assert result.out.splitlines() == ["(3, 0)"] * 3
    assert nameserver.queries == []
    assert {r["verdict"] for r in result.of("dns")} == {"deny"}


def test_other_types_of_an_allowed_name_are_empty(sally):
    result = ask(sally, """
for kind in (16, 15, 33, 65, 255):
    print(show(query("origin.test", kind))[:2])
""")
    assert result.out.splitlines() == ["(0, 0)"] * 5


def test_over_tcp_and_at_any_address(sally):
    result = ask(sally, """
print(show(query("origin.test", 1, tcp=True))[:2], show(query("other.test", 1, tcp=True))[:2])
print(show(query("origin.test", 1, ("192.0.2.53", 53)))[:2], show(query("other.test", 1, ("192.0.2.53", 53)))[:2])
print(show(query("origin.test", 1, ("2001:db8::53", 53)))[:2], show(query("other.test", 1, ("2001:db8::53", 53)))[:2])
""")
    assert result.out.splitlines() == ["(0, 1) (3, 0)"] * 3


def test_nonsense_is_not_answered_with_nonsense(sally):
    result = ask(sally, r"""
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for junk in (b"", b"x", b"\0" * 12, b"\xff" * 600, b"\x12\x34\x01\0\0\1\0\0\0\0\0\0\xc0\x0c\0\1\0\1"):
    sock.sendto(junk, ("127.0.0.1", 53))
print(show(query("origin.test", 1))[:2])
""")
    assert result.out == "(0, 1)\n"


def test_localhost_is_inside(sally):
    result = ask(sally, """
print(socket.inet_ntoa(show(query("localhost", 1))[2][-4:]), show(query("localhost.attacker.example", 1))[0])
""")
    assert result.out == "127.0.0.1 3\n"


def test_other_udp_is_refused_at_once(sally):
    result = ask(sally, """
for family, address in ((socket.AF_INET, ("192.0.2.1", 443)), (socket.AF_INET6, ("2001:db8::1", 443))):
    sock = socket.socket(family, socket.SOCK_DGRAM)
    sock.settimeout(20)
    sock.connect(address)
    try:
        # Either call may bring the news: it must come, and not as a timeout.
        sock.send(b"hello")
        sock.recv(100)
    except TimeoutError:
        print("silence")
    except OSError as error:
        print(type(error).__name__)
""")
    words = result.out.split()
    assert len(words) == 2 and "silence" not in words, result


def test_an_answer_is_kept_as_long_as_it_says(sally, plain_origin, nameserver):
    """The upstream side: asked once within its life, of a second here, and anew after it."""
    def once(conn):
        conn.reply(200, b"ok", [("Connection", "close")])
        conn.close()

    web = plain_origin(once)
    script = """
import subprocess, sys
def ask():
    subprocess.run(["curl", "-sS", "-o", "/dev/null", f"http://origin.test:{sys.argv[1]}/"], check=True)
for _ in range(5):
    ask()
print("five", flush=True)
input()
ask()
"""
    run = sally.start_python(script, str(web.port), rules=f"allow GET http://origin.test:{web.port}/** private", options=("--workers", "1"))
    assert run.process.stdout.readline() == "five\n"
    few = len(nameserver.queries)
    time.sleep(2.5)
    assert run.finish(input="\n").status == 0
    assert 0 < few <= 4 and len(nameserver.queries) > few, nameserver.queries
    assert len(web.requests) == 6
