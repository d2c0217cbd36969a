"""Bad input ends in one clear line that says what to do, a status that is not zero, and nothing done."""
import socket
import subprocess
import textwrap

import pytest

from harness.program import read_record


def one_line(result, *words, status=125):
    assert result.status == status, result
    lines = [line for line in result.err.splitlines() if line]
    assert lines and all(line.startswith("sallyport") for line in lines), result
    assert len(lines) <= 2, result
    for word in words:
        assert word in result.err, result
    return result


@pytest.mark.parametrize("words,expected", [
    (["frobnicate"], "frobnicate"),
    (["--frobnicate"], "--frobnicate"),
    (["rules", "frobnicate"], "frobnicate"),
    (["log", "frobnicate"], "show"),
    (["run"], "command"),
    (["run", "--"], "command"),
    (["run", "--workers", "many", "--", "true"], "many"),
    (["run", "--workers", "0", "--", "true"], "--workers"),
    (["run", "--durability", "perhaps", "--", "true"], "perhaps"),
    (["run", "--dns", "not an address", "--", "true"], "--dns"),
    (["run", "--use", "cobol", "--", "true"], "cobol"),
    (["log", "show"], "folder"),
    (["log", "show", "/nonexistent/record"], "/nonexistent/record"),
    (["rules", "check", "/nonexistent/rules"], "/nonexistent/rules"),
    (["rules", "check", "/dev/zero"], "/dev/zero"),
    (["rules", "explain", "GET"], "explain"),
])
def test_words_that_are_none(sally, words, expected):
    one_line(sally.verb(*words), expected)


def test_without_words_the_verbs_are_told(sally):
    result = sally.verb()
    assert result.status == 125 and "run a command" in result.err, result
    assert sally.verb("--help").status == 0
    assert sally.verb("run", "--help").status == 0


def test_an_unknown_option(sally):
    result = sally.verb("run", "--frobnicate", "--", "true")
    assert result.status == 125, result
    assert "--frobnicate" in result.err and "--help" in result.err


@pytest.mark.parametrize("rules,place,word", [
    ("allow\n", "test.rules:1:", "expected"),
    ("# fine\nallow GET origin.test/**\nalow GET other.test\n", "test.rules:3:1", "allow"),
    ("allow GET origin.test/** privat\n", "test.rules:1:", "private"),
    ("allow GET http://[::1\n", "test.rules:1:", "host"),
    ("allow GET origin.test/** body<=1parsec\n", "test.rules:1:", "parsec"),
    ("allow GET origin.test/\0/x\n", "test.rules:1:", ""),
    ("limit memory lots\n", "test.rules:1:", "lots"),
    ("use cobol\n", "test.rules:1:", "cobol"),
])
def test_malformed_rules(sally, rules, place, word):
    sally.write("marker", "")
    result = one_line(sally.run("rm", "marker", rules=rules), place, word)
    assert (sally.folder / "marker").exists()
    assert result.records == []
    one_line(sally.verb("rules", "check", "test.rules"), place, word)


def test_rules_that_cannot_be_read(sally):
    one_line(sally.run("true", options=["--rules", "absent.rules"]), "absent.rules")
    one_line(sally.run("true", options=["--rules", "/usr"]), "/usr")
    if sally.user.uid != 0:
        path = sally.write("closed.rules", "")
        path.chmod(0)
        one_line(sally.run("true", options=["--rules", "closed.rules"]), "closed.rules")


def test_a_record_folder_that_cannot_be(sally):
    sally.write("file", "")
    one_line(sally.verb("run", "--record", "file/record", "--", "true"), "file/record")
    one_line(sally.verb("run", "--record", "/proc/record", "--", "true"), "/proc/record")


def test_a_record_that_somebody_else_is_writing(sally):
    run = sally.start("sh", "-c", "echo ready; read line", stdin=subprocess.PIPE)
    assert run.process.stdout.readline() == "ready\n"
    one_line(sally.verb("run", "--record", run.record, "--", "touch", "x"), str(run.record))
    assert not (sally.folder / "x").exists()
    assert run.finish(input="\n").status == 0


def test_a_port_in_use_outside_is_none_of_the_jails(sally, plain_origin):
    """The door listens in the jail's own network: the same numbers may be taken on the machine, and twice."""
    web = plain_origin()
    taken = []
    for port in (3128, 5300, 53):
        sock = socket.socket()
        try:
            sock.bind(("127.0.0.1", port))
            sock.listen(1)
        except OSError:
            pass  # taken already, or not ours to take
        taken.append(sock)
    command = ["curl", "-sS", f"http://origin.test:{web.port}/"]
    rules = f"allow GET http://origin.test:{web.port}/** private"
    first = sally.start("sh", "-c", "echo ready; read line", stdin=subprocess.PIPE)
    assert first.process.stdout.readline() == "ready\n"
    assert sally.run(*command, rules=rules).out == "hello GET /\n"
    assert first.finish(input="\n", check=False).status == 0
    for sock in taken:
        sock.close()


def test_a_port_that_the_command_takes_is_its_own(sally):
    """And those of the door it does not get: nothing can step between its clients and the gateway."""
    script = """
import os, socket, urllib.parse
port = urllib.parse.urlsplit(os.environ["http_proxy"]).port
for number in (port, 8080):
    for host in ("127.0.0.1", "0.0.0.0"):
        try:
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            sock.bind((host, number))
            sock.listen(1)
            print(number == port, host, "got it")
        except OSError as error:
            print(number == port, host, "in use")
        sock.close()
"""
    result = sally.run("/usr/bin/python3", "-c", script)
    assert result.out == "True 127.0.0.1 in use\nTrue 0.0.0.0 in use\nFalse 127.0.0.1 got it\nFalse 0.0.0.0 got it\n", result


def test_no_home_and_no_record_folder(sally):
    env = sally.environment()
    del env["HOME"]
    one_line(sally.verb("run", "--", "true", env=env), "--record")


# ---- what the machine lacks

@pytest.mark.parametrize("kind,name", [("user", "user"), ("net", "network"), ("cgroup", "cgroup")])
def test_no_namespaces(sally, kind, name):
    """A machine that allows none of a kind: here a nested user namespace whose own limit is zero."""
    script = f"""
        mount -t proc proc /proc 2>/dev/null
        echo 0 > /proc/sys/user/max_{kind}_namespaces || exit 77
        exec {sally.program} run --record record -- touch marker"""
    process = sally.popen(["unshare", "--user", "--map-root-user", "--mount", "--pid", "--fork", "sh", "-c",
                           textwrap.dedent(script)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    out, err = process.communicate(timeout=30)
    if process.returncode == 77 or "unshare" in err:
        pytest.skip(f"a nested user namespace with a limit of its own cannot be made here: {err.strip()}")
    lines = [line for line in err.splitlines() if line]
    assert process.returncode == 125, err
    assert all(line.startswith("sallyport: ") for line in lines) and len(lines) <= 2, err
    assert f"`{name} namespace`" in err and f"sysctl user.max_{kind}_namespaces=" in err, err
    assert not (sally.folder / "marker").exists()


def on_small_disk(sally, script, size="64k"):
    """Runs a shell script as root in a mount namespace where `disk` is a small file system."""
    disk = sally.folder / "disk"
    disk.mkdir()
    return sally.run_in(["unshare", "--mount", "sh", "-c",
                         f"mount -t tmpfs -o size={size},mode=0777 none {disk} && {script}"])


@pytest.mark.as_root
def test_a_full_disk_at_the_start(sally, plain_origin):
    web = plain_origin()
    rules = sally.write("test.rules", f"allow GET http://origin.test:{web.port}/** private")
    result = on_small_disk(sally, f"mkdir disk/record; cat /dev/zero > disk/filler 2>/dev/null; "
                                  f"{sally.program} run --rules {rules} --record disk/record "
                                  f"--dns 127.0.0.1:{sally.nameserver.port} -- "
                                  f"curl -sS http://origin.test:{web.port}/")
    one_line(result, "record", "No space left on device")
    assert web.connections == 0


@pytest.mark.as_root
@pytest.mark.parametrize("durability", ["durable", "buffered"])
def test_a_disk_that_fills_up_on_the_way(sally, plain_origin, durability):
    """Requests pass as long as they are on record; then none does, and the client is told why."""
    web = plain_origin()
    rules = sally.write("test.rules", f"allow GET http://origin.test:{web.port}/** private")
    script = f"""
i=0; while [ $i -lt 60 ]; do
	curl -sS -o answer -w '%{{http_code}}\\n' "http://origin.test:{web.port}/$i"; i=$((i+1))
done
cat answer"""
    client = sally.write("client.sh", script)
    result = on_small_disk(sally, f"{sally.program} run --rules {rules} --record disk/record --durability {durability} "
                                  f"--dns 127.0.0.1:{sally.nameserver.port} -- sh {client}; status=$?; "
                                  f"cp disk/record/*.jsonl {sally.folder}; exit $status", size="24k")
    codes = [line for line in result.out.split() if line.isdigit() and len(line) == 3]
    assert codes[0] == "200" and codes[-1] == "503", result
    assert "the record cannot be written" in result.out
    assert result.status != 0, result
    recorded = {r["path"] for r in read_record(sally.folder) if r["kind"] == "intent" and r["verdict"] == "allow"}
    assert {target for _, target in web.paths()} <= recorded
