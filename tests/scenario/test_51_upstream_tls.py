"""Rules that say whom an origin may be vouched for by (`ca`) and what it is shown (`cert`, `key`): for those hosts alone."""
import ssl

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from harness.ca import CA
from test_26_service import service  # noqa: F401: a fixture

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def house(base):
    """The CA of a house, which no bundle holds."""
    return CA(base / "house", "House CA")


@pytest.fixture(scope="module")
def client_ca(base):
    return CA(base / "clients", "Client CA")


def put(sally, name, source, mode=0o644):
    path = sally.write(name, source.read_text())
    path.chmod(mode)
    return path


@pytest.fixture
def identity(sally, client_ca):
    """client.pem: a certificate and its key in one file."""
    return put(sally, "client.pem", client_ca.issue("the-client.test", usage=ExtendedKeyUsageOID.CLIENT_AUTH), 0o600)


def who(conn):
    """Answers with the name of the client's certificate."""
    shown = conn.socket.getpeercert()
    conn.reply(200, (dict(x[0] for x in shown["subject"])["commonName"] if shown else "nobody").encode() + b"\n")


def asking(ca, client_ca, *names, mode=ssl.CERT_OPTIONAL, version=ssl.TLSVersion.TLSv1_3):
    context = ca.server_context(*names)
    context.maximum_version = version
    context.verify_mode = mode
    context.load_verify_locations(client_ca.pem)
    return context


def ask(sally, rules, *urls, **keys):
    return sally.run("curl", "-sS", "-w", "%{http_code}\n", *urls, rules="\n".join(rules), **keys)


# ---- ca


def test_a_ca_for_one_host(sally, origin, house):
    """Beside the rules file; for the host that says so, not for the one next to it."""
    put(sally, "house.pem", house.pem)
    web = origin(tls=house.server_context("a.test", "b.test"))
    result = ask(sally, [f"allow GET a.test:{web.port}/** private ca house.pem", f"allow GET b.test:{web.port}/** private"],
                 f"https://a.test:{web.port}/1", f"https://b.test:{web.port}/2")
    assert result.out.startswith("hello GET /1\n200\n") and result.out.endswith("502\n"), result
    assert [(r["host"], r["end"]) for r in result.of("outcome")] == [("a.test", "complete"), ("b.test", "chain")]
    event, = result.of("event", reason="upstream-files")
    assert "test.rules:1 ca house.pem sha256 " in event["detail"]


def test_a_ca_is_in_addition(sally, origin, house):
    put(sally, "house.pem", house.pem)
    web = origin()  # of the CA that --upstream-ca names
    result = ask(sally, [f"allow GET origin.test:{web.port}/** private ca house.pem"], f"https://origin.test:{web.port}/")
    assert result.out.endswith("200\n"), result


def test_what_it_vouches_for_is_still_checked(sally, origin, house):
    put(sally, "house.pem", house.pem)
    web = origin(tls=house.server_context("elsewhere.test"))
    result = ask(sally, [f"allow GET origin.test:{web.port}/** private ca house.pem"], f"https://origin.test:{web.port}/")
    assert result.out.endswith("502\n") and result.of("outcome")[0]["end"] == "name", result


@pytest.mark.parametrize("permitted, end", [("origin.test", "complete"), ("elsewhere.test", "constraint")])
def test_its_name_constraints_are_upheld(sally, origin, base, permitted, end):
    bound = CA(base / f"bound-{permitted}", "Bound CA", x509.NameConstraints([x509.DNSName(permitted)], None))
    put(sally, "bound.pem", bound.pem)
    web = origin(tls=bound.server_context("origin.test"))
    result = ask(sally, [f"allow GET origin.test:{web.port}/** private ca bound.pem"], f"https://origin.test:{web.port}/")
    assert result.of("outcome")[0]["end"] == end, result


# ---- cert


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_certificate_for_one_host(sally, origin, ca, client_ca, identity, version):
    """One origin under two names, over one client connection each: the second never sees it, pooled or not."""
    web = origin(who, tls=asking(ca, client_ca, "a.test", "b.test", version=version))
    a, b = f"https://a.test:{web.port}/", f"https://b.test:{web.port}/"
    result = ask(sally, [f"allow GET a.test:{web.port}/** private cert client.pem key client.pem",
                         f"allow GET b.test:{web.port}/** private"], a, b, a, b)
    assert result.out == "the-client.test\n200\nnobody\n200\nthe-client.test\n200\nnobody\n200\n", result
    assert web.connections == 2


def test_an_origin_that_insists(sally, origin, ca, client_ca, identity):
    web = origin(who, tls=asking(ca, client_ca, "origin.test", mode=ssl.CERT_REQUIRED, version=ssl.TLSVersion.TLSv1_2))
    url, rule = f"https://origin.test:{web.port}/", f"allow GET origin.test:{web.port}/** private"
    assert ask(sally, [rule + " cert client.pem key client.pem"], url).out == "the-client.test\n200\n"
    result = ask(sally, [rule], url)
    assert result.out.endswith("502\n") and result.of("outcome")[0]["end"] == "tls-alert", result


def test_requests_of_other_statements_go_without(sally, origin, ca, client_ca, identity):
    """What no matching statement shows is not shown on a connection that another made."""
    web = origin(who, tls=asking(ca, client_ca, "origin.test"))
    host = f"origin.test:{web.port}"
    result = ask(sally, [f"allow GET {host}/with/** private cert client.pem key client.pem", f"allow GET {host}/without private"],
                 f"https://{host}/with/1", f"https://{host}/without", f"https://{host}/with/2")
    assert result.out == "the-client.test\n200\nnobody\n200\nthe-client.test\n200\n", result


def test_the_narrower_host_decides(sally, origin, ca, client_ca, identity):
    """In whichever order the statements stand."""
    put(sally, "other.pem", client_ca.issue("the-other.test", usage=ExtendedKeyUsageOID.CLIENT_AUTH), 0o600)
    web = origin(who, tls=asking(ca, client_ca, "a.origin.test"))
    rules = [f"allow GET **.origin.test:{web.port}/** private cert other.pem key other.pem",
             f"allow GET a.origin.test:{web.port}/** private cert client.pem key client.pem"]
    for order in (rules, rules[::-1]):
        assert ask(sally, order, f"https://a.origin.test:{web.port}/").out == "the-client.test\n200\n"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_it_is_not_shown_before_the_origin_is_believed(sally, origin, client_ca, house, identity, version):
    """Whoever stands in the origin's place does not learn who asks: no handshake of his comes to an end."""
    ended = []
    web = origin(raw=lambda conn: ended.append(conn.socket.getpeercert()), tls=asking(house, client_ca, "origin.test", version=version))
    url, rule = f"https://origin.test:{web.port}/", f"allow GET origin.test:{web.port}/** private cert client.pem key client.pem"
    result = ask(sally, [rule], url)
    assert result.out.endswith("502\n") and result.of("outcome")[0]["end"] == "chain", result
    assert web.connections == 1 and ended == []
    ask(sally, [rule + " insecure untrusted"], url)
    assert web.connections == 2 and len(ended) == 1 and ended[0]  # it would have been seen


# ---- files


def test_the_command_sees_no_key_and_changes_no_ca(sally, origin, ca, client_ca, house, identity):
    put(sally, "house.pem", house.pem)
    web = origin(who, tls=asking(ca, client_ca, "origin.test"))
    result = sally.run("sh", "-c", "cat client.pem; echo x > client.pem; echo x > house.pem; rm -f house.pem client.pem; mv house.pem h; "
                       f"curl -sS https://origin.test:{web.port}/",
                       rules=f"allow GET origin.test:{web.port}/** private cert client.pem key client.pem ca house.pem")
    assert result.out == "the-client.test\n", result
    assert "PRIVATE KEY" in identity.read_text() and (sally.folder / "house.pem").read_text() == house.pem.read_text()


@pytest.mark.parametrize("words, says", [
    ("ca absent.pem", "absent.pem"),
    ("ca empty.pem", "no certificate in it"),
    ("cert house.pem key absent.pem", "absent.pem"),
    ("cert house.pem key client.pem", "not the key of the certificate"),
    ("cert house.pem key house.pem", "lets others in"),
    ("cert empty.pem key client.pem", "no certificate in it"),
    ("cert client.pem key empty.key", "no private key in it"),
])
def test_a_wrong_file_stops_the_run(sally, house, identity, words, says):
    """And `rules check` says so before: the page, the line, the file."""
    put(sally, "house.pem", house.pem)
    sally.write("empty.pem", "nothing\n")
    sally.write("empty.key", "nothing\n").chmod(0o600)
    rules = f"\nallow GET origin.test/** {words}\n"
    result = sally.run("sh", "-c", "echo ran", rules=rules)
    assert result.status == 125 and result.out == "", result
    assert "test.rules:2: " in result.err and says in result.err, result
    checked = sally.verb("rules", "check", sally.write("test.rules", rules))
    assert checked.status != 0 and "test.rules:2: " in checked.err and says in checked.err, checked


def test_rules_that_are_right_are_explained(sally, house, identity):
    put(sally, "house.pem", house.pem)
    page = sally.write("test.rules", "allow GET origin.test/** cert client.pem key client.pem ca house.pem\n")
    assert sally.verb("rules", "check", page).status == 0
    said = sally.verb("rules", "explain", "--rules", page, "GET", "https://origin.test/")
    assert said.status == 0 and "vouched for by house.pem too" in said.out and "shown client.pem" in said.out, said


def test_a_service_takes_them_anew(sally, service, origin, ca, client_ca, identity):  # noqa: F811
    put(sally, "other.pem", client_ca.issue("the-other.test", usage=ExtendedKeyUsageOID.CLIENT_AUTH), 0o600)
    web = origin(who, tls=asking(ca, client_ca, "origin.test"))
    url, rule = f"https://origin.test:{web.port}/", f"allow GET origin.test:{web.port}/** private"
    gateway = service(rule + " cert client.pem key client.pem")
    assert gateway.curl(url).stdout == "the-client.test\n"
    for words, heard, name in ((" cert other.pem key other.pem", "new rules", "the-other.test"),
                               (" cert absent.pem key other.pem", "old rules", "the-other.test"),
                               ("", "new rules", "nobody")):
        before = gateway.said.read_text().count(heard)
        gateway.rules.write_text(rule + words)
        gateway.signal(1)
        gateway.hear(heard, before + 1)
        assert gateway.curl(url).stdout == name + "\n"
    assert "service.rules:1: cert: " in gateway.end().err
