"""Which program asked: found out, on record, and what `by` makes of it."""
import os
import signal
import time

import pytest

from test_26_service import service  # noqa: F401: a fixture

CURL = os.path.realpath("/usr/bin/curl")
PYTHON = os.path.realpath("/usr/bin/python3")
BASH = os.path.realpath("/usr/bin/bash")

SOCKET = """
import inside, socket, sys
way, family, port = sys.argv[1], {"4": socket.AF_INET, "6": socket.AF_INET6}[sys.argv[2]], sys.argv[3]
sock = inside.plain("origin.test", int(port), family)
sock.sendall(inside.get("origin.test:" + port, "/py"))
print(inside.response(sock)[0])
"""


def url_of(web):
    return f"http://origin.test:{web.port}"


def told(result, **wanted):
    """The one intent with these fields."""
    intent, = result.of("intent", **wanted)
    return intent


def told_name(result):
    name = result.of("dns", host="origin.test")[0]
    return name["verdict"], name.get("program")


# ---- who it is


@pytest.mark.parametrize("words", [[], ["--noproxy", "*", "-4"], ["--noproxy", "*", "-6"]], ids=["proxy", "captured4", "captured6"])
def test_one_program_may_and_another_may_not(sally, plain_origin, words):
    web = plain_origin()
    command = " ".join(f"'{word}'" for word in words)
    client = sally._client(SOCKET)
    family = "6" if "-6" in words else "4"
    result = sally.run("sh", "-c", f"curl -sS {command} {url_of(web)}/curl; /usr/bin/python3 {client} plain {family} {web.port}",
                       rules=f"allow GET {url_of(web)}/** private by {CURL}")
    assert result.out == "hello GET /curl\n403\n", result
    yes, no = told(result, path="/curl"), told(result, path="/py")
    assert (yes["verdict"], yes["program"], yes["program_words"]) == ("allow", CURL, ["curl"]), yes
    assert yes["pid"] > 1 and "program_doubt" not in yes
    assert yes["parent"] == os.path.realpath("/usr/bin/sh") and yes["parent_pid"] > 1
    assert (no["verdict"], no["reason"], no["program"]) == ("deny", "condition", PYTHON), no
    assert no["program_words"][0] == "/usr/bin/python3" and no["detail"].endswith(f"who asks is {PYTHON}")
    outcome, = result.of("outcome")
    assert {name: outcome[name] for name in ("program", "pid", "parent")} == {name: yes[name] for name in ("program", "pid", "parent")}
    assert yes["way"] == ("transparent" if words else "proxy")


def test_tls_and_a_connection_that_is_kept(sally, origin):
    """CONNECT is judged by who asks too, and what is inside by the same."""
    web = origin()
    url = f"https://origin.test:{web.port}"
    result = sally.run("sh", "-c", f"curl -sS {url}/1 {url}/2; /usr/bin/python3 -c 'import urllib.request; urllib.request.urlopen(\"{url}/3\")'",
                       rules=f"allow GET origin.test:{web.port}/** private by {CURL}")
    assert result.out == "hello GET /1\nhello GET /2\n", result
    assert [r["program"] for r in result.of("intent", verdict="allow")] == [CURL, CURL]
    refused = told(result, verdict="deny")
    assert (refused["method"], refused["program"], refused["reason"]) == ("CONNECT", PYTHON, "condition"), refused
    assert web.paths() == [("GET", "/1"), ("GET", "/2")]


def test_without_by_everybody_is_on_record(sally, plain_origin):
    web = plain_origin()
    result = sally.run("curl", "-sS", url_of(web), f"{url_of(web)}/b", rules=f"allow GET {url_of(web)}/** private")
    assert [(r["program"], r["program_words"][0], "parent" in r) for r in result.of("intent")] == [(CURL, "curl", False)] * 2, result


@pytest.mark.once
def test_200_at_once(sally, plain_origin):
    web = plain_origin()
    script = f"for i in $(seq 200); do curl -sS {url_of(web)}/$i & done; wait"
    result = sally.run("bash", "-c", script, rules=f"allow GET {url_of(web)}/** private by {CURL}", timeout=60)
    assert sorted(result.out.splitlines()) == sorted(f"hello GET /{i}" for i in range(1, 201)), result
    intents = result.of("intent", program=CURL, parent=BASH)
    assert len(intents) == 200 and len({r["pid"] for r in intents}) == 200
    assert not [r for r in intents if "program_doubt" in r]


# ---- who is not taken for it


FAKES = {
    "a copy in the working folder": (f"cp {CURL} mine; ./mine", "writable"),
    "a copy in /tmp": (f"cp {CURL} /tmp/curl; /tmp/curl", "writable"),
    "a copy that is gone": (f"cp {CURL} mine; exec 9<mine; rm mine; /proc/self/fd/9", "writable"),
    "a hard link's name": (f"mkdir -p usr/bin; cp {CURL} usr/bin/curl; usr/bin/curl", "writable"),
}


@pytest.mark.parametrize("fake", FAKES)
def test_a_copy_is_not_the_program(sally, plain_origin, fake):
    web = plain_origin()
    command, doubt = FAKES[fake]
    result = sally.run("bash", "-c", f"{command} -sS -o /dev/null -w '%{{http_code}}' {url_of(web)}/",
                       rules=f"allow GET {url_of(web)}/** private by {CURL}")
    assert result.out == "403", result
    intent = told(result)
    assert (intent["verdict"], intent["program_doubt"]) == ("deny", doubt), intent
    assert intent["program"] != CURL and not web.requests


def test_nor_is_one_of_memory(sally, plain_origin):
    """A file without a place, named like the program."""
    web = plain_origin()
    result = sally.python(f"""
import os, sys
memory = os.memfd_create("usr/bin/curl")
os.write(memory, open("{CURL}", "rb").read())
os.execv(f"/proc/self/fd/{{memory}}", ["{CURL}", "-sS", "-o", "/dev/null", "-w", "%{{http_code}}", sys.argv[1]])
""", url_of(web), rules=f"allow GET {url_of(web)}/** private by {CURL}\nallow GET {url_of(web)}/** private by /*curl*")
    assert result.out == "403", result
    assert told(result)["program_doubt"] == "writable"


def test_a_link_to_it_is(sally, plain_origin):
    web = plain_origin()
    result = sally.run("sh", "-c", f"ln -s {CURL} other; ./other -sS {url_of(web)}/", rules=f"allow GET {url_of(web)}/** private by {CURL}")
    assert result.out == "hello GET /\n", result
    assert told(result)["program"] == CURL and told(result)["program_words"][0] == "./other"


def test_what_it_calls_itself_is_nothing(sally, plain_origin):
    web = plain_origin()
    client = sally._client("import ctypes\nctypes.CDLL(None).prctl(15, b'curl) S 1 (', 0, 0, 0)\n" + SOCKET)
    result = sally.run("bash", "-c", f"exec -a {CURL} /usr/bin/python3 {client} plain 4 {web.port}",
                       rules=f"allow GET {url_of(web)}/** private by {CURL}")
    assert result.out == "403\n", result
    assert (told(result)["program"], told(result)["program_words"][0]) == (PYTHON, CURL)


# ---- connections that change hands


HANDED = """
import inside, os, socket, subprocess, sys, time
host, port = inside.proxy()
sock = socket.socket()
sock.settimeout(20)
os.set_inheritable(sock.fileno(), True)
"""

ASK = """
sock.sendall(f"GET {sys.argv[1]}/ HTTP/1.1\\r\\nHost: {sys.argv[1][7:]}\\r\\n\\r\\n".encode())
print(inside.response(sock)[0])
"""


def test_a_socket_that_two_programs_have(sally, plain_origin):
    web = plain_origin()
    script = HANDED + "other = subprocess.Popen(['/usr/bin/sleep', '60'], close_fds=False)\nsock.connect((host, port))\n" + ASK + "other.kill()\n"
    result = sally.python(script, url_of(web), rules=f"allow GET {url_of(web)}/** private by {PYTHON}\nallow GET {url_of(web)}/** private by /usr/bin/sleep")
    assert result.out == "403\n", result
    intent = told(result)
    assert (intent["program"], intent["program_doubt"]) == (PYTHON, "shared"), intent  # the older one


def test_a_socket_that_a_program_has_twice(sally, plain_origin):
    web = plain_origin()
    script = HANDED + "child = os.fork()\nif child == 0:\n    time.sleep(60)\nsock.connect((host, port))\n" + ASK + "os.kill(child, 9)\n"
    result = sally.python(script, url_of(web), rules=f"allow GET {url_of(web)}/** private by {PYTHON}")
    assert result.out == "200\n", result
    assert "program_doubt" not in told(result)


def test_who_opened_it_stays_on_record_when_it_becomes_another(sally, plain_origin):
    """Opened by one that may not, which then becomes one that may."""
    web = plain_origin()
    ask = f"printf \"GET {url_of(web)}/ HTTP/1.1\\\\r\\\\nHost: origin.test:{web.port}\\\\r\\\\nConnection: close\\\\r\\\\n\\\\r\\\\n\" >&$0; head -1 <&$0"
    script = HANDED + f"sock.connect((host, port))\nsock.setblocking(True)\ntime.sleep(1)\nos.execv('{BASH}', ['bash', '-c', {ask!r}, str(sock.fileno())])\n"
    result = sally.python(script, rules=f"allow GET {url_of(web)}/** private by {BASH}")
    assert result.out.startswith("HTTP/1.1 403"), result
    assert told(result)["program"] == PYTHON and not web.requests


def test_a_process_that_hides(sally, plain_origin):
    """It cannot be looked into, and so may hold what another was seen with."""
    web = plain_origin()
    script = HANDED + """
import ctypes
child = os.fork()
if child == 0:
    ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
    time.sleep(60)
time.sleep(0.5)
""" + f"sock.connect((host, port))\nsock.sendall(b'GET {url_of(web)}/ HTTP/1.1\\r\\nHost: origin.test:{web.port}\\r\\n\\r\\n')\n" \
        + "print(inside.response(sock)[0])\nos.kill(child, 9)\n"
    result = sally.python(script, rules=f"allow GET {url_of(web)}/** private by {PYTHON}")
    intent = told(result)
    if sally.user.uid == 0:  # root sees everybody: the same program, twice
        assert result.out == "200\n" and "program_doubt" not in intent, result
    else:
        assert result.out == "403\n" and intent["program_doubt"] == "hidden", result


def test_a_process_that_hides_behind_its_ended_first_thread(sally, plain_origin):
    """What looks dead lives on by another thread, and may hold what another was seen with."""
    web = plain_origin()
    script = HANDED + """
import ctypes, threading
libc = ctypes.CDLL(None)
child = os.fork()
if child == 0:
    libc.prctl(4, 0, 0, 0, 0)  # PR_SET_DUMPABLE
    threading.Thread(target=time.sleep, args=(60,)).start()
    libc.syscall(60, 0)  # exit of this thread alone
while open(f"/proc/{child}/stat").read().rpartition(")")[2].split()[0] != "Z":
    time.sleep(0.01)
""" + f"sock.connect((host, port))\nsock.sendall(b'GET {url_of(web)}/ HTTP/1.1\\r\\nHost: origin.test:{web.port}\\r\\n\\r\\n')\n" \
        + "print(inside.response(sock)[0])\nos.kill(child, 9)\n"
    result = sally.python(script, rules=f"allow GET {url_of(web)}/** private by {PYTHON}")
    assert result.out == "403\n", result
    assert told(result)["program_doubt"] == ("shared" if sally.user.uid == 0 else "hidden"), told(result)


@pytest.mark.once
def test_a_crowd_of_descriptors_is_not_looked_through(sally, plain_origin):
    """Who asks is in doubt while they are open, and known again when they are gone."""
    web = plain_origin()
    result = sally.python(f"""
import os, signal, subprocess
children = []
for _ in range(40):
    r, w = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(r)
        null = os.open("/dev/null", os.O_RDONLY)
        for _ in range(450):
            os.dup(null)
        os.write(w, b"x")
        signal.pause()
    os.close(w)
    assert os.read(r, 1) == b"x"
    os.close(r)
    children.append(child)
subprocess.run(["curl", "-sS", "-o", "/dev/null", "{url_of(web)}/crowd"])
for child in children:
    os.kill(child, 9)
    os.waitpid(child, 0)
subprocess.run(["curl", "-sS", "{url_of(web)}/alone"])
""", rules=f"allow GET {url_of(web)}/** private by {CURL}")
    assert result.out == "hello GET /alone\n", result
    crowd, alone = told(result, path="/crowd"), told(result, path="/alone")
    assert (crowd["verdict"], crowd["program_doubt"]) == ("deny", "hidden"), crowd
    assert (alone["verdict"], alone["program"]) == ("allow", CURL) and "program_doubt" not in alone


def test_a_loader_is_not_what_it_loads(sally, plain_origin):
    web = plain_origin()
    loader = "/lib64/ld-linux-x86-64.so.2"
    result = sally.run(loader, CURL, "-sS", url_of(web), rules=f"allow GET {url_of(web)}/** private by {CURL}")
    assert "403" in result.out or "condition" in result.out, result
    assert told(result)["program"] == os.path.realpath(loader) and not web.requests


def test_a_port_that_another_takes_over(sally, plain_origin):
    """It asks, resets its connection, and leaves its port to who may, before anybody can look."""
    web = plain_origin()
    script = f"""
import inside, os, socket, struct, sys, time
print("ready", flush=True)
sys.stdin.readline()
sock = socket.create_connection(inside.proxy())
port = sock.getsockname()[1]
sock.sendall(b"GET {url_of(web)}/stolen HTTP/1.1\\r\\nHost: origin.test:{web.port}\\r\\n\\r\\n")
time.sleep(0.5)  # it is read
sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
sock.close()
host, to = inside.proxy()
again = socket.socket()
again.bind(("127.0.0.1", port))
again.connect((host, to))
os.set_inheritable(again.fileno(), True)
child = os.posix_spawn("/usr/bin/sleep", ["sleep", "60"], os.environ)
again.close()
print("gone", flush=True)
sys.stdin.readline()
os.kill(child, 9)
"""
    run = sally.start_python(script, rules=f"allow GET {url_of(web)}/** private by /usr/bin/sleep")
    assert run.process.stdout.readline() == "ready\n"
    run.process.send_signal(signal.SIGSTOP)
    run.process.stdin.write("\n")
    run.process.stdin.flush()
    assert run.process.stdout.readline() == "gone\n"
    run.process.send_signal(signal.SIGCONT)
    time.sleep(1)
    result = run.finish(input="\n")
    assert not web.requests, result
    assert not result.of("intent", verdict="allow"), result


# ---- who cannot be known


def test_one_that_is_gone_already(sally, plain_origin):
    """It asks and ends while nobody can look."""
    web = plain_origin()
    script = f"""
import inside, os, socket, sys
print("ready", flush=True)
sys.stdin.readline()
if os.fork() == 0:
    sock = socket.create_connection(inside.proxy())
    sock.sendall(b"GET {url_of(web)}/ HTTP/1.1\\r\\nHost: origin.test:{web.port}\\r\\n\\r\\n")
    os._exit(0)
os.wait()
print("gone", flush=True)
sys.stdin.readline()
"""
    run = sally.start_python(script, rules=f"allow GET {url_of(web)}/** private by {PYTHON}")
    assert run.process.stdout.readline() == "ready\n"
    run.process.send_signal(signal.SIGSTOP)
    run.process.stdin.write("\n")
    run.process.stdin.flush()
    assert run.process.stdout.readline() == "gone\n"
    run.process.send_signal(signal.SIGCONT)
    time.sleep(1)
    result = run.finish(input="\n")
    intent = told(result)
    assert (intent["program"], intent["program_doubt"], intent["verdict"]) == ("unknown", "unknown", "deny"), result
    assert "pid" not in intent and "parent" not in intent and not web.requests


@pytest.mark.once
def test_no_answer_in_time(sally, plain_origin):
    web = plain_origin()
    script = """
import inside, sys, socket
print("ready", flush=True)
sys.stdin.readline()
sock = inside.plain("origin.test", int(sys.argv[1]))
sock.sendall(inside.get("origin.test:" + sys.argv[1]))
print(inside.response(sock)[0], flush=True)
sys.stdin.readline()
"""
    run = sally.start_python(script, str(web.port), rules=f"allow GET {url_of(web)}/** private by {PYTHON}")
    assert run.process.stdout.readline() == "ready\n"
    run.process.send_signal(signal.SIGSTOP)
    run.process.stdin.write("\n")
    run.process.stdin.flush()
    assert run.process.stdout.readline() == "403\n"
    run.process.send_signal(signal.SIGCONT)
    result = run.finish(input="\n")
    assert (told(result)["program"], told(result)["program_doubt"]) == ("unknown", "late"), result


# ---- deny, tunnels


def test_a_deny_holds_for_who_may_be_it(sally, plain_origin):
    web = plain_origin()
    show = "-sS -o /dev/null -w '%{http_code}\\n'"
    result = sally.run("sh", "-c", f"cp {CURL} mine; curl {show} {url_of(web)}/1; ./mine {show} {url_of(web)}/2; "
                                   f"/usr/bin/python3 -c 'import urllib.request; print(urllib.request.urlopen(\"{url_of(web)}/3\").status)'",
                       rules=f"allow GET {url_of(web)}/** private\ndeny * origin.test by {CURL}")
    assert result.out == "403\n403\n200\n", result
    assert [r["reason"] for r in result.of("intent")] == ["denied", "denied", "allowed"]


def test_tunnels(sally, plain_origin):
    """Unread bytes are for one program as well, and a deny for one is not gone round by a tunnel."""
    web = plain_origin()
    script = """
import inside, sys
try:
    sock = inside.connect("origin.test", int(sys.argv[1]))
    sock.sendall(inside.get("origin.test", "/t"))
    print(inside.response(sock)[0])
except ConnectionError as error:
    print(str(error).split()[1])
"""
    may = sally.python(script, str(web.port), rules=f"tunnel origin.test:{web.port} private by {PYTHON}", check=False)
    assert may.out == "200\n" and told(may)["verdict"] == "tunnel", may
    may_not = sally.python(script, str(web.port), rules=f"tunnel origin.test:{web.port} private by {CURL}")
    assert may_not.out == "403\n" and told(may_not)["reason"] == "condition", may_not
    denied = sally.python(script, str(web.port), rules=f"tunnel origin.test:{web.port} private\ndeny * origin.test by {PYTHON}")
    assert denied.out == "403\n" and told(denied)["reason"] == "denied", denied


def test_a_name_is_there_for_whoever_may(sally, plain_origin):
    """Names are asked for before anybody connects, by whom is not known: any program's statement will do."""
    web = plain_origin()
    result = sally.python("import socket\nprint(socket.gethostbyname('origin.test'))", rules=f"allow GET {url_of(web)}/** private by {CURL}")
    assert result.out.startswith("198.1"), result
    assert told_name(result) == ("allow", None)


# ---- in words


def test_a_secret_on_a_command_line_is_not_on_record(sally, plain_origin):
    """Of who asks, that is; the run's own command is recorded as given."""
    web = plain_origin()
    secrets = ["-H", "Authorization: Bearer s3cr3t-one"], ["-u", "me:s3cr3t-two"], ["s3cr3t_three@origin.test/"]
    lines = "\n".join("curl -sS " + " ".join(f"'{word}'" for word in words) + f" {url_of(web)}/ || true" for words in secrets)
    sally.write("work.sh", lines.replace("s3cr3t_three@", "http://me:s3cr3t_three@"))
    result = sally.run("sh", "work.sh", rules=f"allow GET {url_of(web)}/** private")
    assert len(result.of("intent", program=CURL, verdict="allow")) >= 3, result
    assert {tuple(r["program_words"]) for r in result.of("intent")} == {("curl",)}
    assert not [path for path in result.record.rglob("*") if path.is_file() and b"s3cr3t" in path.read_bytes()]


def test_the_refusal_says_who_and_what_would_help(sally, plain_origin):
    web = plain_origin()
    rules = f"allow GET {url_of(web)}/** private by /usr/bin/git"
    text = sally.run("curl", "-sS", url_of(web), rules=rules)
    assert f"  program: {CURL}\n" in text.out and f"    allow GET {url_of(web)}/ by {CURL}\n" in text.out, text
    as_json = sally.run("curl", "-sS", "-H", "Accept: application/json", url_of(web), rules=rules)
    assert f'"program":"{CURL}"' in as_json.out and f'by {CURL}"' in as_json.out, as_json
    copy = sally.run("sh", "-c", f"cp {CURL} mine; ./mine -sS {url_of(web)}", rules=rules)
    assert "its file is where the command can write" in copy.out and "to allow it" not in copy.out, copy


def test_verbs(sally, plain_origin):
    web = plain_origin()
    page = sally.write("by.rules", f"allow GET {url_of(web)}/** private by {CURL}\n")
    explain = ["rules", "explain", "--rules", page]
    assert sally.verb(*explain, "--by", CURL, "GET", url_of(web)).status == 0
    other = sally.verb(*explain, "--by", PYTHON, "GET", url_of(web))
    assert other.status == 1 and f"another program than {PYTHON}" in other.out, other
    assert sally.verb(*explain, "GET", url_of(web)).status == 1
    result = sally.run("sh", "-c", f"cp {CURL} mine; curl -sS {url_of(web)}/1; ./mine -sS {url_of(web)}/2", rules=f"allow GET {url_of(web)}/** private")
    show = sally.verb("log", "show", "--program", "curl", result.record).out
    assert "/1  [complete test.rules:1] by curl\n" in show and "/2" not in show, show
    everything = sally.verb("log", "show", "--all", result.record).out
    assert f"by {CURL} (" in everything and "/mine (" in everything and ")?\n" in everything, everything
    replayed = sally.verb("rules", "replay", "--rules", page, result.record)
    assert replayed.status == 1 and "/2  was allow" in replayed.out and "/1 " not in replayed.out, replayed


def test_a_name_that_no_process_has(sally):
    sally.write("script", "#!/bin/sh\n").chmod(0o755)
    os.symlink(CURL, sally.folder / "link")
    for path, said in ((sally.folder / "link", f"is a link: a process is known by its own file, {CURL}"), (sally.folder / "script", "is a script")):
        result = sally.run("true", rules=f"allow GET a.test by {path}")
        assert result.status == 125 and f"test.rules:1: by {path} {said}" in result.err, result
    assert sally.run("true", rules="allow GET a.test by /opt/not/here").status == 0


def test_a_service_does_not_know(sally, service):  # noqa: F811
    page = sally.write("by.rules", "allow GET a.test by /usr/bin/git\n")
    sally.verb("ca", "init", "ca")
    result = sally.verb("gateway", "--listen", "127.0.0.1:3128", "--rules", page, "--ca", "ca", "--record", "rec")
    assert result.status == 125 and "a service does not know which program asks" in result.err, result
