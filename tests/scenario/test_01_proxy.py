"""Clients that use the proxy: plain HTTP by absolute URL, HTTPS by CONNECT."""


def test_plain_http(sally, plain_origin):
    web = plain_origin()
    url = f"http://origin.test:{web.port}/packages/list?page=2"
    result = sally.run("curl", "-sS", url, rules=f"allow GET http://origin.test:{web.port}/packages/** private")
    assert result.status == 0, result
    assert result.out == "hello GET /packages/list?page=2\n"
    assert web.paths() == [("GET", "/packages/list?page=2")]
    intent, = result.of("intent", verdict="allow")
    assert (intent["way"], intent["scheme"], intent["host"], intent["port"]) == ("proxy", "http", "origin.test", web.port)
    outcome, = result.of("outcome")
    assert (outcome["status"], outcome["end"], outcome["address"]) == (200, "complete", f"127.0.0.1:{web.port}")
    assert outcome["response_bytes"] == len(result.out)


def test_plain_http_is_refused_where_only_https_is_allowed(sally, plain_origin):
    web = plain_origin()
    result = sally.run("curl", "-sS", "-w", "%{http_code}", f"http://origin.test:{web.port}/",
                       rules=f"allow GET https://origin.test:{web.port}/** private")
    assert result.out.endswith("403"), result
    assert web.connections == 0
    assert result.of("intent")[0]["verdict"] == "deny"


def test_connect(sally, origin):
    web = origin()
    result = sally.run("curl", "-sS", f"https://origin.test:{web.port}/a", rules=f"allow GET origin.test:{web.port}/** private")
    assert result.status == 0, result
    assert result.out == "hello GET /a\n"
    intent, = result.of("intent")
    assert (intent["way"], intent["scheme"], intent["path"]) == ("connect", "https", "/a")
    outcome, = result.of("outcome")
    assert outcome["tls_version"] == "TLSv1.3"
    assert len(outcome["origin_cert"]) == 64


def test_connect_to_a_host_that_no_rule_names_is_refused(sally, origin):
    web = origin()
    result = sally.run("curl", "-sS", f"https://other.test:{web.port}/a", rules=f"allow GET origin.test:{web.port}/** private")
    assert result.status == 56, result  # curl: the proxy refused CONNECT
    assert "403" in result.err
    assert web.connections == 0
    intent, = result.of("intent")
    assert (intent["verdict"], intent["host"], intent["reason"]) == ("deny", "other.test", "no-rule")
