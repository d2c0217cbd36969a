"""The command is run as `env` would run it: exit status, signals, terminal, stdin; and a summary at the end."""
import fcntl
import hashlib
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

import pytest


@pytest.mark.parametrize("status", [0, 1, 42, 255])
def test_exit_status(sally, status):
    result = sally.run("sh", "-c", f"exit {status}")
    assert result.status == status, result
    assert result.of("stop")[0]["exit_status"] == status


def test_a_command_that_does_not_exist(sally):
    result = sally.run("no-such-command")
    assert result.status == 127, result
    assert "no-such-command" in result.err
    assert "\n" not in result.err.strip("\n").split("sallyport:")[1].strip("\n")


def test_a_command_that_cannot_be_run(sally):
    sally.write("plain.txt", "text\n")
    result = sally.run("./plain.txt")
    assert result.status == 126, result
    assert "plain.txt" in result.err


def test_our_own_failure(sally):
    result = sally.run("true", rules="allow nonsense here\n")
    assert result.status == 125, result


@pytest.mark.parametrize("name", ["TERM", "KILL", "SEGV"])
def test_a_command_that_a_signal_ended(sally, name):
    result = sally.run("sh", "-c", f"kill -{name} $$")
    assert result.status == 128 + getattr(signal, "SIG" + name), result


def test_stdin_and_binary_output_pass_through(sally):
    data = "".join(chr(33 + i % 90) for i in range(200_000))
    result = sally.start("sha256sum", stdin=subprocess.PIPE).finish(input=data)
    assert result.out.split()[0] == hashlib.sha256(data.encode()).hexdigest(), result


def test_every_byte_passes_both_ways(sally):
    """No terminal, no text: NUL, 0xff and line ends arrive as they were."""
    data = bytes(range(256)) * 3000 + b"no end of line"
    record = sally.folder / "record"
    process = sally.popen([sally.program, "run", "--quiet", "--record", record, "--", "cat"], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.communicate(data, timeout=30)
    assert (process.returncode, out == data, err) == (0, True, b"")


def test_stdin_at_its_end_is_at_its_end(sally):
    assert sally.run("cat").out == ""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_reach_the_command(sally, number):
    name = number.name[3:]
    run = sally.start("bash", "-c", f"trap 'echo got {name}; exit 7' {name}; echo ready; while :; do sleep 0.05; done")
    assert run.process.stdout.readline() == "ready\n"
    run.process.send_signal(number)
    result = run.finish()
    assert (result.status, result.out) == (7, f"got {name}\n"), result


def test_a_signal_that_the_command_does_not_handle_ends_it(sally):
    run = sally.start("sh", "-c", "echo ready; exec sleep 60")
    assert run.process.stdout.readline() == "ready\n"
    run.process.terminate()
    assert run.finish().status in (128 + signal.SIGTERM, -signal.SIGTERM)


def test_when_sallyport_is_killed_everything_dies(sally):
    run = sally.start("sh", "-c", "sleep 61 & setsid sleep 62 & echo ready; wait")
    assert run.process.stdout.readline() == "ready\n"
    run.process.kill()
    result = run.finish()
    assert result.status == -signal.SIGKILL
    assert result.of("stop")[0]["reason"] == "run-vanished"


def test_when_the_gateway_is_killed_the_command_is_ended(sally):
    run = sally.start("sh", "-c", "echo ready; sleep 61")
    assert run.process.stdout.readline() == "ready\n"
    os.kill(run.gateway_pid(), signal.SIGKILL)
    result = run.finish(check=False)
    assert result.status == 125, result
    assert "gateway" in result.err


def test_what_the_command_left_in_the_background_dies_with_it(sally):
    result = sally.run("sh", "-c", "(sleep 61 & setsid sleep 62 & ) ; exit 3")
    assert result.status == 3, result


def read_until(fd, text, seconds=20, then=b""):
    data, end = b"", time.monotonic() + seconds
    while (text not in data or then not in data[data.find(text) + len(text):]) and time.monotonic() < end:
        if select.select([fd], [], [], 0.2)[0]:
            try:
                data += os.read(fd, 65536)
            except OSError:
                break
    assert text in data and then in data[data.find(text) + len(text):], data
    return data


@pytest.fixture
def terminal():
    ours, theirs = pty.openpty()
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


def start_on(sally, theirs, *command):
    # A session of its own whose terminal is the pty: as in a window.
    return sally.start(*command, stdin=theirs, stdout=theirs, stderr=theirs, through=("setsid", "--ctty", "--wait"))


def test_a_terminal_is_a_terminal(sally, terminal):
    ours, theirs = terminal
    run = start_on(sally, theirs, "sh", "-c",
                   "test -t 0 && test -t 1 && test -t 2 && echo all three; stty size; read line; echo got $line; stty size")
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 99, 0, 0))
    read_until(ours, b"all three")
    os.write(ours, b"words\n")
    read_until(ours, b"got words\r\n33 99")
    assert run.finish().status == 0


def test_the_command_hears_of_a_new_size(sally, terminal):
    ours, theirs = terminal
    run = start_on(sally, theirs, "bash", "-c", "trap 'stty size; exit 4' WINCH; echo ready; while :; do sleep 0.05; done")
    read_until(ours, b"ready")
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 44, 111, 0, 0))
    read_until(ours, b"44 111")
    assert run.finish().status == 4


@pytest.fixture
def shell(sally, terminal):
    """A shell with job control in a terminal, as people have."""
    ours, theirs = terminal
    env = sally.environment({"PS1": "$ ", "TERM": "dumb", "RUN": f"{sally.program} run --quiet --record {sally.folder}/record --"})
    process = sally.popen(["setsid", "--ctty", "--wait", "bash", "--norc", "--noediting", "-i"], env=env,
                          stdin=theirs, stdout=theirs, stderr=theirs)
    read_until(ours, b"$ ")

    def say(keys, expected, prompt=True):
        """Types; a shell says what it did with a job shortly before it is all done, and people are slower than that."""
        os.write(ours, keys)
        read_until(ours, expected, then=b"$ " if prompt else b"")
        if keys in (b"\x1a", b"fg\n"):
            time.sleep(0.5)

    yield say
    os.write(ours, b"exit\nexit\n")
    process.wait(timeout=20)


def test_control_z_and_fg(shell):
    shell(b"$RUN sh -c 'echo ready; while read l; do echo got $l; done'\n", b"ready\r\n", prompt=False)
    shell(b"one\n", b"got one", prompt=False)
    shell(b"\x1a", b"Stopped")
    shell(b"echo as''ide\n", b"aside\r\n")
    shell(b"fg\n", b"done'\r\n", prompt=False)
    shell(b"two\n", b"got two", prompt=False)
    shell(b"\x04", b"")
    shell(b"echo status=$?\n", b"status=0")


def test_a_shell_inside_has_job_control(shell):
    shell(b"$RUN bash --norc --noediting -i\n", b"")
    shell(b"sh -c 'echo sta''rted; exec sleep 40'\n", b"started", prompt=False)
    shell(b"\x1a", b"Stopped")
    shell(b"fg\n", b"40'\r\n", prompt=False)
    shell(b"\x03", b"")
    shell(b"exit 5\n", b"")
    shell(b"echo status=$?\n", b"status=5")


def test_control_c_goes_to_the_command(sally, terminal):
    ours, theirs = terminal
    run = start_on(sally, theirs, "bash", "-c", "trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.05; done")
    read_until(ours, b"ready")
    os.write(ours, b"\x03")
    read_until(ours, b"caught")
    assert run.finish().status == 9


def test_the_terminal_cannot_be_typed_into_from_inside(sally, terminal):
    """TIOCSTI would put a command line into the shell outside."""
    ours, theirs = terminal
    script = "import fcntl, termios\ntry:\n  fcntl.ioctl(0, termios.TIOCSTI, b'x')\n  print('typed')\nexcept OSError as e:\n  print('refused', e.errno)\n"
    run = start_on(sally, theirs, "python3", "-c", script)
    read_until(ours, b"refused")
    assert run.finish().status == 0


def test_summary(sally, plain_origin):
    web = plain_origin()
    url = f"http://origin.test:{web.port}"
    rules = f"allow GET {url}/yes private"
    result = sally.run("curl", "-sS", f"{url}/yes", f"{url}/no", rules=rules)
    assert result.out.startswith("hello")
    assert "origin.test" in result.err and "1 allowed" in result.err and "1 refused" in result.err, result
    assert str(result.record) in result.err
    stop, = result.of("stop")
    assert (stop["allowed"], stop["refused"]) == (1, 1)
    quiet = sally.run("curl", "-sS", f"{url}/yes", rules=rules, options=["--quiet"])
    assert (quiet.out, quiet.err) == ("hello GET /yes\n", "")


def test_nothing_asked_nothing_summed_up(sally):
    assert "no request was made" in sally.run("true").err


def test_made_up_names_do_not_bury_the_summary(sally, plain_origin):
    """Nor fill the gateway's memory: from so many on they are told together."""
    web = plain_origin()
    script = """
import inside, socket, sys
port = int(sys.argv[1])
sock = socket.create_connection(inside.proxy())
for i in range(1000):
    sock.sendall(f"GET http://n{i}.example/ HTTP/1.1\\r\\nHost: n{i}.example\\r\\n\\r\\n".encode())
    status, _, _, _ = inside.response(sock)
    assert status == 403
sock.sendall(f"GET http://origin.test:{port}/ HTTP/1.1\\r\\nHost: origin.test:{port}\\r\\n\\r\\n".encode())
print(inside.response(sock)[0])
"""
    result = sally.python(script, str(web.port), rules=f"allow GET http://origin.test:{web.port}/** private",
                          options=("--durability", "buffered"))
    assert result.out == "200\n", result
    assert len(result.err.splitlines()) < 500 and re.search(r"\(other hosts\) +0 allowed +800 refused", result.err), result
    assert re.search(r"origin\.test +1 allowed", result.err), result
    stop, = result.of("stop")
    assert (stop["allowed"], stop["refused"]) == (1, 1000)


def test_the_commands_stderr_is_its_own(sally):
    result = sally.run("sh", "-c", "echo theirs >&2", options=["--quiet"])
    assert (result.out, result.err) == ("", "theirs\n")


# Runs the words after it in a group of their own, one that Landlock keeps nobody from with "without",
# and says which signals it heard itself.
CALLER = """
import ctypes, os, signal, struct, subprocess, sys
heard = []
os.setsid()
signal.signal(signal.SIGUSR1, lambda *_: heard.append("USR1"))
if sys.argv[1] == "without":
    create_ruleset, refused, allowed = 444, 0x00050000 | 38, 0x7fff0000
    lines = [(0x20, 0, 0, 0), (0x15, 0, 1, create_ruleset), (0x06, 0, 0, refused), (0x06, 0, 0, allowed)]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in lines))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(lines), ctypes.addressof(code)))
    libc = ctypes.CDLL(None)
    assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, program, 0, 0) == 0
status = subprocess.call(sys.argv[2:])
print("caller heard", heard)
sys.exit(status)
"""

TO_THE_GROUP = """
import os, signal
signal.signal(signal.SIGUSR1, signal.SIG_IGN)
try:
    os.kill(0, signal.SIGUSR1)
except PermissionError:
    pass
print("still here")
"""


@pytest.mark.parametrize("landlock", ["with", "without"])
def test_a_signal_to_its_own_group_does_not_reach_the_caller(sally, landlock):
    caller = sally.write("caller.py", CALLER)
    result = sally.run("/usr/bin/python3", "-c", TO_THE_GROUP, options=["--verbose"],
                       through=["/usr/bin/python3", caller, landlock])
    assert result.status == 0 and result.out == "still here\ncaller heard []\n", result
    assert ("absent  landlock" in result.err) == (landlock == "without"), result


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_standard_descriptors_become_nothing_else(sally, closed):
    """A socket or file of ours with such a number would hear what is said to the user."""
    script = "for n in 0 1 2; do readlink /proc/self/fd/$n; done >seen; exit 3"
    record = sally.home / "record-closed"
    result = sally.run_in(["sh", "-c", f'exec "$@" {closed}', "sh", sally.program, "run", "--record", record, "--",
                           "sh", "-c", script])
    assert result.status == 3, result
    seen = (sally.folder / "seen").read_text().splitlines()
    for number, redirection in enumerate(("<&-", ">&-", "2>&-")):
        if redirection in closed.split() and number != 1:
            assert seen[number] == "/dev/null", (closed, seen)
