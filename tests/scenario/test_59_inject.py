"""`inject`: the origin hears a secret that the command never has."""
import hashlib
import hmac
import re
import signal

import pytest

from test_26_service import service  # noqa: F401: a fixture

SECRET = "s3cr3t-0f-the-h0use"
ENV = {"API_KEY": SECRET}


def heard(web, name="authorization"):
    """The values of this field in each request that the origin got."""
    return [[value for known, value in request.headers if known == name] for request in web.requests]


def inject(web, host="origin.test", header="Authorization", value='"Bearer ${env:API_KEY}"'):
    return f"inject {host}:{web.port} header {header} {value}"


def allow(web, host="origin.test", more=""):
    return f"allow * {host}:{web.port}/** private {more}"


def bytes_of(folder):
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_the_origin_hears_it_and_the_record_has_its_digest(sally, origin):
    web = origin()
    url = f"https://origin.test:{web.port}"
    result = sally.run("curl", "-sS", f"{url}/a", f"{url}/b", "-H", "Authorization: Bearer mine", "-H", "authorization: another",
                       rules=f"{allow(web)}\n{inject(web)}", env=ENV)
    assert result.out == "hello GET /a\nhello GET /b\n", result
    assert heard(web) == [[f"Bearer {SECRET}"]] * 2  # in place of what the client sent
    key = (sally.home / ".local/state/sallyport/digest.key").read_bytes()
    digest = "hmac-sha256:" + hmac.new(key, f"Bearer {SECRET}".encode(), hashlib.sha256).hexdigest()
    for intent in result.of("intent"):
        fields = [pair for pair in intent["request_headers"] if pair[0].lower() == "authorization"]
        assert fields == [["Authorization", digest]] and intent["injected"] == "Authorization", intent
    assert [r["injected"] for r in result.of("outcome")] == ["Authorization"] * 2
    assert SECRET.encode() not in bytes_of(result.record)


def test_the_command_does_not_have_it(sally, origin):
    web = origin()
    script = """
import glob, os
found = [name for name in os.environ if "API" in name.upper()]
for path in glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline"):
    try:
        found += [path] if b"s3cr3t" in open(path, "rb").read() else []
    except OSError:
        pass
print(found, os.environ["OTHER_KEY"])
"""
    result = sally.python(script, rules=f"{allow(web)}\n{inject(web)}", env={**ENV, "api_key": SECRET, "OTHER_KEY": "stays"})
    assert result.out == "[] stays\n", result
    without = sally.python("import os\nprint(os.environ['API_KEY'])", rules=allow(web), env=ENV)
    assert without.out == SECRET + "\n", without  # nothing injects it: it is as it was


def test_nobody_else_gets_it(sally, origin):
    """Neither another host nor another port, nor who a redirect leads to, nor who is spoken to in clear."""
    web = origin(names=("origin.test", "other.test"), handler=lambda conn: conn.reply(
        302, headers=[("Location", f"https://other.test:{web.port}/there")]) if conn.request.target == "/go" else conn.reply(200, b"ok\n"))
    next_door = origin()
    rules = "\n".join([allow(web), allow(web, "other.test"), allow(next_door), inject(web)])
    result = sally.run("curl", "-sSL", "--location-trusted", "-H", "Authorization: mine", f"https://origin.test:{web.port}/go",
                       f"https://origin.test:{next_door.port}/", rules=rules, env=ENV)
    assert result.status == 0, result
    assert [r.target for r in web.requests] == ["/go", "/there"]
    assert heard(web) == [[f"Bearer {SECRET}"], ["mine"]] and heard(next_door) == [["mine"]], result
    assert [r.get("injected") for r in result.of("intent")] == ["Authorization", None, None]


def test_a_refused_request_has_none(sally, origin):
    web = origin()
    rules = f"allow GET origin.test:{web.port}/yes private\n{inject(web)}"
    result = sally.run("curl", "-sS", f"https://origin.test:{web.port}/no", rules=rules, env=ENV)
    assert "no-rule" in result.out and SECRET not in result.out, result
    assert not web.requests and "injected" not in result.of("intent")[0]


def test_nor_has_a_tunnel(sally, origin):
    """Bytes that nobody reads are those of the client."""
    web = origin()
    script = """
import inside, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[2])
sock = context.wrap_socket(inside.connect("origin.test", int(sys.argv[1])), server_hostname="origin.test")
sock.sendall(inside.get("origin.test:" + sys.argv[1], "/t"))
print(inside.response(sock)[0])
"""
    pem = sally.write("origin-ca.pem", sally.upstream_ca.read_text())
    result = sally.python(script, str(web.port), str(pem), rules=f"tunnel origin.test:{web.port} private\n{inject(web)}", env=ENV, check=False)
    assert result.out == "200\n", result
    assert heard(web) == [[]] and "injected" not in result.of("intent")[0]


def test_trailers_are_no_way_round(sally, origin):
    seen = []

    def handler(conn):
        while (size := int(conn.line().split(b";")[0], 16)) > 0:
            conn.exactly(size + 2)
        while line := conn.line():
            seen.append(line)
        conn.reply(200, b"ok\n")
    web = origin(handler)
    script = """
import inside, sys
sock = inside.tls("origin.test", int(sys.argv[1]))
sock.sendall(inside.get("origin.test:" + sys.argv[1], "/", "POST", "Transfer-Encoding: chunked\\r\\nTrailer: X-House, X-Sum\\r\\n")
             + b"2\\r\\nhi\\r\\n0\\r\\nX-House: mine\\r\\nX-Sum: 1\\r\\n\\r\\n")
print(inside.response(sock)[0])
"""
    result = sally.python(script, str(web.port), rules=f"{allow(web)}\n{inject(web, header='X-House')}", env=ENV)
    assert result.out == "200\n", result
    assert seen == [b"X-Sum: 1"] and heard(web, "x-house") == [[f"Bearer {SECRET}"]]


def test_the_narrowest_host_and_several_headers(sally, origin):
    web = origin(names=("a.test.example", "b.test.example"))
    rules = "\n".join([allow(web, "*.test.example"), inject(web, "*.test.example", "X-Key", "${env:API_KEY}"),
                       inject(web, "b.test.example", "x-key", '"narrow ${env:API_KEY}"'), inject(web, "b.test.example", "X-Two", "${env:TWO}")])
    result = sally.run("curl", "-sS", *(f"https://{name}.test.example:{web.port}/" for name in "ab"), rules=rules, env={**ENV, "TWO": "2"})
    assert result.status == 0, result
    assert heard(web, "x-key") == [[SECRET], [f"narrow {SECRET}"]] and heard(web, "x-two") == [[], ["2"]]
    assert [r["injected"] for r in result.of("intent")] == ["X-Key", "x-key,X-Two"]


def test_a_file(sally, origin):
    """Beside the rules, its owner's alone, and hidden where the command could see it."""
    web = origin()
    sally.write("key.txt", SECRET + "\n").chmod(0o600)
    rules = f"{allow(web)}\n{inject(web, value='${file:key.txt}')}"
    result = sally.run("sh", "-c", f"cat key.txt; curl -sS https://origin.test:{web.port}/", rules=rules)
    assert SECRET not in result.out and result.out.endswith("hello GET /\n"), result
    assert heard(web) == [[SECRET]] and SECRET.encode() not in bytes_of(result.record)
    (sally.folder / "key.txt").chmod(0o644)
    assert "key.txt" in sally.run("true", rules=rules).err


@pytest.mark.parametrize("env, said", [({}, "the variable API_KEY is not set"), ({"API_KEY": ""}, "the variable API_KEY is empty"),
                                       ({"API_KEY": "a\r\nX: b"}, "no value of a header"), ({"API_KEY": "a\x01"}, "no value of a header"),
                                       ({"API_KEY": "x" * 9000}, "no value of a header")])
def test_without_its_value_nothing_starts(sally, env, said):
    sally.write("marker", "")
    result = sally.run("rm", "marker", rules="inject a.test header X-Key ${env:API_KEY}", env=env)
    assert result.status == 125 and "test.rules:1: inject X-Key: " in result.err and said in result.err, result
    assert (sally.folder / "marker").exists() and "a\r" not in result.err and not result.records


def test_not_to_whom_nobody_checks(sally, origin):
    web = origin()
    result = sally.run("curl", "-sS", f"https://origin.test:{web.port}/", rules=f"{allow(web, more='insecure untrusted')}\n{inject(web)}", env=ENV)
    assert "inject-insecure" in result.out and not web.requests, result
    assert result.of("intent")[0]["reason"] == "inject-insecure"


def test_not_to_be_brought_back(sally, origin):
    """TRACE is answered with the request; elsewhere it passes."""
    web, other = origin(), origin()
    urls = [f"https://origin.test:{w.port}/" for w in (web, other)]
    result = sally.run("curl", "-sS", "-X", "TRACE", *urls, rules=f"{allow(web)}\n{allow(other)}\n{inject(web)}", env=ENV)
    assert "inject-insecure" in result.out and not web.requests, result
    assert [r.method for r in other.requests] == ["TRACE"]


def test_explain_names_it(sally):
    page = sally.write("x.rules", "allow GET a.test/**\ninject a.test header X-Key ${env:NOWHERE}\n")
    result = sally.verb("rules", "explain", "--rules", page, "GET", "https://a.test/")
    assert re.search(r"X-Key is put in on its way \(.*x.rules:2\)", result.out), result
    assert "X-Key" not in sally.verb("rules", "explain", "--rules", page, "GET", "https://b.test/").out


def test_a_service_takes_it_anew(sally, service, origin):  # noqa: F811
    web = origin()
    key = sally.write("key.txt", "first")
    key.chmod(0o600)
    gateway = service(f"{allow(web)}\n{inject(web, value='${file:key.txt}')}")
    url = f"https://origin.test:{web.port}/"
    assert gateway.curl(url).stdout == "hello GET /\n"
    key.write_text("second")
    gateway.signal(signal.SIGHUP)
    gateway.hear("the new rules are in force")
    assert gateway.curl(url).stdout == "hello GET /\n"
    key.write_text("")
    gateway.signal(signal.SIGHUP)
    gateway.hear("the old rules stay in force")
    assert gateway.curl(url).stdout == "hello GET /\n"
    assert heard(web) == [["first"], ["second"], ["second"]]
    result = gateway.end()
    assert "is empty" in result.err and b"second" not in bytes_of(gateway.record)
