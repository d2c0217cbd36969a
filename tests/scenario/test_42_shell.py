"""An interactive shell: a terminal of its own, job control, window size."""
import fcntl
import os
import re
import select
import struct
import termios
import time

import pytest


class Terminal:
    """The user's terminal, with `sallyport shell` on it."""

    def __init__(self, sally, *options):
        self.ours, theirs = os.openpty()
        self.size(24, 80)
        self.heard = ""
        argv = [sally.program, "shell", *options]
        if sally.user.switches:
            os.fchown(theirs, sally.user.uid, sally.user.gid)
        env = sally.environment({"PS1": "$ ", "SHELL": "/bin/bash", "TERM": "dumb"})
        self.process = sally.popen(argv, stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True,
                                   preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(theirs)

    def size(self, rows, columns):
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def type(self, text):
        os.write(self.ours, text.encode())

    def expect(self, pattern, seconds=20):
        end = time.monotonic() + seconds
        while True:
            found = re.search(pattern, self.heard)
            if found:
                self.heard = self.heard[found.end():]
                return found
            ready, _, _ = select.select([self.ours], [], [], max(0, end - time.monotonic()))
            assert ready, f"no {pattern!r} in {self.heard!r}"
            try:
                data = os.read(self.ours, 4096)
            except OSError:
                data = b""
            assert data, f"the end instead of {pattern!r} after {self.heard!r}"
            self.heard += data.decode(errors="replace")

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.ours)


@pytest.fixture
def shell(sally):
    terminal = Terminal(sally, "--quiet")
    yield terminal
    terminal.close()


def test_a_terminal_of_its_own(shell):
    shell.type("test -t 0 -a -t 1 && : > /dev/tty && stty size; echo $((40 + 2))\n")
    shell.expect(r"\n24 80\r\n42\r")
    shell.size(50, 132)
    shell.type("sleep 0.2; stty size\n")
    shell.expect(r"\n50 132\r")
    shell.type("exit 3\n")
    assert shell.process.wait(20) == 3


def test_job_control(shell):
    shell.type("sleep 1000\n")
    shell.expect("sleep 1000\r\n")
    time.sleep(0.3)
    shell.type("\x1a")  # ^Z
    shell.expect(r"Stopped +sleep 1000")
    shell.type("bg; jobs\n")
    shell.expect(r"Running +sleep 1000")
    shell.type("fg\n")
    shell.expect(r"\nsleep 1000\r\n")
    time.sleep(0.3)
    shell.type("\x03")  # ^C ends it and not the shell
    shell.type("echo still $((1 + 1))\n")
    shell.expect(r"\nstill 2\r")
    shell.expect(r"[$#] ")  # it reads: ^D that comes before is a byte to it
    shell.type("\x04")
    assert shell.process.wait(20) in (0, 130)


def test_it_is_the_jail(shell, sally):
    shell.type("ls -A ~ /home | wc -l; id -un; touch /usr/x || echo no $((1 + 1))\n")
    shell.expect(r"no 2\r")
    shell.type("exit\n")
    shell.process.wait(20)


def test_a_hangup_ends_it(sally):
    terminal = Terminal(sally, "--quiet")
    terminal.type("echo $((1 + 1))\n")
    terminal.expect(r"\n2\r")
    os.close(terminal.ours)
    terminal.ours = os.open("/dev/null", os.O_RDWR)
    terminal.process.wait(20)
    terminal.close()


def test_without_a_terminal(sally):
    result = sally.verb("shell")
    assert result.status == 125 and "wants a terminal" in result.err, result
