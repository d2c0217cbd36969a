"""TLS sessions taken up again: a client's ticket opens its own host alone; an origin's session keeps its certificate."""
import ssl

import pytest

from harness.ca import CA

pytestmark = pytest.mark.once

VERSIONS = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}

TICKETS = """
import inside, ssl, sys
version = getattr(ssl.TLSVersion, sys.argv[1])
context = ssl.create_default_context()
context.minimum_version = context.maximum_version = version

def visit(host, session=None):
    # The handshake by hand, so that the ClientHello can be looked at.
    raw, to_us, to_them = inside.plain(host, 443), ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(to_us, to_them, server_hostname=host, session=session)
    sent, done, answer = b"", False, b""
    def step(what):
        nonlocal sent
        while True:
            try:
                return what()
            except ssl.SSLWantReadError:
                out = to_them.read()
                sent = sent or out
                raw.sendall(out)
                data = raw.recv(65536)
                to_us.write(data) if data else to_us.write_eof()
    step(tls.do_handshake)
    tls.write(inside.get(host, headers="Connection: close\\r\\n"))
    raw.sendall(to_them.read())
    while b"\\r\\n\\r\\n" not in answer:
        answer += step(lambda: tls.read(65536))
    names = [value for kind, value in tls.getpeercert()["subjectAltName"]]
    print(host, tls.session_reused, names == [host], len(sent), answer.split()[1].decode())
    return tls.session

first = visit("a.test")
visit("a.test", first)
second = visit("a.test", first)
visit("b.test", second)
visit("b.test")
"""


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_a_ticket_opens_its_own_host_alone(sally, version):
    """Whichever worker the client comes to. For another host it is no ticket, and no error either."""
    result = sally.python(TICKETS, version, rules="allow GET a.test/x\nallow GET b.test/x")
    assert result.status == 0, result
    seen = [line.split() for line in result.out.splitlines()]
    assert [(host, reused, name) for host, reused, name, _, _ in seen] == [
        ("a.test", "False", "True"), ("a.test", "True", "True"), ("a.test", "True", "True"),
        ("b.test", "False", "True"), ("b.test", "False", "True")], result
    assert {status for *_, status in seen} == {"403"}  # no path but /x: read, judged and refused, resumed or not
    sizes = [int(size) for *_, size, _ in seen]
    # The client did bring a's ticket to b: its ClientHello is larger by it (TLS 1.3's is padded to 517 without).
    assert sizes[3] > sizes[4] or sizes[3] > 517, result
    assert len(result.of("intent", host="a.test", reason="no-rule")) == 3


def context_for(ca, version, *names, days=(-1, 20)):
    context = ca.server_context(*names, days=days)
    context.minimum_version = context.maximum_version = VERSIONS[version]
    return context


@pytest.fixture
def closing(origin):
    """An origin that ends each connection, so that every request needs another handshake; says whether it was resumed."""
    def make(tls, then=lambda web: None):
        def answer(conn):
            then(web)
            conn.reply(200, b"resumed\n" if conn.socket.session_reused else b"full\n", [("Connection", "close")])
            conn.close()
        web = origin(answer, tls=tls)
        return web
    return make


def ask(sally, web, rules, *paths):
    """All over one client connection: sessions with origins belong to a worker, as that does."""
    urls = [f"https://origin.test:{web.port}/{path}" for path in paths]
    return sally.run("curl", "-sS", "-w", "%{http_code}\n", *urls, rules="\n".join(rules))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_with_an_origin_is_resumed(sally, closing, ca, version):
    web = closing(context_for(ca, version, "origin.test"))
    result = ask(sally, web, [f"allow GET origin.test:{web.port}/** private"], "1", "2", "3", "4")
    assert result.out == "full\n200\n" + "resumed\n200\n" * 3, result
    outcomes = result.of("outcome")
    assert len({r["origin_cert"] for r in outcomes}) == 1 and len(outcomes[0]["origin_cert"]) == 64
    assert {r["tls_version"] for r in outcomes} == {f"TLSv{version}"}


@pytest.mark.parametrize("version", VERSIONS)
def test_an_origin_that_has_forgotten_the_session(sally, closing, ca, version):
    """It shows another certificate: that one is judged and recorded."""
    def renew(web):
        web.tls = context_for(ca, version, "origin.test")
    web = closing(context_for(ca, version, "origin.test"), renew)
    result = ask(sally, web, [f"allow GET origin.test:{web.port}/** private"], "1", "2")
    assert result.out == "full\n200\nfull\n200\n", result
    assert len({r["origin_cert"] for r in result.of("outcome")}) == 2


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_is_no_excuse_for_the_next_certificate(sally, closing, ca, base, version):
    stranger = CA(base / "stranger-of-sessions", "Somebody Else")

    def swap(web):
        web.tls = context_for(stranger, version, "origin.test")
    web = closing(context_for(ca, version, "origin.test"), swap)
    result = ask(sally, web, [f"allow GET origin.test:{web.port}/** private"], "1", "2")
    assert result.out.startswith("full\n200\n") and result.out.endswith("502\n"), result
    assert [r["end"] for r in result.of("outcome")] == ["complete", "chain"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_session_serves_only_the_trust_it_was_made_under(sally, closing, ca, version):
    """Made where a rule relaxes a check, it says nothing where none does."""
    web = closing(context_for(ca, version, "origin.test", days=(-10, -1)))
    host = f"origin.test:{web.port}"
    result = ask(sally, web, [f"allow GET {host}/loose/** private insecure expired", f"allow GET {host}/strict private"],
                 "loose/1", "strict", "loose/2")
    assert result.out.startswith("full\n200\n") and result.out.endswith("resumed\n200\n"), result
    assert [(r["path"], r["end"]) for r in result.of("outcome")] == [
        ("/loose/1", "complete"), ("/strict", "expired"), ("/loose/2", "complete")]
