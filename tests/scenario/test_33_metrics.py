"""Metrics: for the host's side, as Prometheus reads them, and out of the jail's reach."""
import re
import socket
import subprocess
import urllib.error
import urllib.request

import pytest

pytestmark = pytest.mark.once


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def ask(port, path="/metrics", host="127.0.0.1"):
    return urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=10)


def parsed(text):
    """{sample: value}; every line must be one of the format's, every sample have its HELP and TYPE before it."""
    samples, types = {}, {}
    for line in text.splitlines():
        if m := re.fullmatch(r"# HELP ([a-z_]+) \S.*", line):
            assert m[1] not in types
            types[m[1]] = None
        elif m := re.fullmatch(r"# TYPE ([a-z_]+) (counter|gauge|histogram)", line):
            assert types[m[1]] is None
            types[m[1]] = m[2]
        else:
            m = re.fullmatch(r'([a-z_]+)(\{(?:[a-z]+="[^"\\]*",?)+\})? ([0-9.e+-]+)', line)
            assert m, line
            family = re.sub("_(bucket|sum|count)$", "", m[1]) if m[1] not in types else m[1]
            assert types.get(family), line
            assert (types[family] == "counter") == m[1].endswith("_total"), line
            assert line.split(" ")[0] not in samples
            samples[line.split(" ")[0]] = float(m[3])
    # In OpenMetrics a counter's family has no _total: it must not be another one's name.
    assert not {name.removesuffix("_total") for name, kind in types.items() if kind == "counter"} & types.keys()
    return samples


@pytest.fixture
def running(sally):
    """running(first commands, rules) -> (port, Run, parsed metrics after them)."""
    def start(script, rules, options=()):
        port = free_port()
        run = sally.start("sh", "-c", f"{script}\necho done\nread go\n{{ sh; }}", rules=rules, options=("--metrics", f"127.0.0.1:{port}", *options),
                          stdin=subprocess.PIPE)
        while (line := run.process.stdout.readline()) != "done\n":
            assert line, run.process.stderr.read()
        return port, run
    return start


def test_numbers_of_a_run(sally, origin, running):
    web = origin(lambda conn: (conn.body(), conn.reply(404 if conn.request.target == "/gone" else 200, b"x" * 100)))
    url = f"https://origin.test:{web.port}"
    port, run = running(f"curl -s -o /dev/null {url}/a -o /dev/null {url}/gone; curl -s -o /dev/null -d 1234567 {url}/a http://no.test/",
                        f"allow * {url}/** private")
    answer = ask(port)
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    found = parsed(answer.read().decode())
    assert found['sallyport_requests_total{verdict="allow",reason="allowed"}'] == 3
    assert found['sallyport_requests_total{verdict="deny",reason="no-rule"}'] == 1
    assert found['sallyport_responses_total{code="2xx"}'] == 2 and found['sallyport_responses_total{code="4xx"}'] == 1
    assert (found["sallyport_request_body_bytes_total"], found["sallyport_response_body_bytes_total"]) == (7, 300)
    assert found['sallyport_tls_handshakes_total{side="client",result="ok"}'] == 2
    assert found['sallyport_tls_resumed_total{side="client"}'] == 0  # two programs, each with no session before
    origins = found['sallyport_tls_handshakes_total{side="origin",result="ok"}']
    assert found['sallyport_pool_lookups_total{result="hit"}'] == 3 - origins and found['sallyport_pool_lookups_total{result="miss"}'] == origins
    assert found["sallyport_connections_total"] == 3 and found["sallyport_record_lag_records"] == 0
    assert found["sallyport_record_failed"] == found["sallyport_record_refused_total"] == 0
    for name, count in (("request", 3), ("decide", 3), ("first_byte", 3), ("connect", origins), ("tls", origins)):
        family = f"sallyport_{name}_duration_seconds"
        buckets = [value for sample, value in found.items() if sample.startswith(family + "_bucket")]
        assert buckets == sorted(buckets) and buckets[-1] == found[family + "_count"] == count
        assert found[family + "_sum"] > 0
    outcomes = run.finish(input="\nexit\n").of("outcome")
    assert found["sallyport_request_duration_seconds_sum"] == pytest.approx(sum(r["total_ns"] for r in outcomes) / 1e9)


def test_only_that_path_and_only_reading(sally, running):
    port, run = running("true", "")
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(port, "/other")
    assert refused.value.code == 404
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", data=b"x", timeout=10)
    assert refused.value.code in (405, 413, 501)
    assert parsed(ask(port).read().decode())["sallyport_open_connections"] == 0
    run.finish(input="\nexit\n")


def test_the_jail_never_reaches_them(sally, running, origin):
    """Whatever the rules allow: by any of the host's addresses, as a request, through CONNECT, as a tunnel."""
    port = free_port()
    hosts = ["127.0.0.1", "127.0.0.9", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "origin.test"]
    rules = "".join(f"allow * http://{host}:{port}/** private\n" for host in hosts) + f"tunnel origin.test:{port} private\n"
    script = "\n".join(f"curl -s -m 10 http://{host}:{port}/metrics; curl -s -m 10 -p -x $http_proxy http://{host}:{port}/metrics; "
                       f"curl -s -m 10 --noproxy '*' http://{host}:{port}/metrics" for host in hosts)
    result = sally.run("sh", "-c", script + "\necho; echo over", rules=rules, options=("--metrics", f"0.0.0.0:{port}"), timeout=60)
    assert "over" in result.out and "sallyport_requests_total" not in result.out, result
    assert not [r for r in result.of("outcome") if r.get("response_bytes")], result
    assert len([r for r in result.of("outcome") if r["end"] == "own-port"]) >= 3, result


def test_they_are_there_for_the_host_meanwhile(sally, running):
    port, run = running("true", "")
    assert b"sallyport_connections_total" in ask(port).read()
    run.finish(input="\nexit\n")
    with pytest.raises(urllib.error.URLError):
        ask(port)


@pytest.mark.parametrize("address", ["9464", "localhost:9464", "127.0.0.1", "127.0.0.1:0", "192.0.2.1:9464"])
def test_an_address_that_cannot_be(sally, address):
    result = sally.run("echo", "ran", options=("--metrics", address))
    assert result.status == 125 and "--metrics" in result.err and "ran" not in result.out, result


def test_a_port_that_is_taken_stops_the_run(sally):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = sally.run("echo", "ran", options=("--metrics", f"127.0.0.1:{taken.getsockname()[1]}"))
    assert result.status == 125 and "cannot listen" in result.err and "ran" not in result.out, result
