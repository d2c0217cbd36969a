"""The gateway's process gives up all but the network and its record; what it is for goes on working."""
import contextlib
import os
import pathlib
import signal
import subprocess

import pytest

from test_26_service import Service
from test_34_crash import is_sanitized


def status_of(pid):
    return dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())


def children_of(pid):
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]) == pid:
                    found.append(int(entry.name))
    return found


def check(pid):
    status = status_of(pid)
    assert (status["Seccomp"], status["NoNewPrivs"]) == ("2", "1"), status
    assert {int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")} == {0}, status
    if os.geteuid() == 0 and status["Uid"].split()[0] == "0":
        assert int(status["CapBnd"], 16) == 0, status
    # Not dumpable: what is its own belongs to root, and no process of its user may trace it.
    assert os.stat(f"/proc/{pid}/maps").st_uid == 0


@pytest.fixture
def service(sally):
    made = []

    def make(*arguments, **keys):
        made.append(Service(sally, *arguments, **keys))
        return made[-1]
    yield make
    for one in made:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def test_the_gateway_of_a_run_is_confined(sally, plain_origin):
    """Whoever started the run is not: it never sees a byte of a client."""
    def look(conn):
        pid = run.gateway_pid()
        check(pid)
        seen.append(status_of(run.process.pid)["Seccomp"])
        conn.reply(200, b"seen")

    seen = []
    web = plain_origin(look)
    run = sally.start("curl", "-sS", f"http://origin.test:{web.port}/",
                      rules=f"allow GET http://origin.test:{web.port}/ private", options=("--verbose",))
    result = run.finish()
    assert result.out == "seen" and seen == ["0"], (result, seen)
    assert "sallyport gateway: confined by " in result.err


@pytest.mark.once
def test_a_service_is_confined_and_does_all_it_is_for(sally, service, origin, ca):
    """Other rules with roots of their own, rotation, compression, bodies, checkpoints by a command, an RSA leaf."""
    web = origin(names=("origin.test",))
    roots = sally.write("roots.pem", pathlib.Path(ca.pem).read_text())
    held = sally.folder / "held"
    rules = f"allow GET https://origin.test:{web.port}/old private log body\n"
    gateway = service(rules, options=("--checkpoint-to", f"|cat >>{held}"))
    url = f"https://origin.test:{web.port}"
    assert gateway.curl(f"{url}/old").stdout == "hello GET /old\n"
    (pid, ) = [p for p in children_of(gateway.process.pid) if status_of(p)["Seccomp"] == "2"]
    check(pid)
    (helper, ) = children_of(pid)
    assert status_of(helper)["Seccomp"] == "0", "who runs the command is another process"
    gateway.rules.write_text(f"allow GET https://origin.test:{web.port}/** private log body ca {roots}\n")
    gateway.signal(signal.SIGHUP)
    gateway.hear("the new rules are in force")
    assert gateway.curl(f"{url}/new").stdout == "hello GET /new\n"
    rsa = subprocess.run(["openssl", "s_client", "-proxy", f"127.0.0.1:{gateway.port}", "-connect", f"origin.test:{web.port}",
                          "-servername", "origin.test", "-tls1_2", "-sigalgs", "RSA+SHA256:RSA-PSS+SHA256",
                          "-cipher", "ECDHE-RSA-AES128-GCM-SHA256", "-CAfile", gateway.ca / "ca.pem"],
                         input="", text=True, capture_output=True, timeout=20)
    assert "RSA" in rsa.stdout and "ECDHE-RSA-AES128-GCM-SHA256" in rsa.stdout, rsa
    check(pid)
    result = gateway.end()
    assert {"rules-changed", "upstream-files"} <= {r["reason"] for r in result.of("event")}
    assert len(list((gateway.record / "bodies").iterdir())) == 2
    assert held.read_text().strip().endswith((gateway.record / "checkpoints").read_text().strip().split("\n\n")[-1].strip())


@pytest.mark.as_root
def test_a_record_folder_of_another_user_is_refused_with_the_reason(sally):
    """Root gives up its powers before it writes: it is an owner of files like others."""
    record = sally.folder / "theirs"
    record.mkdir(mode=0o700)
    os.chown(record, 65534, 65534)
    result = sally.run("true", options=("--record", record), check=False)
    assert result.status == 125 and "confinement of the gateway" in result.err, result
    assert "belongs to the user who starts the run" in result.err
    os.chown(record, 0, 0)
    assert sally.run("true", options=("--record", record)).status == 0


@pytest.mark.once
def test_a_call_that_is_not_ours_ends_the_gateway_and_the_run(sally):
    """Nothing of ours runs a program: a library that is loaded before does, at the first client."""
    if is_sanitized(sally.program):
        pytest.skip("a sanitizer wants to be the first library: the unsanitized build runs this")
    source = sally.folder / "taken.c"
    source.write_text("""
#include <unistd.h>
int accept4(int fd, void *at, void *len, int flags)
{
	(void)fd; (void)at; (void)len; (void)flags;
	return execl("/bin/true", "true", (char *)0);
}
""")
    library = sally.base / f"taken-{sally.user.name}.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    result = sally.run("sh", "-c", "curl -s http://refused.test/; sleep 5", env={"LD_PRELOAD": str(library)}, check=False)
    assert result.status == 125 and "gateway process died" in result.err and "dmesg" in result.err, result
