"""Reading a record: the table, its filters, sums, and what other programs get."""
import csv
import io
import json
import os
import pty
import re
import signal
import subprocess
import time

import pytest

from harness.made_record import RUN, MadeRecord

pytestmark = pytest.mark.once


@pytest.fixture
def made(sally):
    return MadeRecord(sally.base / "made")


def log(sally, *words, status=0, **keys):
    result = sally.verb("log", *words, **keys)
    assert result.status == status, result
    return result


def rows(sally, *words):
    """The requests that are shown, by their paths or hosts."""
    out = log(sally, "show", *words).out
    return [m.group(1) for m in re.finditer(r" (?:GET|POST|TCP) (?:https://a.test)?(\S+)  \[", out)]


@pytest.fixture
def several(made):
    made.add("start", command=["agent", "x"], user="u", rules_digest="0" * 64, ca_digest="1" * 64, version="0", view=[])
    made.request(path="/one", rule="dir/x.rules:1")
    made.request(path="/two", status=404, rule="dir/x.rules:12")
    made.request(host="b.c.test", path="/three", verdict="deny", status=403, rule=None)
    made.request(host="db.test", scheme="tcp", port=5432, verdict="tunnel", rule="y.rules:3")
    made.add("dns", after=1, way="dns", host="bad.test", verdict="deny", reason="no-rule", detail="A")
    made.add("dns", way="dns", host="a.test", verdict="allow", reason="allowed", detail="A")
    made.request(path="/four", method="POST", status=503, sent=7)
    made.add("stop", reason="end", exit_status=0, allowed=4, refused=1)
    return made.write()


def test_the_table(sally, several):
    out = log(sally, "show", several).out
    lines = out.splitlines()
    assert "\033" not in out
    assert lines[1].endswith('start  2026-01-02 ["agent","x"] by u, run ' + RUN + ", rules 000000000000, CA 111111111111")
    assert re.fullmatch(r"03:04:05\.2\d\d     1 allow  200    0B    5B    20ms GET https://a.test/one  \[complete x.rules:1\]", lines[2])
    assert re.fullmatch(r"03:04:05\.\d{3}     3 deny   403     -     -       - GET https://b.c.test/three  \[no-rule\]", lines[4])
    assert "TCP db.test:5432  [complete y.rules:3]" in lines[5]
    assert "deny   name bad.test A  [no-rule]" in lines[6]
    assert lines[-1].endswith("stop   exit status 0, 4 allowed, 1 refused")
    assert len(lines) == 9


def test_all_shows_the_rest(sally, several):
    out = log(sally, "show", "--all", several).out
    assert "name a.test A" in out and out.count("/one") == 2


@pytest.mark.parametrize("words, shown", [
    ([], ["/one", "/two", "https://b.c.test/three", "db.test:5432", "/four"]),
    (["--host", "a.test"], ["/one", "/two", "/four"]),
    (["--host", "**.test", "--refused"], ["https://b.c.test/three"]),
    (["--host", "*.c.test"], ["https://b.c.test/three"]),
    (["--host", "c.test"], []),
    (["--host", "A.Test"], ["/one", "/two", "/four"]),
    (["--verdict", "tunnel"], ["db.test:5432"]),
    (["--verdict", "allow"], ["/one", "/two", "/four"]),
    (["--refused"], ["https://b.c.test/three"]),
    (["--status", "404"], ["/two"]),
    (["--status", "4xx"], ["/two", "https://b.c.test/three"]),
    (["--status", "5xx"], ["/four"]),
    (["--rule", "x.rules:1"], ["/one", "/four"]),
    (["--rule", "x.rules"], ["/one", "/two", "/four"]),
    (["--rule", "dir/x.rules:12"], ["/two"]),
    (["--rule", "rules:1"], []),
    (["--since", "2026-01-02T03:04:06"], ["/four"]),
    (["--until", "2026-01-02T03:04:06Z"], ["/one", "/two", "https://b.c.test/three", "db.test:5432"]),
    (["--since", "2027-01-01"], []),
    (["--since", "1h"], []),
])
def test_filters(sally, several, words, shown):
    assert rows(sally, *words, several) == shown


def test_a_recent_one_is_since_an_hour(sally):
    result = sally.run("curl", "-s", "http://nowhere.test/", rules="allow GET b.test/**")
    assert rows(sally, "--host", "nowhere.test", "--refused", "--since", "1h", result.record) == ["http://nowhere.test/"]


@pytest.mark.parametrize("rule, shown", [("/a/b/x.rules", 1), ("/a/b/x.rules:7", 1), ("b/x.rules:7", 1), ("a/b/x.rules", 1), ("x.rules:7", 1),
                                         ("y.rules", 0), ("x.rules:", 0), ("/x.rules", 0), ("", 0)])
def test_rules_of_absolute_paths(sally, made, rule, shown):
    made.request(path="/one", rule="/a/b/x.rules:7")
    assert len(rows(sally, "--rule", rule, made.write())) == shown


@pytest.mark.parametrize("words, told", [
    (["--host", ""], "--host"), (["--since", "2026-02-30"], "--since"), (["--status", "40"], "--status"), (["--status", "0xx"], "--status"), (["--verdict", "maybe"], "--verdict"), (["--since", "soon"], "--since"),
    (["--since", "1y"], "--since"), (["--until", "2026-99-99"], "--until"), (["--frobnicate"], "--help"),
    (["--color", "red"], "--color"), (["x", "y"], "one record folder"),
])
def test_filters_that_mean_nothing(sally, several, words, told):
    assert told in log(sally, "show", *words, several, status=125).err


def test_without_a_folder_it_is_the_newest(sally):
    for host in ("first.test", "second.test"):
        result = sally.run_in([sally.program, "run", "--", "curl", "-s", f"http://{host}/"])
        if host == "first.test":
            time.sleep(1.1)  # the folders' names are their seconds
    assert "second.test" in log(sally, "show").out and "first.test" not in log(sally, "show").out
    assert result.status == 22 or result.status == 0


def test_requests_without_an_end_stand_last(sally, made):
    made.request(path="/lost", outcome=False)
    made.request(path="/fine")
    assert log(sally, "show", made.write()).out.splitlines()[-1].endswith("GET https://a.test/lost  [without an end x.rules:1]")


def test_corrupt_lines_are_told_and_passed_over(sally, made):
    for path in ("/one", "/two", "/three"):
        made.request(path=path)

    def change(lines):
        lines[1] = "{nonsense"
        lines[2] = lines[2].replace('"intent"', '"rumour"')
        return lines + ["{}", "\x00\x01", "x" * 600_000]
    folder = made.write(change)
    result = log(sally, "show", folder, status=1)
    assert "/two" in result.out and "/three" in result.out
    told = re.findall(r"000001\.jsonl:(\d+): ", result.err)
    assert told == ["2", "3", "7", "8", "9"]
    for verb in (["stats"], ["export", "--format", "jsonl"], ["export", "--format", "har"]):
        assert log(sally, *verb, folder, status=1).err == result.err


def test_older_segments_may_be_gone(sally, made):
    made.request(path="/late")
    assert rows(sally, made.write(name="000007.jsonl")) == ["/late"]


@pytest.mark.parametrize("verb", [["show"], ["export", "--format", "csv"]])
def test_segments_that_are_gone_are_told_and_stepped_over(sally, made, verb):
    for path in ("/one", "/two"):
        made.request(path=path)
        made.write(name=f"00000{3 * made.requests}.jsonl")
        made.records = []
    result = log(sally, *verb, made.folder, status=1)
    assert "/one" in result.out and "/two" in result.out
    assert "000006.jsonl: segments before this one are gone" in result.err and result.err.count("\n") == 1, result


def test_follow_steps_over_what_retention_took(sally, made):
    made.request(path="/one")
    follow = sally.popen([sally.program, "log", "follow", made.write()], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert any("/one" in line for line in follow.stdout)
        made.request(path="/nine")
        made.write(name="000009.jsonl")
        assert any("/nine" in line for line in follow.stdout)
    finally:
        follow.send_signal(signal.SIGINT)
        follow.wait()
        follow.stdout.close()


def test_a_record_cannot_steer_the_terminal(sally, made):
    made.request(path="/\x1b[2Jx", detail="bell \x07 and \x9b31m")
    result = log(sally, "show", made.write())
    assert "/?[2Jx" in result.out and "bell ? and ?31m" in result.out
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f]", result.out)


def test_nor_can_what_no_terminal_should_see(sally, made):
    made.add("start", command=["agent"], user="u", rules_digest="0" * 64, ca_digest="1" * 64, version="0", view=[])
    made.request(path="/\u202etxt.exe\u2066", detail="8 bit \uf79b31m, half \uf7c3, hidden \u200b\ufeff\U000e0041, fine \u00e9\u4e2d\U0001f600")
    folder = made.write(lambda lines: [line.replace('"' + "0" * 64 + '"', '"\\u001b[2J"').replace('"allow"', '"\\u001b]0;x"') for line in lines])
    out = log(sally, "show", folder).out
    assert "/?txt.exe?" in out and "8 bit ?31m, half ?, hidden ???, fine \u00e9\u4e2d\U0001f600" in out
    assert "rules ?[2J," in out and "?]0;x" in out
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b\u202e\u2066\ufeff]", out)


UNREAD = {"session": 1, "way": "proxy", "client": "127.0.0.1:9", "verdict": "deny", "status": 400}


@pytest.fixture
def unread(made):
    """What was refused before its target, or anything, could be read."""
    made.add("intent", request=1, reason="field", detail="a header field is malformed", **UNREAD)
    made.add("intent", request=2, reason="userinfo", method="GET", request_headers=[], **UNREAD)
    made.add("intent", request=3, reason="method", wanted="192.0.2.1:80", **{**UNREAD, "way": "transparent"})
    return made.write()


def test_what_could_not_be_read_is_said_to_be_unread(sally, unread):
    lines = log(sally, "show", unread).out.splitlines()
    assert lines[1].endswith(" (unread)  [field] a header field is malformed")
    assert lines[2].endswith(" GET (no target)  [userinfo]") and lines[3].endswith(" (unread) for 192.0.2.1:80  [method]")


def test_colours_are_for_terminals(sally, several):
    def shown(*words, **env):
        master, slave = pty.openpty()
        process = sally.popen([sally.program, "log", "show", *words, several], stdout=slave, env=sally.environment({"TERM": "xterm", **env}))
        os.close(slave)
        out = b""
        try:
            while piece := os.read(master, 65536):
                out += piece
        except OSError:
            pass
        os.close(master)
        assert process.wait() == 0
        return out
    assert b"\033[31mdeny" in shown() and b"\033[32mallow" in shown()
    assert b"\033" not in shown(NO_COLOR="1") and b"\033" not in shown("--color", "never")
    assert "\033[31mdeny" in log(sally, "show", "--color", "always", several).out


def test_follow_goes_on(sally, origin):
    web = origin()
    run = sally.start("sh", "-c", f"curl -s https://origin.test:{web.port}/one; read go; curl -s https://origin.test:{web.port}/two", stdin=subprocess.PIPE,
                      rules=f"allow GET https://origin.test:{web.port}/** private")
    deadline = time.monotonic() + 20
    while not list(run.record.glob("*.jsonl")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    follow = sally.popen([sally.program, "log", "follow", run.record], stdout=subprocess.PIPE, text=True)
    for line in follow.stdout:
        if "/one" in line:
            break
    run.process.stdin.write("go\n")
    run.process.stdin.flush()
    for line in follow.stdout:
        if "/two" in line:
            break
    follow.send_signal(signal.SIGINT)
    follow.wait()
    follow.stdout.close()
    assert run.finish().status == 0


# ---- stats

def test_sums_by_host(sally, several):
    out = json.loads(log(sally, "stats", "--json", several).out)
    hosts = {h["host"]: h for h in out["hosts"]}
    assert out["hosts"][0]["host"] == "a.test" and hosts["a.test"]["allowed"] == 3
    assert (hosts["a.test"]["bytes_out"], hosts["a.test"]["bytes_in"], hosts["a.test"]["failed"]) == (7, 15, 2)
    assert (hosts["b.c.test"]["allowed"], hosts["b.c.test"]["refused"]) == (0, 1)
    assert hosts["bad.test"]["names_refused"] == 1
    assert (out["total"]["allowed"], out["total"]["refused"], out["total"]["bytes_in"]) == (4, 1, 20)
    table = log(sally, "stats", several).out.splitlines()
    assert table[0].endswith("host") and table[1].endswith("a.test") and table[-1].endswith("all hosts")


def test_percentiles(sally, made):
    for i in range(100):
        made.request(took_ms=i + 1)
    total = json.loads(log(sally, "stats", "--json", made.write()).out)["total"]
    for name, exact in (("p50_ns", 50e6), ("p95_ns", 95e6), ("p99_ns", 99e6)):
        assert exact <= total[name] <= exact * 1.125
    assert total["longest_ns"] == 100e6


# ---- export

def export(sally, form, folder, *words):
    return log(sally, "export", "--format", form, *words, folder).out


def test_jsonl_is_the_record(sally, several):
    assert export(sally, "jsonl", several) == (several / "000001.jsonl").read_text()
    assert all(json.loads(line)["host"] == "b.c.test" for line in export(sally, "jsonl", several, "--refused", "--host", "**.c.test").splitlines())


def test_csv(sally, made):
    made.request(path="/a,b\"c", detail="two\nlines", sent=3)
    found = list(csv.DictReader(io.StringIO(export(sally, "csv", made.write()), newline="")))
    assert [r["kind"] for r in found] == ["intent", "outcome"]
    assert found[1]["path"] == "/a,b\"c" and found[1]["detail"] == "two\nlines"
    assert found[1]["request_bytes"] == "3" and found[0]["request_bytes"] == "" and found[1]["status"] == "200"
    assert found[0]["time"] == made.records[0]["time"]


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-1+1", "@SUM(1)", "=1,\"2\""])
def test_csv_holds_no_formula(sally, made, text):
    made.request(query=text, detail="\t=1", path="/=1")
    for row in csv.DictReader(io.StringIO(export(sally, "csv", made.write()), newline="")):
        assert (row["query"], row["detail"], row["path"]) == ("'" + text, "'\t=1", "/=1")


NAME_VALUE = {"name": str, "value": str}
HAR = {  # what HAR 1.2 requires; [] is a list of such objects
    "version": str, "creator": {"name": str, "version": str},
    "entries": [{
        "startedDateTime": re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z"), "time": (int, float),
        "request": {"method": str, "url": re.compile("https?://.+|about:invalid"), "httpVersion": str, "cookies": [dict], "headers": [NAME_VALUE],
                    "queryString": [NAME_VALUE], "headersSize": int, "bodySize": int},
        "response": {"status": int, "statusText": str, "httpVersion": str, "cookies": [dict], "headers": [NAME_VALUE],
                     "content": {"size": int, "mimeType": str}, "redirectURL": str, "headersSize": int, "bodySize": int},
        "cache": {}, "timings": {"send": (int, float), "wait": (int, float), "receive": (int, float)}}]}


def misfits(value, wanted, at="log"):
    if isinstance(wanted, dict):
        if not isinstance(value, dict):
            return [at]
        return [m for name, inner in wanted.items() for m in (misfits(value[name], inner, f"{at}.{name}") if name in value else [f"{at}.{name}"])]
    if isinstance(wanted, list):
        return [at] if not isinstance(value, list) else [m for i, v in enumerate(value) for m in misfits(v, wanted[0], f"{at}[{i}]")]
    if isinstance(wanted, re.Pattern):
        return [] if isinstance(value, str) and wanted.fullmatch(value) else [at]
    return [] if isinstance(value, wanted) and not isinstance(value, bool) else [at]


def test_har_of_a_real_run(sally, origin):
    web = origin(lambda conn: (conn.body(), conn.reply(200, b"x" * 1000, headers=[("Content-Type", "text/plain")])))
    result = sally.run("curl", "-s", "-d", "some", f"https://origin.test:{web.port}/p?a=1&b=&c", f"https://origin.test:{web.port}/q", "http://no.test/",
                       rules=f"allow POST https://origin.test:{web.port}/** private")
    har = json.loads(export(sally, "har", result.record))["log"]
    assert misfits(har, HAR) == []
    first, second, third = har["entries"]
    assert first["request"]["url"] == f"https://origin.test:{web.port}/p?a=1&b=&c"
    assert first["request"]["queryString"] == [{"value": "1", "name": "a"}, {"value": "", "name": "b"}, {"value": "", "name": "c"}]
    assert {"name": "Content-Type", "value": "application/x-www-form-urlencoded"} in first["request"]["headers"]
    assert (first["request"]["bodySize"], first["response"]["bodySize"], first["response"]["content"]["mimeType"]) == (4, 1000, "text/plain")
    assert first["serverIPAddress"] == "127.0.0.1" and third["response"]["status"] == 403
    for entry in har["entries"]:
        parts = [v for k, v in entry["timings"].items() if k != "ssl" and v > 0]
        assert abs(sum(parts) - entry["time"]) < 0.01 * entry["time"] + 0.01
        assert entry["timings"]["connect"] >= entry["timings"]["ssl"]
    assert first["timings"]["ssl"] > 0 and second["timings"]["ssl"] == -1


def test_har_of_what_has_no_target_and_of_what_has_no_end(sally, made, unread):
    made.requests = 3
    made.request(path="/fine", request_headers=[["User-Agent", "a"]])
    made.request(path="/lost", outcome=False)
    entries = json.loads(export(sally, "har", made.write()))["log"]["entries"]
    assert misfits({"version": "1.2", "creator": {"name": "", "version": ""}, "entries": entries}, HAR) == []
    assert [(e["request"]["url"], e["response"]["status"]) for e in entries] == \
        [("about:invalid", 400), ("https://a.test/fine", 200), ("https://a.test/lost", 0)]
    # Heads are the intent's, which has no status: a filter by status keeps them, and leaves out what has none.
    (only,) = json.loads(export(sally, "har", made.folder, "--status", "2xx"))["log"]["entries"]
    assert only["request"]["headers"] == [{"name": "User-Agent", "value": "a"}]


def test_the_har_check_refuses():
    entry = {"version": "1.2", "creator": {"name": "x", "version": 1}, "entries": [{}]}
    assert "log.creator.version" in misfits(entry, HAR) and "log.entries[0].request" in misfits(entry, HAR)


def test_ocsf(sally, several):
    events = [json.loads(line) for line in export(sally, "ocsf", several).splitlines()]
    assert [e["class_uid"] for e in events] == [4002, 4002, 4002, 4001, 4003, 4003, 4002]
    for e in events:
        assert e["category_uid"] == 4 and e["type_uid"] == e["class_uid"] * 100 + e["activity_id"]
        assert {"time", "severity_id", "metadata"} <= set(e) and e["metadata"]["product"]["name"] == "Sallyport"
    assert [e["disposition_id"] for e in events] == [1, 1, 2, 1, 2, 1, 1]
    assert events[0]["http_request"]["url"]["url_string"] == "https://a.test/one" and events[1]["http_response"]["code"] == 404
    assert events[0]["traffic"] == {"bytes_out": 0, "bytes_in": 5, "bytes": 5}
    assert events[3]["dst_endpoint"] == {"hostname": "db.test", "ip": "198.51.100.7", "port": 443}
    for e in events:
        assert e["metadata"]["profiles"] == ["security_control"] and {"hostname", "ip", "name"} & {*e.get("dst_endpoint", {"ip": 1})}
        assert ("src_endpoint" in e) == (e["class_uid"] != 4003) and ("http_response" in e) == (e["class_uid"] == 4002)
    assert events[-1]["activity_id"] == 6 and events[4]["query"] == {"hostname": "bad.test", "type": "A"}


def test_who_asked_is_told_apart_from_where(sally, made, unread):
    made.requests = 3
    made.request(client="who@x@[2001:db8::1]:4711")
    *nowhere, event = [json.loads(line) for line in export(sally, "ocsf", made.write()).splitlines()]
    assert event["src_endpoint"] == {"ip": "2001:db8::1", "port": 4711, "owner": {"name": "who@x"}}
    assert [e["dst_endpoint"] for e in nowhere] == [{"name": "unknown"}, {"name": "unknown"}, {"ip": "192.0.2.1", "port": 80}]
    span = json.loads(export(sally, "otel", made.folder).splitlines()[-1])["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    attributes = {a["key"]: a["value"] for a in span["attributes"]}
    assert attributes["client.address"] == {"stringValue": "2001:db8::1"} and attributes["client.port"] == {"intValue": "4711"}
    assert attributes["user.name"] == {"stringValue": "who@x"} and attributes["network.peer.port"] == {"intValue": "443"}


def test_the_program_that_asked(sally, made):
    made.request(program="/opt/a b/x\x1b", pid=12, parent_pid=3, program_words=["x"])
    made.request(program="unknown", program_doubt="unknown")
    made.request(program="/usr/bin/env", program_doubt="shared")
    known, unknown, doubtful = [json.loads(line) for line in export(sally, "ocsf", made.write()).splitlines()]
    assert known["actor"] == {"process": {"pid": 12, "name": "x\x1b", "file": {"name": "x\x1b", "path": "/opt/a b/x\x1b", "type_id": 1},
                                          "parent_process": {"pid": 3}}}
    assert known["metadata"]["profiles"] == ["security_control", "host"]
    assert "actor" not in unknown and unknown["metadata"]["profiles"] == ["security_control"]
    assert doubtful["actor"]["process"] == {"name": "env", "file": {"name": "env", "path": "/usr/bin/env", "type_id": 1}}


def test_otel(sally, several):
    spans = [json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"][0] for line in export(sally, "otel", several).splitlines()]
    assert len(spans) == 5 and len({s["traceId"] for s in spans}) == 1 and len({s["spanId"] for s in spans}) == 5
    for span in spans:
        assert re.fullmatch("[0-9a-f]{32}", span["traceId"]) and re.fullmatch("[0-9a-f]{16}", span["spanId"])
        assert int(span["endTimeUnixNano"]) >= int(span["startTimeUnixNano"])
    attributes = {a["key"]: a["value"] for a in spans[0]["attributes"]}
    assert attributes["url.full"] == {"stringValue": "https://a.test/one"}
    assert attributes["http.response.status_code"] == {"intValue": "200"}
    assert [s["status"].get("code") for s in spans] == [None, 2, 2, None, 2]


@pytest.mark.parametrize("words", [[], ["--format", "xml"]])
def test_export_wants_a_format(sally, several, words):
    assert "--format" in log(sally, "export", *words, several, status=125).err


@pytest.mark.parametrize("verb", ["show", "follow", "stats", "export"])
def test_help(sally, verb):
    out = log(sally, verb, "--help").out
    assert out.startswith(f"usage: sallyport log {verb if verb != 'follow' else 'show'}") and "--since" in out
    assert verb in log(sally, "--help").out
