"""Whom the gateway believes: the origin's certificate is checked before a byte of the request is written."""
import ssl

import pytest

from harness.ca import CA


def fetch(sally, web, host="origin.test"):
    return sally.run("curl", "-sS", "-w", "%{http_code}", f"https://{host}:{web.port}/secret",
                     rules=f"allow GET {host}:{web.port}/** private")


def refused(result, web, word, heard=0):
    assert result.out.endswith("502"), result
    assert word in result.out
    assert len(web.requests) == heard
    outcome, = result.of("outcome")
    assert outcome["end"] == word
    return result


def test_a_good_one_passes(sally, origin):
    web = origin()
    assert fetch(sally, web).out == "hello GET /secret\n200"


def test_an_unknown_authority(sally, origin, base):
    stranger = CA(base / "stranger", "Somebody Else")
    web = origin(tls=stranger.server_context("origin.test"))
    refused(fetch(sally, web), web, "chain")


def test_expired(sally, origin, ca):
    web = origin(tls=ca.server_context("origin.test", days=(-10, -1)))
    refused(fetch(sally, web), web, "expired")


def test_not_yet_valid(sally, origin, ca):
    web = origin(tls=ca.server_context("origin.test", days=(2, 10)))
    assert fetch(sally, web).out.endswith("502")
    assert web.requests == []


def test_another_name(sally, origin):
    web = origin(names=("elsewhere.test",))
    refused(fetch(sally, web), web, "name")


def test_the_rules_can_relax_one_check_for_one_host(sally, origin, ca):
    web = origin(tls=ca.server_context("origin.test", days=(-10, -1)))
    allow = f"allow GET origin.test:{web.port}/** private insecure "
    url = f"https://origin.test:{web.port}/x"
    assert sally.run("curl", "-sS", url, rules=allow + "expired").out == "hello GET /x\n"
    refused(sally.run("curl", "-sS", "-w", "%{http_code}", url, rules=allow + "name"), web, "expired", 1)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
def test_an_old_protocol(sally, origin, ca):
    context = ca.server_context("origin.test")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    web = origin(tls=context)
    assert fetch(sally, web).out.endswith("502")
    assert web.requests == []


def test_tls_1_2_passes(sally, origin, ca):
    context = ca.server_context("origin.test")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    web = origin(tls=context)
    result = fetch(sally, web)
    assert result.out == "hello GET /secret\n200", result
    assert result.of("outcome")[0]["tls_version"] == "TLSv1.2"


def test_a_plain_origin_where_tls_is_wanted(sally, plain_origin):
    web = plain_origin(raw=lambda conn: conn.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
    result = fetch(sally, web)
    assert result.out.endswith("502"), result
    assert web.requests == []


def test_upstream_ca_must_hold_a_certificate(sally):
    sally.upstream_ca = sally.write("empty.pem", "nothing\n")
    result = sally.run("true", rules="")
    assert result.status == 125, result
    assert "--upstream-ca" in result.err
    sally.upstream_ca = sally.folder / "absent.pem"
    result = sally.run("true", rules="")
    assert result.status == 125, result
    assert "absent.pem" in result.err
