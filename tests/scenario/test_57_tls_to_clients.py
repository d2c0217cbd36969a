"""Clients' own TLS: which protocol is agreed on both sides, and who a client without SNI asked for."""
import pytest

pytestmark = pytest.mark.once

# argv: port, way, whom the leaf must name, protocols offered
CLIENT = """
import inside, socket, ssl, sys
port, way, name, offered = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4].split(",")
context = ssl.create_default_context()
context.check_hostname = False
if offered != ["-"]:
    context.set_alpn_protocols(offered)
sock = {"connect": lambda: inside.connect(name, port), "captured": lambda: inside.plain(name, port),
        "address": lambda: socket.create_connection((name, port), 30)}[way]()
try:
    tls = context.wrap_socket(sock, server_hostname="origin.test" if len(sys.argv) > 5 else None)
except ssl.SSLError as error:
    sys.exit(print("alert", error.reason))
host = f"{name}:{port}"
tls.sendall(inside.get(host, "/x"))
status = inside.response(tls)[0]
print(status, tls.selected_alpn_protocol(), *(f"{kind}={value}" for kind, value in tls.getpeercert()["subjectAltName"]))
"""


@pytest.mark.parametrize("way, name, kind", [("connect", "origin.test", "DNS"), ("captured", "origin.test", "DNS"),
                                             ("connect", "127.0.0.1", "IP Address"), ("address", "192.0.2.7", "IP Address")])
def test_clients_without_sni_are_served_by_where_they_went(sally, origin, ca, way, name, kind):
    web = origin(tls=ca.server_context("origin.test", "127.0.0.1"))
    result = sally.python(CLIENT, str(web.port), way, name, "-", rules=f"allow GET {name}:{web.port}/** private",
                          options=("--deadline", "connect=1"))
    # Nobody listens at the address that is captured: what matters is whom the leaf names.
    status, *said = result.out.split(" ", 2)
    assert said == ["None", f"{kind}={name}\n"] and status in (("502", "504") if way == "address" else ("200",)), result
    intent, = result.of("intent")
    assert (intent["verdict"], intent["host"], intent["port"]) == ("allow", name, web.port), result


def test_clients_without_sni_are_refused_where_the_rules_do_not_name_the_place(sally, origin):
    web = origin()
    for address in ("192.0.2.8", "198.51.100.1"):
        result = sally.python(CLIENT, str(web.port), "address", address, "-", rules=f"allow GET origin.test:{web.port}/** private")
        assert result.out.startswith("alert"), result
        assert result.of("intent")[0]["verdict"] == "deny" and web.connections == 0


@pytest.mark.parametrize("offered, said", [("http/1.1", "200 http/1.1"), ("h2,http/1.1", "200 http/1.1"), ("-", "200 None"), ("h2", "alert")])
def test_http_1_1_is_agreed_on_both_sides(sally, origin, ca, offered, said):
    """Whoever speaks HTTP/2 alone is told so in the handshake; the origin is never offered it, whatever the client speaks."""
    seen = []

    def note(conn):
        seen.append(conn.socket.selected_alpn_protocol())
        conn.reply(200, b"ok")

    context = ca.server_context("origin.test")
    context.set_alpn_protocols(["h2", "http/1.1"])
    web = origin(note, tls=context)
    result = sally.python(CLIENT, str(web.port), "connect", "origin.test", offered, "sni", rules=f"allow GET origin.test:{web.port}/** private")
    assert result.out.startswith(said), result
    assert seen == ([] if said == "alert" else ["http/1.1"])
