"""The record's content, field by field: what stands there, and what must not."""
import hashlib
import hmac
import json
import stat
import subprocess
import time

import pytest

from harness import schema

SECRET = "correct-horse-battery-staple"


def one(result, kind, **wanted):
    found = result.of(kind, **wanted)
    assert len(found) == 1, result
    return found[0]


def header(record, side, name):
    return [value for field, value in record[f"{side}_headers"] if field.lower() == name]


def key(sally):
    return (sally.home / ".local/state/sallyport/digest.key").read_bytes()


def digest(sally, value):
    return "hmac-sha256:" + hmac.new(key(sally), value.encode(), hashlib.sha256).hexdigest()


def answer(conn):
    conn.body()
    conn.reply(201, b"made\n", headers=[("Set-Cookie", f"session={SECRET}"), ("Server", "made-up/1"),
                                        ("Location", f"https://other.test/?token={SECRET}&page=2")])


def test_every_part_of_an_exchange(sally, origin, ca):
    web = origin(answer)
    result = sally.run("curl", "-sS", "-A", "agent/7", "-d", "some text", f"https://origin.test:{web.port}/a/b?q=1",
                       rules=f"allow POST https://origin.test:{web.port}/a/** private")
    assert result.status == 0, result
    intent, outcome = one(result, "intent"), one(result, "outcome")
    assert (intent["method"], intent["scheme"], intent["host"], intent["port"], intent["path"], intent["query"]) == \
        ("POST", "https", "origin.test", web.port, "/a/b", "q=1")
    assert intent["rule"].endswith("test.rules:1") and intent["reason"] == "allowed"
    assert header(intent, "request", "user-agent") == ["agent/7"]
    assert header(intent, "request", "content-type") == ["application/x-www-form-urlencoded"]
    assert (outcome["status"], outcome["end"], outcome["address"]) == (201, "complete", f"127.0.0.1:{web.port}")
    assert (outcome["request_bytes"], outcome["response_bytes"]) == (9, 5)
    assert outcome["request_sha256"] == hashlib.sha256(b"some text").hexdigest()
    assert outcome["response_sha256"] == hashlib.sha256(b"made\n").hexdigest()
    assert outcome["tls_version"] == "TLSv1.3" and "GCM" in outcome["tls_cipher"]
    assert header(outcome, "response", "server") == ["made-up/1"]
    times = [outcome[name] for name in ("decide_ns", "connect_ns", "tls_ns")]
    assert sum(times) < outcome["first_byte_ns"] <= outcome["total_ns"]
    assert intent["mono_ns"] < outcome["mono_ns"]
    assert "request_body" not in outcome and not (result.record / "bodies").exists()


@pytest.mark.parametrize("durability", ["durable", "buffered"])
def test_the_last_outcome_is_there_while_the_run_goes_on(sally, origin, durability):
    """No intent comes after it that would take it along."""
    web = origin()
    url = f"https://origin.test:{web.port}/last"
    run = sally.start("sh", "-c", f"curl -sS {url}; cat", stdin=subprocess.PIPE, options=("--durability", durability),
                      rules=f"allow GET https://origin.test:{web.port}/** private")
    until = time.monotonic() + 20
    while '"kind":"outcome"' not in (text := "".join(path.read_text() for path in run.record.glob("*.jsonl"))):
        assert time.monotonic() < until, text
        time.sleep(0.01)
    assert run.process.poll() is None
    run.process.communicate(timeout=30)
    assert run.process.returncode == 0


def test_no_body_no_digest_of_one(sally, origin):
    web = origin(lambda conn: conn.reply(204))
    result = sally.run("curl", "-sS", f"https://origin.test:{web.port}/", rules=f"allow GET https://origin.test:{web.port} private")
    outcome = one(result, "outcome")
    assert outcome["request_bytes"] == outcome["response_bytes"] == 0
    assert "request_sha256" not in outcome and "response_sha256" not in outcome


def test_credentials_are_digests_only(sally, origin):
    web = origin(answer)
    url = f"https://origin.test:{web.port}/?page=1&to%6Ben={SECRET}&n=2"
    result = sally.run("curl", "-sS", "-H", f"Authorization: Bearer {SECRET}", "-H", f"Cookie: a={SECRET}",
                       "-H", f"X-Ours: {SECRET}", "-H", f"X-Unknown: {SECRET}", "-e", url, url,
                       options=("--digest", "X-ours", "--digest", "token"), check=False,
                       rules=f"allow GET https://origin.test:{web.port} private")
    assert result.status == 0, result
    intent, outcome = one(result, "intent"), one(result, "outcome")
    # The command line is on record as it is: a secret does not belong there.
    assert all(SECRET not in json.dumps(record) for record in result.records if record["kind"] != "start")
    assert header(intent, "request", "authorization") == [digest(sally, f"Bearer {SECRET}")]
    assert header(intent, "request", "cookie") == [digest(sally, f"a={SECRET}")]
    assert header(intent, "request", "x-ours") == [digest(sally, SECRET)]
    assert header(intent, "request", "x-unknown") == []
    query = f"page=1&to%6Ben={digest(sally, SECRET)}&n=2"
    assert intent["query"] == outcome["query"] == query
    assert header(intent, "request", "referer") == [f"https://origin.test:{web.port}/?{query}"]
    assert header(outcome, "response", "set-cookie") == [digest(sally, f"session={SECRET}")]
    assert header(outcome, "response", "location") == [f"https://other.test/?token={digest(sally, SECRET)}&page=2"]


@pytest.mark.once
@pytest.mark.parametrize("url, told", [
    ("https://u:{}@other.test/x@y", "https://{0}@other.test/x@y"),
    ("//u:{}@other.test", "//{0}@other.test"),
    ("https:\\\\u:{}@other.test", "https:\\\\{0}@other.test"),
    ("https://other.test/a//u@b?x=//u@h", "https://other.test/a//u@b?x=//u@h"),
    ("/path:a@b/", "/path:a@b/"),
    ("https://other.test/#token={}&x=1", "https://other.test/#token={1}&x=1"),
    ("/x?page=1#/done?Token={}&state=2", "/x?page=1#/done?Token={1}&state=2"),
    ("/?token[]={}&token%5b0%5D={}&+token={}&%20Token={}", "/?token[]={1}&token%5b0%5D={1}&+token={1}&%20Token={1}"),
    ("/?tokens=1&a[token]=2&to+ken=3", "/?tokens=1&a[token]=2&to+ken=3"),
    ("https://u:{}@other.test/?token={}#token={}", "https://{0}@other.test/?token={1}#token={1}"),
])
def test_no_credentials_in_urls_of_heads(sally, plain_origin, url, told):
    web = plain_origin(lambda conn: (conn.body(), conn.reply(302, headers=[("Location", url.replace("{}", SECRET))])))
    result = sally.run("curl", "-sS", "-H", "Referer: " + url.replace("{}", SECRET), f"http://origin.test:{web.port}/",
                       options=("--digest", "token"), rules=f"allow GET http://origin.test:{web.port}/** private")
    told = told.format(digest(sally, f"u:{SECRET}"), digest(sally, SECRET))
    assert header(one(result, "intent"), "request", "referer") == [told]
    assert header(one(result, "outcome"), "response", "location") == [told]


def test_the_key_stays_and_is_the_users_own(sally, origin):
    web = origin()
    rules = f"allow GET https://origin.test:{web.port} private"
    ask = ("curl", "-sS", "-H", f"Authorization: {SECRET}", f"https://origin.test:{web.port}/")
    first, second = sally.run(*ask, rules=rules), sally.run(*ask, rules=rules)
    values = [header(one(result, "intent"), "request", "authorization") for result in (first, second)]
    assert values[0] == values[1] == [digest(sally, SECRET)]
    assert len(key(sally)) == 32
    assert stat.S_IMODE((sally.home / ".local/state/sallyport/digest.key").stat().st_mode) == 0o600


def test_a_key_that_is_none_stops_the_run(sally):
    folder = sally.home / ".local/state/sallyport"
    folder.mkdir(parents=True)
    (folder / "digest.key").write_bytes(b"short")
    (folder / "digest.key").chmod(0o600)
    for path in (folder / "digest.key", folder, *list(folder.parents)[:2]):
        sally.own(path)
    result = sally.run("true")
    assert result.status == 125 and "digest.key is no key" in result.err, result


def test_a_key_that_others_can_read_stops_the_run(sally):
    assert sally.run("true").status == 0  # it is made
    (sally.home / ".local/state/sallyport/digest.key").chmod(0o644)
    result = sally.run("true")
    assert result.status == 125 and "digest.key lets others in" in result.err, result


def test_another_header_when_asked(sally, origin):
    web = origin(answer)
    result = sally.run("curl", "-sS", "-H", "X-Trace: 17", f"https://origin.test:{web.port}/", options=("--record-header", "x-trace"),
                       rules=f"allow GET https://origin.test:{web.port} private")
    assert header(one(result, "intent"), "request", "x-trace") == ["17"]


def test_refusals_carry_their_heads_too(sally):
    result = sally.run("curl", "-sS", "-H", f"Authorization: {SECRET}", "http://nowhere.test/x", rules="allow GET https://other.test/**")
    intent = one(result, "intent", verdict="deny")
    assert header(intent, "request", "authorization") == [digest(sally, SECRET)]
    assert intent["status"] == 403 and result.of("outcome") == []


@pytest.mark.once
def test_a_head_whose_digests_fill_more_than_a_line_is_left_out(sally, plain_origin):
    """And what was asked, refused and answered is on record nevertheless."""
    many = "/?" + "t=&" * 16000
    web = plain_origin(lambda conn: (conn.body(), conn.reply(302, headers=[("Location", many)] if conn.request.target != "/asks" else [])))
    script = f"""
import inside, socket
for host, path, headers in (("origin.test:{web.port}", "/asks", "Referer: {many}\\r\\n"), ("origin.test:{web.port}", "/answers", ""),
                            ("origin.test:{web.port}", "/{many}", ""), ("no.test", "/", "Referer: {many}\\r\\n")):
    with socket.create_connection(inside.proxy(), 30) as sock:
        sock.sendall(inside.get(host, "http://" + host + path, headers=headers))
        print(inside.response(sock)[0])
"""
    result = sally.python(script, options=("--digest", "t"), rules=f"allow GET http://origin.test:{web.port}/** private", check=False)
    assert result.status == 0 and result.out.split() == ["302", "302", "302", "403"], result.err
    told = "the head is too long to be on record"
    intents, outcomes = result.of("intent"), result.of("outcome")
    assert [r.get("detail") for r in intents] == [told, None, told, f"no statement allows it; {told}"]
    assert [r.get("detail") for r in outcomes] == [None, told, told]
    assert intents[2]["query"] == outcomes[2]["query"] == digest(sally, many.removeprefix("/?"))
    assert "request_headers" not in intents[0] and "request_headers" in intents[1] and "response_headers" not in outcomes[1]


@pytest.mark.once
def test_the_summary_has_a_row_for_each_host(sally):
    """Also where a refusal has nothing to suggest."""
    result = sally.run("curl", "-sS", "http://user:word@first.test/", "http://second.test/", "--next", "-sS", "--request-target", "nonsense",
                       "http://x.test/", rules="allow GET https://third.test/**")
    rows = [line.split()[0] for line in result.err.splitlines() if " allowed " in line]
    assert sorted(rows) == ["?", "first.test", "second.test"], result
    assert "\t" not in result.err and result.err.count("; the rules would need: ") == 2, result


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_log_body_stores_by_hash(sally, origin, framing):
    content = bytes(range(256)) * 300
    web = origin(lambda conn: (conn.body(), conn.reply(200, content, chunked=framing == "chunked")))
    result = sally.run("curl", "-sS", "-o", "out", "-d", "question", f"https://origin.test:{web.port}/",
                       rules=f"allow POST https://origin.test:{web.port} private log body")
    assert result.status == 0, result
    outcome = one(result, "outcome")
    assert outcome["request_body"] == outcome["response_body"] == "stored"
    stored = {path.name: path.read_bytes() for path in (result.record / "bodies").iterdir()}
    assert stored == {hashlib.sha256(data).hexdigest(): data for data in (b"question", content)}
    assert {outcome["request_sha256"], outcome["response_sha256"]} == set(stored)


def test_a_body_too_long_to_be_stored_is_hashed(sally, origin):
    web = origin(lambda conn: conn.reply(200, b"x" * 70000))
    result = sally.run("curl", "-sS", "-o", "out", f"https://origin.test:{web.port}/", options=("--record-body", "65536"),
                       rules=f"allow GET https://origin.test:{web.port} private log body")
    outcome = one(result, "outcome")
    assert outcome["response_body"] == "too-long"
    assert outcome["response_sha256"] == hashlib.sha256(b"x" * 70000).hexdigest()
    assert list((result.record / "bodies").iterdir()) == []


@pytest.mark.once
def test_a_stored_body_that_is_gone_or_changed_is_named(sally, origin):
    web = origin(lambda conn: (conn.body(), conn.reply(200, b"answer to " + conn.request.target.encode())))
    url = f"https://origin.test:{web.port}"
    result = sally.run("curl", "-sS", "-d", "question", f"{url}/1", "-d", "question", f"{url}/2", "-d", "question", f"{url}/3",
                       rules=f"allow POST {url}/** private log body")
    assert result.status == 0, result
    bodies, told = result.record / "bodies", {}
    for outcome in result.of("outcome"):
        for body in (outcome["request_sha256"], outcome["response_sha256"]):
            told.setdefault(body, outcome["seq"])
    assert len(told) == 4  # the question was the same each time

    def verified(status):
        said = sally.verb("log", "verify", result.record)
        assert said.status == status, said
        return said.out
    assert "4 stored bodies hold what their names say" in verified(0)
    for body, seq in told.items():
        content = (bodies / body).read_bytes()
        (bodies / body).unlink()
        assert verified(1).startswith(f"BAD: body of record {seq}: {bodies}/{body}: is missing")
        (bodies / body).symlink_to("/etc/hostname")
        assert verified(1).startswith(f"BAD: body of record {seq}: {bodies}/{body}: is missing")
        (bodies / body).unlink()
        (bodies / body).write_bytes(content[:-1] + b"!")
        assert verified(1).startswith(f"BAD: body of record {seq}: {bodies}/{body}: does not hold")
        (bodies / body).write_bytes(content)
    (bodies / ("0" * 64)).write_bytes(b"put there")
    assert verified(1).startswith("BAD: a body of no record: ")
    (bodies / ("0" * 64)).unlink()
    (bodies / hashlib.sha256(b"put there").hexdigest()).write_bytes(b"put there")
    assert "of 1 no record tells" in verified(0)
    bodies.rename(result.record / "elsewhere")
    first = min(told.values())
    assert verified(1).startswith(f"BAD: body of record {first}: ")


def test_a_body_that_cannot_be_stored_does_not_pass(sally, origin):
    web = origin(answer)
    run = sally.start("sh", "-c", f"read go; curl -sS -d question https://origin.test:{web.port}/", stdin=-1,
                      rules=f"allow POST https://origin.test:{web.port} private log body")
    (run.record / "bodies").write_text("in the way")
    result = run.finish(input="go\n", check=False)
    assert one(result, "outcome")["end"] == "record", result
    assert one(result, "outcome")["status"] == 503


@pytest.mark.parametrize("change, told", [
    ({"kind": "rumour"}, "is not one of"),
    ({"seq": -1}, "minimum"),
    ({"time": "yesterday"}, "does not match"),
    ({"surprise": 1}, "Additional properties"),
    ({"verdict": "maybe"}, "is not one of"),
    ({"client": None}, "is not of type"),
    ({"request_headers": [["only a name"]]}, "too short"),
    ({"rule": "nowhere"}, "does not match"),
    ({"run": "r"}, "does not match"),
    ({"reason": "whim"}, "none of the words"),
    ({"end": "complete"}, "is not one of"),
    ({"kind": "outcome"}, "is a required"),
    ({"kind": "event"}, "is not one of"),
])
def test_the_schema_refuses(change, told):
    record = {"seq": 1, "kind": "intent", "time": "2026-01-01T00:00:00.000000000Z", "mono_ns": 5, "run": "20260101T000000Z-00c0ffee", "session": 1, "request": 1,
              "way": "proxy", "client": "127.0.0.1:1", "verdict": "deny", "reason": "no-rule"}
    assert schema.problems(record) == []
    assert any(told in problem for problem in schema.problems({**record, **change}))


def test_every_field_is_in_the_documentation():
    document = schema.PATH.with_name("audit.md").read_text()
    for name, field in schema.SCHEMA["properties"].items():
        assert f"| `{name}` |" in document and field["description"] in document
