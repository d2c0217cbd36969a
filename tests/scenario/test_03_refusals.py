"""What the client is told when the answer is no, and that the origin hears nothing of it."""
import json

import pytest


def test_a_path_on_an_allowed_host(sally, origin):
    web = origin()
    result = sally.run("curl", "-sS", "-X", "POST", f"https://origin.test:{web.port}/secret/x?q=1",
                       rules=f"allow GET origin.test:{web.port}/public/** private")
    assert result.status == 0, result
    body = result.out
    assert "POST" in body and "origin.test" in body and "/secret/x" in body
    assert "none: what no statement allows is refused" in body
    assert f"allow POST origin.test:{web.port}/secret/x" in body
    assert web.requests == []
    intent, = result.of("intent")
    assert (intent["verdict"], intent["status"], intent["path"]) == ("deny", 403, "/secret/x")


def test_the_line_to_add_is_enough(sally, plain_origin):
    web = plain_origin()
    url = f"http://origin.test:{web.port}/some%20thing/x"
    refused = sally.run("curl", "-sS", "-H", "Accept: application/json", url, rules="")
    line = json.loads(refused.out)["add"]
    allowed = sally.run("curl", "-sS", url, rules=line + " private")
    assert allowed.out == "hello GET /some%20thing/x\n", (line, allowed)


def test_no_line_is_offered_where_none_would_help(sally, plain_origin):
    """An expectation, and a head that cannot be read: it was not the rules that said no."""
    web = plain_origin()
    url = f"http://origin.test:{web.port}/x"
    rules = f"allow * http://origin.test:{web.port}/** private"
    result = sally.run("sh", "-c", f"curl -sS -H 'Expect: 200-maybe' -d x {url}; curl -sS -H 'Content-Length: x' {url}", rules=rules)
    assert [r["reason"] for r in result.of("intent", verdict="deny")] == ["expect", "length"], result
    assert result.out.count("rule:   none was asked\n") == 2 and "add this line" not in result.out + result.err, result
    assert "method: \n" not in result.out and "port 0" not in result.out, result
    assert web.requests == []


def test_json_for_those_who_accept_it(sally, origin):
    web = origin()
    rules = f"allow GET origin.test:{web.port}/** private\ndeny * origin.test:{web.port}/admin/**"
    result = sally.run("curl", "-sS", "-H", "Accept: application/json", f"https://origin.test:{web.port}/admin/%22x",
                       rules=rules)
    body = json.loads(result.out)
    assert (body["method"], body["host"], body["port"], body["path"]) == ("GET", "origin.test", web.port, "/admin/%22x")
    assert body["reason"] == "denied"
    assert "test.rules:2: deny * origin.test" in body["rule"]
    assert body["request"] == result.of("intent")[0]["request"]
    assert web.requests == []


def test_deny_beats_allow_and_others_pass(sally, origin):
    web = origin()
    rules = f"deny * origin.test:{web.port}/admin/**\nallow GET origin.test:{web.port}/** private"
    result = sally.run("curl", "-sS", f"https://origin.test:{web.port}/public", f"https://origin.test:{web.port}/admin/x",
                       rules=rules)
    assert "hello GET /public" in result.out, result
    assert "refused" in result.out
    assert web.paths() == [("GET", "/public")]


def test_a_refusal_of_connect_says_why(sally, origin):
    web = origin()
    script = """
import inside, sys
try:
    inside.connect("origin.test", int(sys.argv[1]))
except ConnectionError as error:
    print(error)
"""
    result = sally.python(script, str(web.port), rules="")
    assert "403" in result.out, result
    assert "X-Sallyport-Refused" in result.out
    assert web.connections == 0


def test_without_rules_nothing_passes(sally, origin):
    web = origin()
    result = sally.run("curl", "-sS", f"https://origin.test:{web.port}/")
    assert result.status != 0, result
    assert web.connections == 0
    assert result.of("intent")[0]["reason"] == "no-rule"


def test_a_private_address_needs_the_word(sally, origin):
    web = origin()
    result = sally.run("curl", "-sS", "-w", "%{http_code}", f"https://origin.test:{web.port}/",
                       rules=f"allow GET origin.test:{web.port}/**")
    assert result.out.endswith("403"), result
    assert "private" in result.out and "127.0.0.1" in result.out
    assert web.connections == 0
    outcome, = result.of("outcome")
    assert outcome["end"] == "forbidden-address"


def test_a_name_with_one_private_address_among_others_is_not_dialled_there(sally, origin, nameserver):
    web = origin()
    for addresses in (["127.0.0.1", "169.254.169.254"], ["169.254.169.254"], ["::ffff:127.0.0.1"], ["fe80::1"], ["0.0.0.0"]):
        nameserver.names["origin.test"] = addresses
        result = sally.run("curl", "-sS", "-w", "%{http_code}", f"https://origin.test:{web.port}/",
                           rules=f"allow GET origin.test:{web.port}/**")
        assert result.out.endswith("403"), (addresses, result)
    assert web.connections == 0


@pytest.mark.parametrize("address", ["169.254.169.254", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "fd00:ec2::254", "169.254.170.2",
                                     "100.100.100.200", "0.0.0.0", "224.0.0.1"])
def test_metadata_services_are_out_of_reach_whatever_the_rule_says(sally, nameserver, address):
    nameserver.names["origin.test"] = [address]
    result = sally.run("curl", "-sS", "-w", "%{http_code}", "http://origin.test/", "http://origin.test/",
                       rules="allow * http://** private")
    assert result.out.endswith("403") and result.out.count("no rule lets through") == 2, result
    literal = f"[{address}]" if ":" in address else address
    result = sally.run("curl", "-sS", "-g", "-w", "%{http_code}", f"http://{literal}/", rules="allow * http://** private")
    assert result.out.endswith("403") and "no rule lets through" in result.out, result


@pytest.mark.parametrize("address", ["127.0.0.2", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "169.254.1.1", "::1",
                                     "fe80::1", "fc00::1", "::ffff:10.0.0.1", "2002:a00:1::1"])
def test_other_addresses_of_the_inside_need_the_word(sally, address):
    literal = f"[{address}]" if ":" in address else address
    result = sally.run("curl", "-sS", "-g", "--noproxy", "none.test", "-w", "%{http_code}", f"http://{literal}:1/",
                       rules="allow * http://**:1")
    assert result.out.endswith("403") and "needs the word `private`" in result.out, result


def test_receive_only_refuses_whatever_sends(sally, plain_origin):
    web = plain_origin()
    url = f"http://origin.test:{web.port}"
    rules = f"mode receive-only\nallow * {url}/** private"
    for options in (["-X", "POST"], ["-d", "x"], ["-X", "GET", "-d", "x"], ["-T", "client.txt"], ["-X", "DELETE"]):
        sally.write("client.txt", "x")
        result = sally.run("curl", "-sS", "-w", "%{http_code}", *options, f"{url}/", rules=rules)
        assert result.out.endswith("403") and "receive-only" in result.out, (options, result)
    assert web.requests == []
    for options in ([], ["-I"], ["-X", "OPTIONS"]):
        assert sally.run("curl", "-sS", "-o", "out", "-w", "%{http_code}", *options, f"{url}/", rules=rules).out == "200"
