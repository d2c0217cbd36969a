"""Programs that never heard of proxies end in the gateway all the same."""

import pytest

SOCKET = """
import inside, socket, sys
family = {"4": socket.AF_INET, "6": socket.AF_INET6}[sys.argv[1]]
sock = inside.%s("origin.test", int(sys.argv[2]), family)
sock.sendall(inside.get("origin.test:" + sys.argv[2], "/a"))
status, headers, body, _ = inside.response(sock)
print(sock.getpeername()[0], status, body.decode())
"""


def test_curl_without_its_proxy_settings(sally, origin):
    web = origin()
    result = sally.run("curl", "-sS", "--noproxy", "*", f"https://origin.test:{web.port}/a",
                       rules=f"allow GET origin.test:{web.port}/** private")
    assert result.status == 0, result
    assert result.out == "hello GET /a\n"
    intent, = result.of("intent")
    assert (intent["way"], intent["host"]) == ("transparent", "origin.test")
    assert intent["wanted"].endswith(f":{web.port}")


@pytest.mark.parametrize("family,prefix", [("4", "198.1"), ("6", "fd53:616c:6c79:")])
def test_socket_with_tls(sally, origin, family, prefix):
    web = origin()
    result = sally.python(SOCKET % "tls", family, str(web.port), rules=f"allow GET origin.test:{web.port}/** private")
    assert result.status == 0, result
    address, status, body = result.out.split(" ", 2)
    assert address.startswith(prefix)
    assert (status, body) == ("200", "hello GET /a\n\n")


@pytest.mark.parametrize("family,prefix", [("4", "198.1"), ("6", "fd53:616c:6c79:")])
def test_socket_with_plain_http(sally, plain_origin, family, prefix):
    web = plain_origin()
    result = sally.python(SOCKET % "plain", family, str(web.port),
                          rules=f"allow GET http://origin.test:{web.port}/** private")
    assert result.status == 0, result
    assert result.out.startswith(prefix) and "hello GET /a" in result.out


def test_an_address_instead_of_a_name_is_judged_as_such(sally, plain_origin):
    web = plain_origin()
    command = ("curl", "-sS", "--noproxy", "*", "-w", "%{http_code}", f"http://192.0.2.1:{web.port}/")
    refused = sally.run(*command, rules=f"allow GET http://origin.test:{web.port}/** private")
    assert refused.out.endswith("403"), refused
    assert refused.of("intent")[0]["host"] == "192.0.2.1"


def test_loopback_inside_is_not_the_hosts(sally, plain_origin):
    web = plain_origin()
    result = sally.run("curl", "-sS", "--noproxy", "*", f"http://127.0.0.1:{web.port}/", rules="")
    assert result.status == 7, result  # curl: connection refused
    assert web.connections == 0


@pytest.mark.parametrize("family", ["4", "6"])
def test_a_host_that_no_rule_names_has_no_name(sally, origin, family):
    web = origin()
    result = sally.python(SOCKET % "tls", family, str(web.port), rules=f"allow GET other.test:{web.port}/** private")
    assert "gaierror" in result.err, result
    assert web.connections == 0
    assert {r["verdict"] for r in result.of("dns", host="origin.test")} == {"deny"}


def test_tls_to_a_captured_address_is_judged_by_the_name_it_asks_for(sally, origin):
    web = origin()
    script = """
import inside, socket, sys
sock = socket.create_connection(("192.0.2.7", int(sys.argv[1])), 30)
try:
    sock = inside.secure(sock, sys.argv[2])
except OSError as error:
    sys.exit(f"refused: {error}")
sock.sendall(inside.get(f"{sys.argv[2]}:{sys.argv[1]}", "/a"))
print(inside.response(sock)[2].decode())
"""
    rules = f"allow GET origin.test:{web.port}/** private"
    result = sally.python(script, str(web.port), "origin.test", rules=rules)
    assert "hello GET /a" in result.out, result
    # The name decides, and the name is what is dialled: never the address the client chose.
    assert result.of("outcome")[0]["address"] == f"127.0.0.1:{web.port}"
    refused = sally.python(script, str(web.port), "other.test", rules=rules)
    assert "refused" in refused.err, refused
    assert web.connections == 1


SILENT = """
import socket, sys
sock = socket.create_connection(("origin.test", int(sys.argv[1])), 20)
print(repr(sock.recv(10)) if sys.argv[2] == "stays" else "gone")
"""


@pytest.mark.parametrize("what, said", [("leaves", "gone"), ("stays", "b''")])
def test_who_says_nothing_where_nothing_is_allowed_is_on_record(sally, plain_origin, what, said):
    """Mail, say: the server would speak first."""
    web = plain_origin()
    result = sally.python(SILENT, "25", what, rules=f"allow GET http://origin.test:{web.port}/** private",
                          options=("--deadline", "head=1"))
    assert (result.status, result.out) == (0, said + "\n"), result
    intent, = result.of("intent")
    assert (intent["verdict"], intent["reason"], intent["host"], intent["port"]) == ("deny", "protocol", "origin.test", 25)
    assert intent["wanted"].endswith(":25")


@pytest.mark.parametrize("what, said", [("leaves", "gone"), ("stays", "b''")])
def test_who_says_nothing_where_something_is_allowed_asked_for_nothing(sally, plain_origin, what, said):
    web = plain_origin()
    result = sally.python(SILENT, str(web.port), what, rules=f"allow GET http://origin.test:{web.port}/** private",
                          options=("--deadline", "head=1"))
    assert (result.status, result.out) == (0, said + "\n"), result
    assert not result.of("intent") and web.connections == 0
