"""Connections that stay: one client's requests in a row, origins' connections used again, pipelines."""

MANY = """
import inside, sys
port = int(sys.argv[1])
sock = inside.secure(inside.connect("origin.test", port), "origin.test")
rest = b""
for i in range(20):
    sock.sendall(inside.get(f"origin.test:{port}", f"/{i}"))
    status, headers, body, rest = inside.response(sock, rest)
    print(status, body.decode().strip())
"""


def test_one_connection_serves_many_requests_on_both_sides(sally, origin):
    web = origin()
    result = sally.python(MANY, str(web.port), rules=f"allow GET origin.test:{web.port}/** private")
    assert result.out == "".join(f"200 hello GET /{i}\n" for i in range(20)), result
    assert web.connections == 1
    assert len({r["session"] for r in result.of("intent")}) == 1
    assert len(result.of("outcome", end="complete")) == 20


def test_clients_one_after_the_other_share_the_origins_connection(sally, plain_origin):
    web = plain_origin()
    url = f"http://origin.test:{web.port}/x"
    result = sally.run("sh", "-c", f"for i in 1 2 3; do curl -sS {url}; done", options=["--workers", "1"],
                       rules=f"allow GET http://origin.test:{web.port}/** private")
    assert result.out == "hello GET /x\n" * 3, result
    assert web.connections == 1


def test_a_refusal_leaves_the_connection_alive(sally, origin):
    web = origin()
    rules = f"allow GET origin.test:{web.port}/** private\ndeny GET origin.test:{web.port}/7"
    result = sally.python(MANY, str(web.port), rules=rules)
    statuses = [line[:3] for line in result.out.splitlines() if line[:3].isdigit()]
    assert statuses == ["200"] * 7 + ["403"] + ["200"] * 12, result
    assert len({r["session"] for r in result.of("intent")}) == 1
    assert len(web.requests) == 19


def test_an_idle_connection_that_the_origin_closed_is_not_noticed_by_the_client(sally, plain_origin):
    """The next request finds out, and goes over a new connection: nothing was sent twice."""
    def handler(conn):
        conn.reply(200, b"ok\n")
        conn.close()  # without having said so

    web = plain_origin(handler)
    url = f"http://origin.test:{web.port}/x"
    result = sally.run("sh", "-c", f"for i in 1 2 3; do curl -sS {url}; sleep 0.1; done", options=["--workers", "1"],
                       rules=f"allow GET http://origin.test:{web.port}/** private")
    assert result.out == "ok\n" * 3, result
    assert len(web.requests) == 3


def test_a_pooled_connection_lost_at_the_next_request(sally, plain_origin):
    """It dies just when it is used again, before a byte of an answer: a safe request is asked once more."""
    served = set()

    def handler(conn):
        if conn.request.target == "/second" and conn in served:
            conn.reset()
            return
        served.add(conn)
        conn.reply(200, b"ok\n")

    web = plain_origin(handler)
    url = f"http://origin.test:{web.port}"
    result = sally.run("curl", "-sS", f"{url}/first", f"{url}/second",
                       rules=f"allow GET http://origin.test:{web.port}/** private")
    assert result.out == "ok\nok\n", result
    assert web.paths() == [("GET", "/first"), ("GET", "/second"), ("GET", "/second")]
    # Each time it left is on record.
    assert [r["path"] for r in result.of("intent")] == ["/first", "/second", "/second"]
    assert [r["end"] for r in result.of("outcome")] == ["complete", "upstream-lost", "complete"]


def test_it_is_not_asked_a_third_time(sally, plain_origin):
    def handler(conn):
        if conn.request.target == "/first":
            conn.reply(200, b"ok\n")
        else:
            conn.reset()

    web = plain_origin(handler)
    url = f"http://origin.test:{web.port}"
    result = sally.run("curl", "-sS", "-w", "%{http_code}", f"{url}/first", f"{url}/second",
                       rules=f"allow GET http://origin.test:{web.port}/** private")
    assert result.out.endswith("502"), result
    assert len(web.requests) == 3


def test_a_post_is_not_sent_anew(sally, plain_origin):
    def handler(conn):
        conn.body()
        if conn.request.method == "POST":
            conn.reset()
        else:
            conn.reply(200, b"ok\n")

    web = plain_origin(handler)
    url = f"http://origin.test:{web.port}"
    result = sally.run("sh", "-c", f"curl -sS {url}/first; curl -sS -d data -w '%{{http_code}}' {url}/second",
                       options=["--workers", "1"], rules=f"allow * http://origin.test:{web.port}/** private")
    assert result.out.startswith("ok\n") and result.out.endswith("502"), result
    assert [request.method for request in web.requests] == ["GET", "POST"]


PIPELINE = """
import inside, sys
port = int(sys.argv[1])
sock = inside.plain("origin.test", port)
paths = sys.argv[2].split(",")
sock.sendall(b"".join(inside.get(f"origin.test:{port}", path) for path in paths))
rest = b""
for path in paths:
    status, headers, body, rest = inside.response(sock, rest)
    print(status, body.decode().split("\\n")[0])
"""


def test_a_pipeline_is_answered_in_order(sally, plain_origin):
    web = plain_origin()
    paths = [f"/{i}" for i in range(50)]
    result = sally.python(PIPELINE, str(web.port), ",".join(paths),
                          rules=f"allow GET http://origin.test:{web.port}/** private")
    assert result.out == "".join(f"200 hello GET {path}\n" for path in paths), result
    assert [request.target for request in web.requests] == paths


def test_each_request_of_a_pipeline_is_judged(sally, plain_origin):
    web = plain_origin()
    rules = f"allow GET http://origin.test:{web.port}/** private\ndeny GET http://origin.test:{web.port}/no"
    result = sally.python(PIPELINE, str(web.port), "/1,/no,/2", rules=rules)
    assert [line[:3] for line in result.out.splitlines()] == ["200", "403", "200"], result
    assert web.paths() == [("GET", "/1"), ("GET", "/2")]


def test_a_request_smuggled_in_a_body_is_a_body(sally, plain_origin):
    seen = []

    def handler(conn):
        seen.append(conn.body())
        conn.reply(200, b"ok")

    web = plain_origin(handler)
    script = """
import inside, sys
port = int(sys.argv[1])
hidden = inside.get(f"origin.test:{port}", "/admin")
sock = inside.plain("origin.test", port)
sock.sendall(inside.get(f"origin.test:{port}", "/", "POST", f"Content-Length: {len(hidden)}\\r\\n") + hidden)
print(inside.response(sock)[0])
sock.sendall(inside.get(f"origin.test:{port}", "/", "POST",
    f"Content-Length: {len(hidden)}\\r\\nTransfer-Encoding: chunked\\r\\n") + b"0\\r\\n\\r\\n" + hidden)
print(inside.response(sock)[0])
"""
    result = sally.python(script, str(web.port), rules=f"allow * http://origin.test:{web.port}/** private")
    assert result.out == "200\n400\n", result
    assert web.paths() == [("POST", "/")]
    assert b"/admin" in seen[0]


def test_another_host_in_the_same_tunnel_is_refused(sally, origin):
    web = origin(names=("origin.test", "other.test"))
    script = """
import inside, sys
port = int(sys.argv[1])
sock = inside.secure(inside.connect("origin.test", port), "origin.test")
sock.sendall(inside.get(f"other.test:{port}", "/"))
print(inside.response(sock)[0])
"""
    rules = f"allow GET origin.test:{web.port}/** private\nallow GET other.test:{web.port}/** private"
    result = sally.python(script, str(web.port), rules=rules)
    assert result.out == "421\n", result
    assert web.connections == 0
