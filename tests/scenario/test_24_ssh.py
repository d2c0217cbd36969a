"""git over ssh: out through a `tunnel` statement, and a refusal says why where its user reads."""
import shutil
import subprocess
import threading

import pytest

pytestmark = [pytest.mark.once, pytest.mark.skipif(not shutil.which("ssh") or not shutil.which("git"),
                                                   reason="ssh and git are not installed")]


def banner(conn):
    """Enough of an SSH server to see that a client came through."""
    conn.send(b"SSH-2.0-scenario\r\n")
    seen.append(conn.line())
    arrived.set()


seen, arrived = [], threading.Event()


def clone(sally, port, rules):
    return sally.run("git", "clone", "-q", f"ssh://git@origin.test:{port}/x.git", "/tmp/x", rules=rules, timeout=90)


def test_through_a_tunnel_statement(sally, plain_origin):
    seen.clear(), arrived.clear()
    web = plain_origin(raw=banner)
    result = clone(sally, web.port, f"tunnel origin.test:{web.port} private")
    assert arrived.wait(5) and seen[0].startswith(b"SSH-2.0-OpenSSH"), result
    intent, = result.of("intent")
    assert (intent["way"], intent["verdict"], intent["host"]) == ("connect", "tunnel", "origin.test")


def test_a_refusal_says_why(sally, plain_origin):
    web = plain_origin(raw=banner)
    result = clone(sally, web.port, "")
    assert result.status != 0
    assert "sallyport refused this request (no-rule)" in result.err, result
    assert f"tunnel origin.test:{web.port}" in result.err
    assert web.connections == 0


def test_the_helper_carries_bytes_and_both_ends(sally, plain_origin):
    def shout(conn):
        try:
            while True:
                conn.more()
        except Exception:
            conn.send(conn.buffer.upper())

    web = plain_origin(raw=shout)
    result = sally.run("sh", "-c", f"yes word | head -c 100000 | /run/sallyport/sallyport connect origin.test {web.port} | "
                       "tr -d '\\n' | head -c 8", rules=f"tunnel origin.test:{web.port} private")
    assert result.out == "WORDWORD", result
    assert result.of("outcome")[0]["request_bytes"] == 100000
